package conform_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/subject"
)

// This file holds our own responder and initiator against every case.

var (
	nine = "/conform9"
	long = "/" + strings.Repeat("L", 200)

	served = []string{"/echo/1.0.0", "/echo/2.0.0", "svc/raw", nine, long}
)

// echo is the protocol of both parties.
func echo(stream io.ReadWriteCloser) {
	io.Copy(stream, stream)
	stream.Close()
}

func ourMuxer(t testing.TB, timeout time.Duration) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	m.Limits.Timeout = timeout
	for _, name := range served {
		err := m.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) { echo(stream) })
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// bind listens on an address of its own until the test ends.
func bind(t testing.TB, network, addr string) net.Listener {
	t.Helper()
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// listen serves a listener until the test ends.
func listen(t testing.TB, network, addr string, handle func(net.Conn)) net.Listener {
	t.Helper()
	l := bind(t, network, addr)
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

// strict has limits that a busy machine does not reach: a party has to be silent for ten
// times Quiet before it fails a case.
var strict = conform.Options{Strict: true, Quiet: 200 * time.Millisecond, Timeout: 2 * time.Minute}

// strictInitiator has a shorter limit, since the initiators of R24 wait for a fifth of it.
var strictInitiator = conform.Options{Strict: true, Quiet: strict.Quiet, Timeout: 10 * time.Second}

func eachNetwork(t *testing.T, do func(t *testing.T, network, addr string)) {
	t.Run("tcp", func(t *testing.T) { do(t, "tcp", "127.0.0.1:0") })
	t.Run("unix", func(t *testing.T) { do(t, "unix", "") })
}

func TestOurResponder(t *testing.T) {
	eachNetwork(t, func(t *testing.T, network, addr string) {
		testOurs(t, func(handle func(net.Conn)) dialFunc {
			l := listen(t, network, addr, handle)
			var d net.Dialer
			return func(ctx context.Context) (io.ReadWriteCloser, error) {
				return d.DialContext(ctx, network, l.Addr().String())
			}
		})
	})
	t.Run("pipe", func(t *testing.T) {
		testOurs(t, func(handle func(net.Conn)) dialFunc {
			return func(context.Context) (io.ReadWriteCloser, error) {
				ours, theirs := net.Pipe()
				go handle(ours)
				return theirs, nil
			}
		})
	})
}

type dialFunc = func(ctx context.Context) (io.ReadWriteCloser, error)

// testOurs tests a responder with the default time limit, and then one with a short one.
func testOurs(t *testing.T, open func(handle func(net.Conn)) dialFunc) {
	serve := func(timeout time.Duration) dialFunc {
		mux := ourMuxer(t, timeout)
		return open(func(conn net.Conn) { mux.ServeStream(context.Background(), conn) })
	}
	conform.TestResponder(t, conform.Responder{Dial: serve(0), Protocols: served}, strict)
	o := strict
	o.Select = regexp.MustCompile("^R24-")
	const timeout = 100 * time.Millisecond
	conform.TestResponder(t, conform.Responder{Dial: serve(timeout), Protocols: served, Timeout: timeout}, o)
}

func TestOurInitiator(t *testing.T) {
	eachNetwork(t, func(t *testing.T, network, addr string) {
		conform.TestInitiator(t, dialer(bind(t, network, addr)), strictInitiator)
	})
	t.Run("pipe", func(t *testing.T) {
		conform.TestInitiator(t, conform.PipeInitiator(pipe, subject.Do), strictInitiator)
	})
}

func pipe() (initiators, testers io.ReadWriteCloser, err error) {
	a, b := net.Pipe()
	return a, b, nil
}
