package conform_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// This file holds our own responder and initiator against every case.

var (
	nine = "/conform9"
	long = "/" + strings.Repeat("L", 200)

	served = []string{"/echo/1.0.0", "/echo/2.0.0", "svc/raw", nine, long}
)

const budget = 300 * time.Millisecond

// echo is the protocol of both parties.
func echo(stream io.ReadWriteCloser) {
	io.Copy(stream, stream)
	stream.Close()
}

func ourMuxer(t testing.TB) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	m.Limits.Budget = budget
	for _, name := range served {
		err := m.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) { echo(stream) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// listen serves a listener until the test ends.
func listen(t testing.TB, network, addr string, handle func(net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go handle(conn)
		}
	}()
	return l
}

var strict = conform.Options{Strict: true, Quiet: 20 * time.Millisecond, Timeout: 2 * time.Second}

func eachNetwork(t *testing.T, do func(t *testing.T, network, addr string)) {
	do2 := func(network, addr string) {
		t.Run(network, func(t *testing.T) { do(t, network, addr) })
	}
	do2("tcp", "127.0.0.1:0")
	do2("unix", filepath.Join(t.TempDir(), "s"))
}

func TestOurResponder(t *testing.T) {
	mux := ourMuxer(t)
	serve := func(conn net.Conn) { mux.Handle(context.Background(), conn) }
	eachNetwork(t, func(t *testing.T, network, addr string) {
		l := listen(t, network, addr, serve)
		var d net.Dialer
		conform.TestResponder(t, conform.Responder{
			Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
				return d.DialContext(ctx, network, l.Addr().String())
			},
			Protocols: served,
			Budget:    budget,
		}, strict)
	})
	t.Run("pipe", func(t *testing.T) {
		conform.TestResponder(t, conform.Responder{
			Dial: func(context.Context) (io.ReadWriteCloser, error) {
				ours, theirs := net.Pipe()
				go serve(ours)
				return theirs, nil
			},
			Protocols: served,
			Budget:    budget,
		}, strict)
	})
}

func TestOurInitiator(t *testing.T) {
	eachNetwork(t, func(t *testing.T, network, addr string) {
		l, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conform.TestInitiator(t, dialer(l), strict)
	})
	t.Run("pipe", func(t *testing.T) {
		conform.TestInitiator(t, conform.Streams(pipe, initiate), strict)
	})
}

func pipe() (initiators, testers io.ReadWriteCloser, err error) {
	a, b := net.Pipe()
	return a, b, nil
}
