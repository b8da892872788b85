package reliability

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"

	hashicorp "github.com/hashicorp/yamux"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/xtaci/smux"
	xquic "golang.org/x/net/quic"
)

// TestDrainTransports ends programs that have written requests, over each transport, and compares
// the number of requests that have reached their handlers with the table of docs/reliability.md. The
// responders take turns. The module libp2p has those of go-libp2p.
func TestDrainTransports(t *testing.T) {
	var serve []func(io.ReadWriteCloser, func(io.ReadWriteCloser)) error
	for _, respond := range responders {
		serve = append(serve, func(stream io.ReadWriteCloser, h func(io.ReadWriteCloser)) error { return respond(stream, h) })
	}
	for name, connect := range map[string]func(t testing.TB) *apitest.Ending{
		"TCP":                      func(t testing.TB) *apitest.Ending { return socketEnding(t, "tcp", nil, nil) },
		"Unix sockets":             func(t testing.TB) *apitest.Ending { return socketEnding(t, "unix", nil, nil) },
		"TLS":                      tlsEnding,
		"go-yamux":                 yamuxEnding,
		"hashicorp/yamux":          hashicorpEnding,
		"smux":                     smuxEnding,
		"quic-go":                  rawQUICEnding,
		"quic-go, with CloseWrite": quicEnding,
		"x/net/quic":               xquicEnding,
	} {
		t.Run(name, func(t *testing.T) {
			serve := serve
			if name == "x/net/quic" {
				serve = serve[:1] // the other responders do not flush
			}
			apitest.CheckEndings(t, document, name, connect, serve...)
		})
	}
}

// socketEnding has a connection for each stream, over TLS if there are configurations.
func socketEnding(t testing.TB, network string, server, client *tls.Config) *apitest.Ending {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return &apitest.Ending{
		Open: func() (io.ReadWriteCloser, error) {
			conn, err := net.Dial(network, l.Addr().String())
			if err == nil && client != nil {
				conn = tls.Client(conn, client)
			}
			return conn, err
		},
		Accept: func() (io.ReadWriteCloser, error) {
			conn, err := l.Accept()
			if err == nil && server != nil {
				conn = tls.Server(conn, server)
			}
			return conn, err
		},
		End:   func() { l.Close() },
		Ended: func() {},
	}
}

func tlsEnding(t testing.TB) *apitest.Ending {
	server, client := streamtest.TLS(t)
	client.ServerName = "127.0.0.1"
	return socketEnding(t, "tcp", server, client)
}

func yamuxEnding(t testing.TB) *apitest.Ending {
	s := openYamux(t)
	return &apitest.Ending{Open: s.open, Accept: s.accept, End: s.end, Ended: s.ended}
}

func quicEnding(t testing.TB) *apitest.Ending {
	s := openQUIC(t)
	return &apitest.Ending{Open: s.open, Accept: s.accept, End: s.end, Ended: s.ended}
}

// rawQUICEnding has streams without a wrapper, whose Close ends only the half that is written to.
func rawQUICEnding(t testing.TB) *apitest.Ending {
	e := quicEnding(t)
	open := e.Open
	e.Open = func() (io.ReadWriteCloser, error) {
		stream, err := open()
		return stream.(quicStream).Stream, err
	}
	return e
}

func hashicorpEnding(t testing.TB) *apitest.Ending {
	t.Helper()
	near, far := tcpPair(t)
	config := hashicorp.DefaultConfig()
	config.LogOutput = io.Discard
	client, err := hashicorp.Client(near, config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := hashicorp.Server(far, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return &apitest.Ending{
		Open:   func() (io.ReadWriteCloser, error) { return client.OpenStream() },
		Accept: func() (io.ReadWriteCloser, error) { return server.AcceptStream() },
		End:    func() { client.Close() },
		Ended:  func() { <-server.CloseChan() },
	}
}

func smuxEnding(t testing.TB) *apitest.Ending {
	t.Helper()
	near, far := tcpPair(t)
	client, err := smux.Client(near, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := smux.Server(far, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return &apitest.Ending{
		Open:   func() (io.ReadWriteCloser, error) { return client.OpenStream() },
		Accept: func() (io.ReadWriteCloser, error) { return server.AcceptStream() },
		End:    func() { client.Close() },
		Ended:  func() { server.AcceptStream() }, // fails
	}
}

// xquicEnding has streams without a wrapper, whose Write keeps the bytes until a Flush.
func xquicEnding(t testing.TB) *apitest.Ending {
	t.Helper()
	serverTLS, clientTLS := streamtest.TLS(t, "reliability")
	clientTLS.ServerName = "127.0.0.1"
	serverTLS.MinVersion, clientTLS.MinVersion = tls.VersionTLS13, tls.VersionTLS13
	listen := func(config *xquic.Config) *xquic.Endpoint {
		e, err := xquic.Listen("udp", "127.0.0.1:0", config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ended, cancel := context.WithCancel(ctx)
			cancel() // without waiting for the peer
			e.Close(ended)
		})
		return e
	}
	there := listen(&xquic.Config{TLSConfig: serverTLS})
	here := listen(&xquic.Config{TLSConfig: clientTLS})
	client, err := here.Dial(ctx, "udp", there.LocalAddr().String(), &xquic.Config{TLSConfig: clientTLS})
	if err != nil {
		t.Fatal(err)
	}
	server, err := there.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &apitest.Ending{
		Open:   func() (io.ReadWriteCloser, error) { return client.NewStream(ctx) },
		Accept: func() (io.ReadWriteCloser, error) { return server.AcceptStream(ctx) },
		End:    func() { client.Close() },
		Ended:  func() { server.Wait(ctx) },
	}
}
