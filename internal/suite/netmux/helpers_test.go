package netmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// This file holds the helpers of the tests: a listener in memory, whose connections can live in
// fake time, servers on TCP, and certificates.

const (
	echo = "/echo/1.0.0"
	deep = "/deep/1.0.0"
)

var background = context.Background()

// memoryListener accepts one end of a net.Pipe for each dial.
type memoryListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

// offer gives the listener a connection, unless it is closed.
func (l *memoryListener) offer(conn net.Conn) error {
	select {
	case l.conns <- conn:
		return nil
	case <-l.done:
		return net.ErrClosed
	}
}

// DialContext has the shape of Dialer.NetDialContext.
func (l *memoryListener) DialContext(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	if err := l.offer(theirs); err != nil {
		return nil, err
	}
	return ours, nil
}

func (l *memoryListener) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := l.DialContext(background, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// dialer proposes protocols to a listener in memory.
func (l *memoryListener) dialer(protocols ...string) *netmux.Dialer {
	return &netmux.Dialer{Protocols: protocols, NetDialContext: l.DialContext}
}

// quiet is a logger that discards.
var quiet = slog.New(slog.DiscardHandler)

// echoing adds a handler that sends back what it reads.
func echoing(t testing.TB, s *netmux.Server, protocols ...string) {
	t.Helper()
	for _, p := range protocols {
		handle(t, s, p, func(stream net.Conn) { io.Copy(stream, struct{ io.Reader }{stream}) })
	}
}

// handle adds a handler that calls f and closes the stream.
func handle(t testing.TB, s *netmux.Server, protocol string, f func(net.Conn)) {
	t.Helper()
	err := s.Muxer.AddHandler(protocol, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		f(stream.(net.Conn))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// serve serves in memory. The function it returns shuts down, and checks that no connection is
// left.
func serve(t testing.TB, s *netmux.Server) (*memoryListener, func()) {
	t.Helper()
	l := newMemoryListener()
	return l, serveIn(t, s, l)
}

// serveIn is serve with a listener of the test.
func serveIn(t testing.TB, s *netmux.Server, l net.Listener) (stop func()) {
	t.Helper()
	if s.Logger == nil {
		s.Logger = quiet
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return func() {
		t.Helper()
		if err := s.Shutdown(background); err != nil {
			t.Error("Shutdown:", err)
		}
		if err := <-served; err != netmux.ErrServerClosed {
			t.Error("Serve:", err)
		}
		checkEnded(t, s)
	}
}

// checkLimit expects the error of a limit.
func checkLimit(t testing.TB, err error, limit string, cause error, refused bool) {
	t.Helper()
	l, ok := errors.AsType[*netmux.LimitError](err)
	if !ok || l.Limit != limit || l.Refused != refused || !errors.Is(err, cause) || !strings.Contains(err.Error(), limit) {
		t.Errorf("reported %v, want the limit %s, %v, refused %v", err, limit, cause, refused)
	}
}

func checkEnded(t testing.TB, s *netmux.Server) {
	t.Helper()
	st := s.Stats()
	if st.HalfOpen != 0 || st.Active != 0 || st.Queued != 0 || st.Links != 0 || st.Accepted != st.Agreed+st.Answered+st.Failed {
		t.Errorf("after the end: %+v", st)
	}
}

// serveTCP is serve on a real socket.
func serveTCP(t testing.TB, s *netmux.Server) (addr string) {
	t.Helper()
	return serveOn(t, s, streamtest.Listen(t, "tcp"))
}

func serveOn(t testing.TB, s *netmux.Server, l net.Listener) (addr string) {
	t.Helper()
	if s.Logger == nil {
		s.Logger = quiet
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != netmux.ErrServerClosed {
			t.Error("Serve:", err)
		}
	})
	return l.Addr().String()
}

// serveTLS is serveTCP with the certificate of newTLS.
func serveTLS(t testing.TB, s *netmux.Server, server *tls.Config) (addr string) {
	t.Helper()
	return serveOn(t, s, tls.NewListener(streamtest.Listen(t, "tcp"), s.ConfigureTLS(server)))
}

// newTLS returns a configuration with a certificate, and one that trusts it.
func newTLS(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	return streamtest.TLS(t)
}

// checkEcho sends words and expects them back.
func checkEcho(t testing.TB, conn net.Conn, words string) {
	t.Helper()
	go io.WriteString(conn, words)
	got := make([]byte, len(words))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != words {
		t.Errorf("echoed %q, %v; want %q", got, err, words)
	}
}

// dial returns a connection on which the protocol is agreed.
func dial(t testing.TB, d *netmux.Dialer, addr string) net.Conn {
	t.Helper()
	conn, err := d.DialContext(background, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// errorLog collects the errors that a server reports.
type errorLog struct {
	mu  sync.Mutex
	all []error
}

func (e *errorLog) hook(_ net.Conn, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, err)
}

func (e *errorLog) list() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]error(nil), e.all...)
}
