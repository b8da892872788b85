package netmux_test

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"testing"

	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// The benchmarks show figures of README.md and docs/performance.md in some seconds:
//
//	go test -bench . -run '^$' ./netmux

// BenchmarkConnection measures a TCP connection that a Dialer opens and a Server accepts, with a
// request and its reply. The floor is a loop of Accept with a goroutine for each connection, and
// transfers the same bytes without a protocol. So "×floor" is the cost of the negotiation, which
// docs/performance.md has alone, and of the list of half-open connections.
func BenchmarkConnection(b *testing.B) {
	s := newServer(b)
	l := streamtest.Listen(b, "tcp")
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	dialer := &netmux.Dialer{Protocols: []string{measured}}
	connect := func() {
		conn, err := dialer.DialContext(context.Background(), "tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		exchange(b, conn, "request")
		finish(b, conn)
	}

	plain := streamtest.Listen(b, "tcp")
	go acceptAndEcho(plain)
	flight := wire.HeaderFrame + streamtest.Messages(measured)
	floor := func() {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", plain.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		exchange(b, conn, flight)
		exchange(b, conn, "request")
		finish(b, conn)
	}
	streamtest.Compare(b, connect, floor)
}

const measured = "/echo/1.0.0"

// newServer returns a server with an echo.
func newServer(b *testing.B) *netmux.Server {
	b.Helper()
	s := &netmux.Server{Logger: slog.New(slog.DiscardHandler)}
	err := s.Muxer.AddHandler(measured, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.Copy(stream, struct{ io.Reader }{stream})
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// exchange sends a request to an echo and reads the reply.
func exchange(b *testing.B, conn net.Conn, request string) {
	b.Helper()
	streamtest.MustWrite(b, conn, request)
	streamtest.MustRead(b, conn, request)
}

// finish closes a connection without the time in which its port cannot be used again.
func finish(b *testing.B, conn net.Conn) {
	b.Helper()
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		b.Fatal(err)
	}
	conn.Close()
}

func acceptAndEcho(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			io.Copy(conn, struct{ io.Reader }{conn})
		}()
	}
}

// BenchmarkHalfOpen shows "waiting for a silent peer: … in a netmux.Server 1.15 times the memory of
// a goroutine blocked in Read". It measures memory and no time.
func BenchmarkHalfOpen(b *testing.B) {
	const conns, acceptor = 1000, 1
	least, ours := math.Inf(1), math.Inf(1)
	for b.Loop() {
		least = min(least, child.Held(b, conns, conns+acceptor, func(l net.Listener) {
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						child.BlockInRead(conn)
					}()
				}
			}()
		}).Sum())
		ours = min(ours, child.Held(b, conns, conns+acceptor, func(l net.Listener) {
			go newServer(b).Serve(l)
		}).Sum())
	}
	b.ReportMetric(ours, "B/peer")
	b.ReportMetric(ours/least, "×floor")
	b.ReportMetric(0, "ns/op") // is none
}
