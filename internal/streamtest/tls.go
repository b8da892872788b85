package streamtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"
)

// TLS returns the configuration of a server with a certificate made for this run,
// and that of a client that trusts only this certificate. Both offer the given
// ALPN protocols. See [SelfSigned].
func TLS(t testing.TB, protocols ...string) (server, client *tls.Config) {
	t.Helper()
	server, client, err := SelfSigned(protocols...)
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

// SelfSigned is TLS for programs. The certificate is valid for localhost,
// 127.0.0.1, ::1 and the name "memory", from 1970 until 2242, which includes the
// fake time of testing/synctest. The client's ServerName is left to the caller.
func SelfSigned(protocols ...string) (server, client *tls.Config, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Unix(1<<33, 0),
		DNSNames:              []string{"localhost", "memory"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}},
		NextProtos:   protocols,
	}
	return server, &tls.Config{RootCAs: roots, NextProtos: protocols}, nil
}
