package netmux_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// One port serves clients with and without TLS: with DetectTLS the first byte of a connection
// decides.
func Example_tlsAndPlain() {
	config, roots, err := certificate("localhost")
	if err != nil {
		log.Fatal(err)
	}
	srv := netmux.Server{TLSConfig: config, DetectTLS: true}
	web, err := srv.ProtocolListener("h2", "http/1.1")
	if err != nil {
		log.Fatal(err)
	}
	port, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	pages := &http.Server{Handler: http.HandlerFunc(describe), Protocols: new(http.Protocols)}
	pages.Protocols.SetHTTP1(true)
	pages.Protocols.SetHTTP2(true)
	go pages.Serve(web)
	go srv.Serve(port)

	// Any HTTP client does TLS, and agrees on HTTP/2 by ALPN.
	stock := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	get("https://"+port.Addr().String(), stock)

	// Without TLS a client negotiates.
	dialer := &netmux.Dialer{Protocols: []string{"http/1.1"}}
	get("http://"+port.Addr().String(), &http.Transport{DialContext: dialer.DialContext})

	// A Dialer with a TLSConfig agrees by ALPN, too.
	secure := &netmux.Dialer{Protocols: []string{"http/1.1"}, TLSConfig: &tls.Config{RootCAs: roots}}
	conn, protocol, err := secure.DialProtocol(context.Background(), "tcp", port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Printf("%s on a %T\n", protocol, conn)
	// Output:
	// HTTP/2.0, TLS: true
	// HTTP/1.1, TLS: false
	// http/1.1 on a *tls.Conn
}

// describe tells how a request has arrived.
func describe(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s, TLS: %t", r.Proto, r.TLS != nil)
}

func get(url string, transport *http.Transport) {
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	response, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
}

// certificate makes a certificate for a host, and the pool of a client that trusts it. A server
// that is in use has one from a file: tls.LoadX509KeyPair.
func certificate(host string) (*tls.Config, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{host},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots, nil
}
