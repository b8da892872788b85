package transport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Flags that an address does not use, or that contradict each other, are usage errors.
func TestTrustCheck(t *testing.T) {
	pin := "sha256:" + strings.Repeat("0a", 32)
	for _, c := range []struct {
		where string
		trust Trust
		says  string // empty: no error
	}{
		{"127.0.0.1:1", Trust{}, ""},
		{"tls://h:1", Trust{Pin: pin, ALPN: "x"}, ""},
		{"quic://h:1", Trust{CAFile: "f"}, ""},
		{"quic://h:1", Trust{Insecure: true}, ""},
		{"127.0.0.1:1", Trust{Pin: pin}, "--ca, --pin and --insecure are for tls:// and quic://, and 127.0.0.1:1 is neither"},
		{"yamux://h:1", Trust{CAFile: "f"}, "are for tls:// and quic://"},
		{"/ip4/1.2.3.4/tcp/1", Trust{Insecure: true}, "are for tls:// and quic://"},
		{"127.0.0.1:1", Trust{ALPN: "x"}, "--alpn is for tls:// and quic://"},
		{"tls://h:1", Trust{Pin: "sha256:00"}, "write sha256: and 64 hexadecimal digits"},
		{"tls://h:1", Trust{Pin: strings.TrimPrefix(pin, "sha256:")}, "write sha256: and 64 hexadecimal digits"},
		{"tls://h:1", Trust{Pin: strings.Replace(pin, "0a", "xx", 1)}, "write sha256: and 64 hexadecimal digits"},
		{"tls://h:1", Trust{Pin: pin, Insecure: true}, "exclude each other"},
		{"tls://h:1", Trust{Pin: pin, CAFile: "f"}, "exclude each other"},
		{"tls://h:1", Trust{CAFile: "f", Insecure: true}, "exclude each other"},
	} {
		err := c.trust.Check(parse(t, c.where))
		switch {
		case c.says == "" && err != nil, c.says != "" && (exit.Code(err) != exit.Usage || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s, %+v: %v; want %q", c.where, c.trust, err, c.says)
		}
	}
}

// writePEM writes a file for --ca, --cert or --key.
func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// certificate returns the files of a new certificate.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	server, _ := streamtest.TLS(t)
	made := server.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", made.Certificate[0]), writePEM(t, "PRIVATE KEY", der)
}

// A client trusts the certificates of its flags and no others. The error for another one
// tells its fingerprint.
func TestTrust(t *testing.T) {
	cert, key := certificate(t)
	other, _ := certificate(t)
	empty := writePEM(t, "NOTHING", nil)
	for _, where := range []string{"tls://127.0.0.1:0", "quic://127.0.0.1:0"} {
		ln := mustListen(t, where, ListenConfig{Certificates: &Certificates{CertFile: cert, KeyFile: key}})
		go func() {
			for {
				conn, err := ln.accept(t)
				if err != nil {
					return
				}
				go io.Copy(io.Discard, conn) // the handshake
			}
		}()
		for _, c := range []struct {
			name  string
			trust Trust
			code  int
			says  string
			bad   bool // the error is about the certificate
		}{
			{"its pin", Trust{Pin: ln.Fingerprint}, exit.OK, "", false},
			{"its pin in capitals", Trust{Pin: "sha256:" + strings.ToUpper(strings.TrimPrefix(ln.Fingerprint, "sha256:"))}, exit.OK, "", false},
			{"its authority", Trust{CAFile: cert}, exit.OK, "", false},
			{"insecure", Trust{Insecure: true}, exit.OK, "", false},
			{"another pin", Trust{Pin: "sha256:" + strings.Repeat("00", 32)}, exit.Connect, "its certificate is " + ln.Fingerprint, true},
			{"another authority", Trust{CAFile: other}, exit.Connect, "certificate", true},
			{"the authorities of the system", Trust{}, exit.Connect, "certificate", true},
			{"no file", Trust{CAFile: cert + ".not"}, exit.Local, "--ca: open ", false},
			{"an empty file", Trust{CAFile: empty}, exit.Local, "no certificate in it", false},
		} {
			l, err := Connect(t.Context(), ln.Address, &c.trust, new(client))
			if err == nil {
				var s Stream
				if s, err = l.Open(t.Context()); err == nil {
					s.Close()
				}
				l.Close()
			}
			if exit.Code(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, %s: exit code %d, %v", where, c.name, exit.Code(err), err)
			}
			if got, bad := BadCertificate(err); bad != c.bad || bad && got != ln.Fingerprint {
				t.Errorf("%s, %s: the bad certificate is %q, %v", where, c.name, got, bad)
			}
		}
	}
	if _, bad := BadCertificate(io.EOF); bad {
		t.Error("io.EOF is about a certificate")
	}
}

