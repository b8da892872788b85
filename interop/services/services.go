// Services is six services on one TCP port and the same on one TLS port: HTTP/1.1, HTTP/2,
// WebSocket, gRPC's health, an echo, and one that tells clients their address. The clients are the usual ones, of net/http and of gRPC,
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
	"sync/atomic"

	"github.com/coder/websocket"
	proxyproto "github.com/pires/go-proxyproto"
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
	whoProtocol   = "/who/1.0.0" // tells clients their address
)

// services are the servers behind the ports.
type services struct {
	mux    netmux.Server
	http   http.Server
	grpc   *grpc.Server
	served [kinds]atomic.Int64
}

// The kinds of requests whose answers are counted.
const (
	viaHTTP = iota
	viaGRPC
	viaSocket
	viaEcho
	viaWho
	kinds
)

// newServices registers everything, and starts what accepts.
func newServices() (*services, error) {
	s := new(services)
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.countCall))
	grpc_health_v1.RegisterHealthServer(s.grpc, health.NewServer())
	pages := http.NewServeMux()
	pages.HandleFunc("/", s.describe)
	pages.HandleFunc("/socket", s.echoSocket)
	s.http.Handler = pages
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
	if err := s.mux.Muxer.AddHandler(echoProtocol, s.echo); err != nil {
		return nil, err
	}
	if err := s.mux.Muxer.AddHandler(whoProtocol, s.who); err != nil {
		return nil, err
	}
	s.mux.Fallback = http1Protocol // for those who do not negotiate
	go s.http.Serve(web)
	go s.grpc.Serve(calls)
	return s, nil
}

// listen serves one TCP port and one TLS port, and returns their addresses. Behind is nil, or
// reads what a balancer sends first, see [behindBalancer].
func (s *services) listen(config *tls.Config, behind func(net.Listener) net.Listener) (plain, secure string, err error) {
	l1, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	l2, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l1.Close()
		return "", "", err
	}
	if behind != nil {
		l1, l2 = behind(l1), behind(l2)
	}
	s.mux.TLSConfig = config
	go s.mux.Serve(l1)
	go s.mux.ServeTLS(l2, "", "")
	return l1.Addr().String(), l2.Addr().String(), nil
}

// behindBalancer accepts connections that begin with a header of the PROXY protocol, version 1 or
// 2, and no others. Their addresses are those that the balancer has seen.
func behindBalancer(l net.Listener) net.Listener {
	return &proxyproto.Listener{
		Listener: l,
		ConnPolicy: func(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			return proxyproto.REQUIRE, nil
		},
	}
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
func (s *services) describe(w http.ResponseWriter, r *http.Request) {
	encryption := "no TLS"
	if r.TLS != nil {
		encryption = fmt.Sprintf("%s, ALPN %q", tls.VersionName(r.TLS.Version), r.TLS.NegotiatedProtocol)
	}
	s.served[viaHTTP].Add(1)
	fmt.Fprintf(w, "%s, %s", r.Proto, encryption)
}

// echoSocket sends one message of a WebSocket back.
func (s *services) echoSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	kind, message, err := conn.Read(r.Context())
	if err != nil {
		return
	}
	if conn.Write(r.Context(), kind, message) == nil {
		s.served[viaSocket].Add(1)
	}
	conn.Read(r.Context()) // until the client closes
}

func (s *services) countCall(ctx context.Context, request any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	s.served[viaGRPC].Add(1)
	return h(ctx, request)
}

func (s *services) echo(_ context.Context, _ string, stream io.ReadWriteCloser) {
	defer stream.Close()
	if _, err := io.Copy(stream, stream); err == nil {
		s.served[viaEcho].Add(1)
	}
}

// who sends the address of the client, closes this half, and then expects "bye".
func (s *services) who(_ context.Context, _ string, stream io.ReadWriteCloser) {
	defer stream.Close()
	fmt.Fprint(stream, stream.(net.Conn).RemoteAddr())
	if err := closeWrite(stream); err != nil {
		return
	}
	if farewell, err := io.ReadAll(stream); err == nil && string(farewell) == "bye" {
		s.served[viaWho].Add(1)
	}
}

// closeWrite closes the half that is written to. A connection of package proxyproto has no such
// method, but returns the one below.
func closeWrite(stream io.ReadWriteCloser) error {
	if proxied, ok := stream.(*proxyproto.Conn); ok {
		stream = proxied.Raw()
	}
	half, ok := stream.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("a %T has no half to close", stream)
	}
	return half.CloseWrite()
}
