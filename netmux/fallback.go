package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// This file is for clients that do not negotiate.

var errNotHeader = errors.New("netmux: the first byte is of another protocol")

// first looks at what a client sends first, while it is read by a negotiation,
// which finds nothing to read if that is of another protocol. It costs no read of
// its own, and is out of the way when a protocol is agreed on.
type sniffer struct {
	net.Conn
	after time.Duration

	mu       sync.Mutex
	decided  bool
	fallback bool
	closed   bool
	received []byte // what is to be handed on
}

// negotiateOr is the negotiation of a connection that may go to another protocol.
func (c *conn) negotiateOrFallBack(ctx context.Context, fallback string) (net.Conn, string, multiselect.Handler, error) {
	f := &sniffer{Conn: c.raw, after: c.server.fallbackAfter()}
	protocol, h, err := c.server.Muxer.Negotiate(ctx, f)
	if !f.isFallback() {
		return c.raw, protocol, h, err
	}
	if h = c.server.Muxer.Handler(fallback); h == nil {
		if e, ok := errors.AsType[*multiselect.Error](err); ok {
			e.Err = multiselect.ErrNotMultistream
			e.Received = f.received
		}
		return c.raw, "", nil, err
	}
	switch raw := c.raw.(type) {
	case *tls.Conn:
		if len(f.received) > 0 {
			return &replayTLSConn{replayConn{Conn: raw, received: f.received}, raw}, fallback, h, nil
		}
	default:
		if len(f.received) > 0 {
			return &replayConn{Conn: raw, received: f.received}, fallback, h, nil
		}
	}
	return c.raw, fallback, h, nil
}

func (f *sniffer) isFallback() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fallback
}

// Read is only called by the goroutine that negotiates.
func (f *sniffer) Read(p []byte) (int, error) {
	if f.decided {
		return f.Conn.Read(p)
	}
	f.setFirstDeadline(f.after)
	n, err := f.Conn.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	timeout, _ := err.(net.Error)
	switch silent := n <= 0 && f.after > 0 && timeout != nil && timeout.Timeout(); {
	case f.closed, n <= 0 && !silent:
		return n, err
	case silent || p[0] != wire.HeaderFrame[0]:
		f.fallback = true
		f.received = slices.Clone(p[:max(n, 0)])
		n, err = 0, errNotHeader
	}
	f.decided = true
	if f.after > 0 {
		f.Conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// readIn sets the deadline for the first byte.
func (f *sniffer) setFirstDeadline(after time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if after > 0 && !f.closed {
		f.Conn.SetReadDeadline(time.Now().Add(after))
	}
}

// Close and SetDeadline are how a negotiation ends that has failed.
func (f *sniffer) Close() error {
	if !f.tryClose() {
		return nil
	}
	switch f.Conn.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn: // not by a reset, which may overtake a refusal
		return f.Conn.Close()
	}
	resetConn(f.Conn)
	return nil
}

func (f *sniffer) SetDeadline(t time.Time) error {
	if !f.tryClose() {
		return nil
	}
	return f.Conn.SetDeadline(t)
}

// end reports whether the connection is to be ended. It is not when it goes to
// another protocol.
func (f *sniffer) tryClose() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = !f.fallback
	return f.closed
}

// CloseWrite is how it lets a refusal be heard.
func (f *sniffer) CloseWrite() error { return closeWrite(f.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// legacyConn puts what was read in front of the rest.
type replayConn struct {
	net.Conn
	mu       sync.Mutex
	received []byte
}

// legacyTLSConn is the same for a connection that has a state of TLS.
type replayTLSConn struct {
	replayConn
	tls *tls.Conn
}

func (c *replayTLSConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

func (c *replayConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if len(c.received) > 0 {
		defer c.mu.Unlock()
		n := copy(p, c.received)
		c.received = c.received[n:]
		return n, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}

// WriteTo lets io.Copy splice what comes behind.
func (c *replayConn) WriteTo(w io.Writer) (n int64, err error) {
	c.mu.Lock()
	got := c.received
	c.received = nil
	c.mu.Unlock()
	if len(got) > 0 {
		m, err := w.Write(got)
		if n = int64(m); err != nil {
			return n, err
		}
	}
	m, err := io.Copy(w, c.Conn)
	return n + m, err
}

// ReadFrom lets io.Copy splice what is sent.
func (c *replayConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite fails with [errors.ErrUnsupported] if the connection has none.
func (c *replayConn) CloseWrite() error { return closeWrite(c.Conn) }
