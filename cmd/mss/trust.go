package main

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// trust holds the flags about certificates of clients of tls:// and quic://.
type trust struct {
	ca       string
	pin      string
	insecure bool
	alpn     string
}

// defaultALPN is the ALPN protocol of both ends of quic:// without --alpn, because
// QUIC requires one. tls:// has none by default.
const defaultALPN = "multistream"

func (t *trust) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.ca, "ca", "", "trust only the certificates in this PEM `FILE`")
	cmd.Flags().StringVar(&t.pin, "pin", "", "trust only the certificate with the fingerprint `sha256:HEX`")
	cmd.Flags().BoolVar(&t.insecure, "insecure", false, "trust any certificate")
	t.addALPN(cmd)
}

func (t *trust) addALPN(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.alpn, "alpn", "", "application `PROTOCOL` to offer (default: none on tls://, "+defaultALPN+" on quic://)")
}

// check returns an error for flags that contradict each other or the address, before
// mss connects: on an address without TLS a flag about trust must not be ignored.
func (t *trust) check(a address) error {
	if (t.ca != "" || t.pin != "" || t.insecure) && !a.form.tls() {
		return usagef("--ca, --pin and --insecure are for tls:// and quic://, and %s is neither", a)
	}
	if err := t.checkALPN(a); err != nil {
		return err
	}
	if digest, ok := strings.CutPrefix(t.pin, "sha256:"); t.pin != "" {
		if b, err := hex.DecodeString(digest); !ok || err != nil || len(b) != sha256.Size {
			return usagef("--pin %q: write sha256: and 64 hexadecimal digits, as mss serve prints them", t.pin)
		}
	}
	if t.insecure && (t.pin != "" || t.ca != "") || t.pin != "" && t.ca != "" {
		return usagef("--ca, --pin and --insecure exclude each other")
	}
	return nil
}

func (t *trust) checkALPN(a address) error {
	if t.alpn != "" && !a.form.tls() {
		return usagef("--alpn is for tls:// and quic://, and %s is neither", a)
	}
	return nil
}

// client returns the TLS configuration for a server at a host:port.
func (t *trust) client(where, alpn string) (*tls.Config, error) {
	host, _, _ := net.SplitHostPort(where)
	config := &tls.Config{ServerName: host, NextProtos: t.protocols(alpn), InsecureSkipVerify: t.insecure || t.pin != ""}
	if t.pin != "" {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if got := fingerprint(state.PeerCertificates[0].Raw); !strings.EqualFold(got, t.pin) {
				return &pinError{got}
			}
			return nil
		}
	}
	if t.ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, local("--ca", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, local("--ca "+t.ca, errors.New("no certificate in it"))
	}
	return config, nil
}

func (t *trust) protocols(otherwise string) []string {
	if alpn := cmp.Or(t.alpn, otherwise); alpn != "" {
		return []string{alpn}
	}
	return nil
}

// pinError is the error for a certificate other than that of --pin.
type pinError struct{ got string }

func (e *pinError) Error() string { return "its certificate is " + e.got }

// fingerprint returns the name of a certificate on the command line.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// badCertificate returns the fingerprint of the certificate that made a
// connection fail, if one did.
func badCertificate(err error) (string, bool) {
	if e, ok := errors.AsType[*pinError](err); ok {
		return e.got, true
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		return fingerprint(e.UnverifiedCertificates[0].Raw), true
	}
	return "", false
}

// certificates holds the flags about the certificate of a server.
type certificates struct {
	cert, key string
	trust     // only its ALPN
}

func (c *certificates) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.cert, "cert", "", "certificate `FILE`, PEM (default: one made for this run)")
	cmd.Flags().StringVar(&c.key, "key", "", "`FILE` of its private key, PEM")
	c.addALPN(cmd)
}

// check returns an error for flags that the address does not use.
func (c *certificates) check(a address) error {
	if (c.cert != "" || c.key != "") && !a.form.tls() {
		return usagef("--cert and --key are for tls:// and quic://, and %s is neither", a)
	}
	return c.checkALPN(a)
}

// server returns the configuration of a server, and the fingerprint of its
// certificate.
func (c *certificates) server(where, alpn string) (*tls.Config, string, error) {
	var cert tls.Certificate
	var err error
	switch {
	case (c.cert == "") != (c.key == ""):
		return nil, "", usagef("--cert and --key belong together")
	case c.cert != "":
		if cert, err = tls.LoadX509KeyPair(c.cert, c.key); err != nil {
			return nil, "", local("--cert", err)
		}
	default:
		if cert, err = selfSigned(where); err != nil {
			return nil, "", local("making a certificate", err)
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: c.protocols(alpn)}, fingerprint(cert.Certificate[0]), nil
}

// selfSigned makes a certificate for the host of where. Its key exists only in this
// process; clients trust it with --pin.
func selfSigned(where string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host, _, _ := net.SplitHostPort(where); net.ParseIP(host) != nil {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(host))
	} else if host != "" {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