// Without a common ALPN protocol there is no connection.
func TestALPN(t *testing.T) {
	for _, where := range []string{"tls://127.0.0.1:0", "quic://127.0.0.1:0"} {
		ln := mustListen(t, where, ListenConfig{Certificates: &Certificates{ALPN: "chat"}})
		go func() {
			if conn, err := ln.accept(t); err == nil {
				conn.(*tls.Conn).HandshakeContext(t.Context())
				conn.Close()
			}
		}()
		l, err := Connect(t.Context(), ln.Address, &Trust{Pin: ln.Fingerprint, ALPN: "mail"}, new(client))
		if err == nil {
			_, err = l.Open(t.Context())
		}
		if exit.Code(err) != exit.Connect || !strings.Contains(err.Error(), "no application protocol") {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// A server needs a certificate with its key, and an address that shows it.
func TestCertificates(t *testing.T) {
	cert, key := certificate(t)
	_, otherKey := certificate(t)
	for _, c := range []struct {
		where string
		certs Certificates
		code  int
		says  string
	}{
		{"tls://127.0.0.1:0", Certificates{CertFile: cert}, exit.Usage, "--cert and --key belong together"},
		{"quic://127.0.0.1:0", Certificates{KeyFile: key}, exit.Usage, "--cert and --key belong together"},
		{"quic://127.0.0.1:0", Certificates{CertFile: cert, KeyFile: otherKey}, exit.Local, "--cert " + cert + " and --key " + otherKey + ": "},
		{"tls://127.0.0.1:0", Certificates{CertFile: cert, KeyFile: key + ".not"}, exit.Local, "--key: open " + key + ".not: "},
		{"tls://127.0.0.1:0", Certificates{CertFile: cert + ".not", KeyFile: key}, exit.Local, "--cert: open " + cert + ".not: "},
		{"127.0.0.1:0", Certificates{CertFile: cert, KeyFile: key}, exit.Usage, "--cert is for tls:// and quic://"},
		{"/ip4/127.0.0.1/tcp/0", Certificates{CertFile: cert, KeyFile: key}, exit.Usage, "--cert is for tls:// and quic://"},
		{"127.0.0.1:0", Certificates{KeyFile: key}, exit.Usage, "--key is for tls://, quic:// and multiaddrs"},
		{"/ip4/127.0.0.1/tcp/0", Certificates{ALPN: "x"}, exit.Usage, "--alpn is for tls:// and quic://"},
	} {
		ln, err := Listen(parse(t, c.where), ListenConfig{Certificates: &c.certs, Host: newServer()})
		if err == nil {
			ln.Close()
		}
		if exit.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %+v: exit code %d, %v", c.where, c.certs, exit.Code(err), err)
		}
	}
}

// The certificate of a run is for the host that it listens on, and for the loopback.
func TestSelfSigned(t *testing.T) {
	for where, names := range map[string][]string{
		"example.org:443": {"example.org", "localhost", "127.0.0.1", "::1"},
		"192.0.2.1:443":   {"192.0.2.1", "localhost"},
		":0":              {"localhost", "127.0.0.1"},
	} {
		made, err := selfSigned(where)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(made.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := leaf.VerifyHostname(name); err != nil {
				t.Errorf("%s: %v", where, err)
			}
		}
		var mismatch x509.HostnameError
		if err := leaf.VerifyHostname("192.0.2.99"); !errors.As(err, &mismatch) {
			t.Errorf("%s: another host: %v", where, err)
		}
	}
}
