package transport

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
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

// server answers the steps of connections, and keeps what it is told.
type server struct {
	securities []string // answered in place of those that the transport asks for, if not nil

	mu        sync.Mutex
	failed    []error // negotiations
	unsecured []error
	refused   []error // not accepted

	told chan string // receives the name of each call that reports a failure
}

func newServer() *server { return &server{told: make(chan string, 16)} }

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
		s.report(&s.failed, step, err)
	}
	return protocol, err
}

func (s *server) Unsecured(_ net.Conn, err error) { s.report(&s.unsecured, "unsecured", err) }

func (s *server) NotAccepted(err error) { s.report(&s.refused, "not accepted", err) }

func (s *server) report(list *[]error, what string, err error) {
	s.mu.Lock()
	*list = append(*list, err)
	s.mu.Unlock()
	s.told <- what
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

// mustListen listens until the test ends. If the host is nil, a new server is.
func mustListen(t *testing.T, where string, c ListenConfig) *Listener {
	t.Helper()
	if c.Certificates == nil {
		c.Certificates = new(Certificates)
	}
	if c.Host == nil {
		c.Host = newServer()
	}
	ln, err := Listen(t.Context(), parse(t, where), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ln.Close()
		ln.Finish()
	})
	return ln
}

// mustConnect connects to a listener until the test ends.
func mustConnect(t *testing.T, ln *Listener, s Steps) Link {
	t.Helper()
	l, err := Connect(t.Context(), ln.Address, &Trust{Pin: ln.Fingerprint}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// mustAccept returns the next stream. It is reset when the test ends.
func mustAccept(t *testing.T, ln *Listener) Stream {
	t.Helper()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := conn.(Stream)
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
		if conn, err := ln.Accept(); err == nil {
			// TLS is set up by the first Read, for which the other end waits.
			if secured, ok := conn.(interface{ HandshakeContext(context.Context) error }); ok {
				secured.HandshakeContext(t.Context())
			}
			accepted <- conn.(Stream)
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
