package transport

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

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Trust holds what clients of tls:// and quic:// trust. Errors name its fields as the
// flags of mss.
type Trust struct {
	CAFile   string // a PEM file
	Pin      string // the fingerprint of a certificate
	Insecure bool   // any certificate
	ALPN     string // the ALPN protocol to propose, or empty for the default
}

// DefaultALPN is the ALPN protocol of both ends of quic:// without --alpn, because
// QUIC requires one. tls:// has none by default.
const DefaultALPN = "multistream"

// Check returns an error for flags that contradict each other or the address, before
// mss connects: on an address without TLS a flag about trust must not be ignored.
func (t *Trust) Check(a address.Address) error {
	if (t.CAFile != "" || t.Pin != "" || t.Insecure) && !a.Form.HasCertificates() {
		return exit.Usagef("--ca, --pin and --insecure are for tls:// and quic://, and %s is neither", a)
	}
	if err := checkALPN(t.ALPN, a); err != nil {
		return err
	}
	if digest, ok := strings.CutPrefix(t.Pin, "sha256:"); t.Pin != "" {
		if b, err := hex.DecodeString(digest); !ok || err != nil || len(b) != sha256.Size {
			return exit.Usagef("--pin %q: write sha256: and 64 hexadecimal digits, as mss serve prints them", t.Pin)
		}
	}
	if t.Insecure && (t.Pin != "" || t.CAFile != "") || t.Pin != "" && t.CAFile != "" {
		return exit.Usagef("--ca, --pin and --insecure exclude each other")
	}
	return nil
}

func checkALPN(alpn string, a address.Address) error {
	if alpn != "" && !a.Form.HasCertificates() {
		return exit.Usagef("--alpn is for tls:// and quic://, and %s is neither", a)
	}
	return nil
}

// client returns the TLS configuration for a server at a host:port.
func (t *Trust) client(where, alpn string) (*tls.Config, error) {
	host, _, _ := net.SplitHostPort(where)
	config := &tls.Config{ServerName: host, NextProtos: nextProtos(t.ALPN, alpn), InsecureSkipVerify: t.Insecure || t.Pin != ""}
	if t.Pin != "" {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if got := fingerprint(state.PeerCertificates[0].Raw); !strings.EqualFold(got, t.Pin) {
				return &pinError{got}
			}
			return nil
		}
	}
	if t.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, exit.AsLocal("--ca", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, exit.AsLocal("--ca "+t.CAFile, errors.New("no certificate in it"))
	}
	return config, nil
}

func nextProtos(alpn, otherwise string) []string {
	if alpn := cmp.Or(alpn, otherwise); alpn != "" {
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

// BadCertificate returns the fingerprint of the certificate that made a
// connection fail, if one did.
func BadCertificate(err error) (string, bool) {
	if e, ok := errors.AsType[*pinError](err); ok {
		return e.got, true
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(e.UnverifiedCertificates) > 0 {
		return fingerprint(e.UnverifiedCertificates[0].Raw), true
	}
	return "", false
}

// Certificates holds the proofs of identity of a server: a certificate on tls:// and
// quic://, the key of a libp2p peer on a multiaddr. Errors name its fields as the flags of
// mss.
type Certificates struct {
	CertFile string // a PEM file; without it a certificate is made
	KeyFile  string // its key, PEM, or that of the libp2p peer, see identity
	ALPN     string // the ALPN protocol to accept, or empty for the default
}

// check returns an error for flags that the address does not use.
func (c *Certificates) check(a address.Address) error {
	switch {
	case a.Form.HasCertificates():
	case c.CertFile != "":
		return exit.Usagef("--cert is for tls:// and quic://, and %s is neither", a)
	case c.KeyFile != "" && !a.Form.IsLibp2p():
		return exit.Usagef("--key is for tls://, quic:// and multiaddrs, and %s is none of them", a)
	}
	return checkALPN(c.ALPN, a)
}

// server returns the configuration of a server, and the fingerprint of its
// certificate.
func (c *Certificates) server(where, alpn string) (*tls.Config, string, error) {
	var cert tls.Certificate
	var err error
	switch {
	case (c.CertFile == "") != (c.KeyFile == ""):
		return nil, "", exit.Usagef("--cert and --key belong together")
	case c.CertFile != "":
		if cert, err = c.load(); err != nil {
			return nil, "", err
		}
	default:
		if cert, err = selfSigned(where); err != nil {
			return nil, "", exit.AsLocal("making a certificate", err)
		}
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: nextProtos(c.ALPN, alpn)}, fingerprint(cert.Certificate[0]), nil
}

// load reads the two files.
func (c *Certificates) load() (tls.Certificate, error) {
	cert, err := os.ReadFile(c.CertFile)
	if err != nil {
		return tls.Certificate{}, exit.AsLocal("--cert", err)
	}
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return tls.Certificate{}, exit.AsLocal("--key", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	return pair, exit.AsLocal("--cert "+c.CertFile+" and --key "+c.KeyFile, err)
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
