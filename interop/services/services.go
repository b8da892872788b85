// Services is four services on one TCP port and the same four on one TLS port: HTTP/1.1,
// HTTP/2, gRPC's health and an echo. The clients are the usual ones, of net/http and of gRPC,
// with a netmux.Dialer where they take a dialer.
//
//	GOWORK=off go run .
//
// serves, calls each service on both ports, and prints each answer. Its tests, which
// interop/check runs, do the same, and show what cmux_test.go lists from the tracker of cmux.
// It is a module of its own because gRPC requires a newer golang.org/x/net than the libraries
// that interop compares.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/multiselect/multiselect/netmux"
)

// The names are those of ALPN where it has some, so that browsers and curl find
// what they want on the TLS port.
const (
	http1Protocol = "http/1.1"
	http2Protocol = "h2"
	grpcProtocol  = "/grpc/1.0.0"
	echoProtocol  = "/echo/1.0.0"
)

// services are the servers behind the ports.
type services struct {
	mux  netmux.Server
	http http.Server
	grpc *grpc.Server
}

// newServices registers everything, and starts what accepts.
func newServices() (*services, error) {
	s := &services{grpc: grpc.NewServer()}
	grpc_health_v1.RegisterHealthServer(s.grpc, health.NewServer())
	s.http.Handler = http.HandlerFunc(describe)
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetHTTP2(true)
	s.http.Protocols.SetUnencryptedHTTP2(true)

	web, err := s.mux.ProtocolListener(http1Protocol, http2Protocol)
	if err != nil {
		return nil, err
	}
	calls, err := s.mux.ProtocolListener(grpcProtocol)
	if err != nil {
		return nil, err
	}
	if err := s.mux.Muxer.AddHandler(echoProtocol, echo); err != nil {
		return nil, err
	}
	s.mux.Fallback = http1Protocol // for those who do not negotiate
	go s.http.Serve(web)
	go s.grpc.Serve(calls)
	return s, nil
}

// listen serves one TCP port and one TLS port, and returns their addresses.
func (s *services) listen(config *tls.Config) (plain, secure string, err error) {
	l1, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	l2, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l1.Close()
		return "", "", err
	}
	s.mux.TLSConfig = config
	go s.mux.Serve(l1)
	go s.mux.ServeTLS(l2, "", "")
	return l1.Addr().String(), l2.Addr().String(), nil
}

// shutdown stops the servers that accept, and then the ports.
func (s *services) shutdown(ctx context.Context) error {
	s.grpc.GracefulStop()
	if err := s.http.Shutdown(ctx); err != nil {
		return err
	}
	return s.mux.Shutdown(ctx)
}

// describe says how the request came.
func describe(w http.ResponseWriter, r *http.Request) {
	encryption := "no TLS"
	if r.TLS != nil {
		encryption = fmt.Sprintf("%s, ALPN %q", tls.VersionName(r.TLS.Version), r.TLS.NegotiatedProtocol)
	}
	fmt.Fprintf(w, "%s, %s", r.Proto, encryption)
}

func echo(_ context.Context, _ string, stream io.ReadWriteCloser) {
	defer stream.Close()
	io.Copy(stream, stream)
}
