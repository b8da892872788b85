package transport

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// client negotiates the steps of a connection, and keeps the comments.
type client struct {
	muxers   []string // proposed in place of those that the transport asks for, if not nil
	comments []string
}

func (c *client) Agree(ctx context.Context, step string, conn Stream, protocols ...string) (string, error) {
	if step == StepMuxer && c.muxers != nil {
		protocols = c.muxers
	}
	return new(multiselect.Client).SelectOneOf(ctx, conn, protocols...)
}

func (c *client) Comment(text string) { c.comments = append(c.comments, text) }

// server answers the steps of connections, and passes on the failures.
type server struct {
	securities []string // answered in place of those that the transport asks for, if not nil
	failed     chan stepError
}

type stepError struct {
	step string
	err  error
}

func newServer() *server { return &server{failed: make(chan stepError, 16)} }

func (s *server) Agree(ctx context.Context, step string, conn Stream, protocols ...string) (string, error) {
	if step == StepSecurity && s.securities != nil {
		protocols = s.securities
	}
	var muxer multiselect.Muxer
	for _, p := range protocols {
		if err := muxer.AddHandler(p, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return "", err
		}
	}
	protocol, _, err := muxer.Negotiate(ctx, conn)
	if err != nil {
		s.failed <- stepError{step, err}
	}
	return protocol, err
}

func parse(t *testing.T, where string) address.Address {
	t.Helper()
	if where == "unix:" {
		where += filepath.Join(t.TempDir(), "s")
	}
	a, err := address.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// testListener is a listener with the streams and errors of its links.
type testListener struct {
	*Listener
	streams chan Stream
	failed  chan error // of Upgrade
}

// mustListen listens until the test ends. If the host is nil, a new server is.
func mustListen(t *testing.T, where string, c ListenConfig) *testListener {
	t.Helper()
	if c.Certificates == nil {
		c.Certificates = new(Certificates)
	}
	if c.Host == nil {
		c.Host = newServer()
	}
	ln, err := Listen(parse(t, where), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	l := &testListener{ln, make(chan Stream, 16), make(chan error, 16)}
	if ln.Upgrade != nil {
		go l.serveLinks(t)
	}
	return l
}

// serveLinks accepts connections until the listener is closed, and the streams of each link
// until the test ends.
func (l *testListener) serveLinks(t *testing.T) {
	for {
		carrier, err := l.Accept()
		if err != nil {
			return
		}
		context.AfterFunc(t.Context(), func() { carrier.Close() })
		go func() {
			link, err := l.Upgrade(t.Context(), carrier)
			if err != nil {
				l.failed <- err
				carrier.Close()
				return
			}
			for {
				s, err := link.AcceptStream(t.Context())
				if err != nil {
					return
				}
				l.streams <- s.(Stream)
			}
		}()
	}
}

// accept returns the next stream.
func (l *testListener) accept(t *testing.T) (Stream, error) {
	if l.Upgrade == nil {
		conn, err := l.Accept()
		if err != nil {
			return nil, err
		}
		return conn.(Stream), nil
	}
	select {
	case s := <-l.streams:
		return s, nil
	case <-t.Context().Done():
		return nil, t.Context().Err()
	}
}

// mustConnect connects to a listener until the test ends.
func mustConnect(t *testing.T, ln *testListener, s Steps) Link {
	t.Helper()
	l, err := Connect(t.Context(), ln.Address, &Trust{Pin: ln.Fingerprint}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// mustAccept returns the next stream. It is reset when the test ends.
func mustAccept(t *testing.T, ln *testListener) Stream {
	t.Helper()
	s, err := ln.accept(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Reset(s) })
	return s
}

// streamPair is a stream of some form, seen from both of its ends. The bytes that this
// end writes first make it known to the other one.
func streamPair(t *testing.T, where string, first string) (here, there Stream) {
	t.Helper()
	ln := mustListen(t, where, ListenConfig{})
	accepted := make(chan Stream, 1)
	go func() {
		if conn, err := ln.accept(t); err == nil {
			// TLS is set up by the first Read, for which the other end waits.
			if secured, ok := conn.(interface{ HandshakeContext(context.Context) error }); ok {
				secured.HandshakeContext(t.Context())
			}
			accepted <- conn
		}
		close(accepted)
	}()
	here, err := mustConnect(t, ln, new(client)).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(here, first); err != nil {
		t.Fatal(err)
	}
	there, ok := <-accepted
	if !ok {
		t.Fatal("no stream was accepted")
	}
	t.Cleanup(func() { Reset(here); Reset(there) })
	return here, there
}

// everyForm has an address of each form to listen on.
var everyForm = []string{
	"127.0.0.1:0", "unix:", "tls://127.0.0.1:0", "quic://127.0.0.1:0", "yamux://127.0.0.1:0",
	"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1",
}
