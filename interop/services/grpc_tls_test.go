package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/multiselect/multiselect/netmux"
)

// The documentation of ContextDialer names two ways in which a certificate is checked for the host
// of the target. With neither, gRPC has resolved the name before the Dialer sees it.
func TestGRPCOverTLS(t *testing.T) {
	server, roots := localhostOnly(t)
	srv := &netmux.Server{TLSConfig: server}
	calls, err := srv.ProtocolListener(grpcProtocol)
	if err != nil {
		t.Fatal(err)
	}
	backend := grpc.NewServer()
	defer backend.Stop()
	grpc_health_v1.RegisterHealthServer(backend, health.NewServer())
	go backend.Serve(calls)
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	go srv.ServeTLS(port, "", "")
	_, number, err := net.SplitHostPort(port.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ target, serverName, fails string }{
		{"passthrough:///127.0.0.1:" + number, "localhost", ""},
		{"dns:///localhost:" + number, "localhost", ""},
		{"passthrough:///localhost:" + number, "", ""},
		{"dns:///localhost:" + number, "", "certificate"},
	} {
		config := &tls.Config{RootCAs: roots, ServerName: tt.serverName}
		d := &netmux.Dialer{Protocols: []string{grpcProtocol}, TLSConfig: config}
		client, err := grpc.NewClient(tt.target, grpc.WithContextDialer(d.ContextDialer("tcp4")),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := grpc_health_v1.NewHealthClient(client).Check(t.Context(), new(grpc_health_v1.HealthCheckRequest))
		switch {
		case tt.fails != "":
			if err == nil || !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("%+v: %v", tt, err)
			}
		case err != nil || answer.Status != grpc_health_v1.HealthCheckResponse_SERVING:
			t.Errorf("%+v: %v, %v", tt, answer, err)
		}
		client.Close()
	}
}

// localhostOnly returns a configuration whose certificate has the name localhost, and no address.
func localhostOnly(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}
