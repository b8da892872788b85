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

// This file serves clients that do not negotiate, with the protocol Server.Fallback.

var errNotHeader = errors.New("netmux: the first byte is not that of the header")

// sniffer is the connection that a negotiation reads from where there is a Fallback. It looks
// at the first byte in the read of the negotiation, without a read of its own (R3). If the
// byte is not the header's first, it keeps what was read and fails that read, so that the
// negotiation ends. The handler of an agreed protocol gets the connection below.
type sniffer struct {
	net.Conn
	after time.Duration // Server.FallbackAfter, or never

	mu       sync.Mutex
	decided  bool   // the first byte was looked at, or has not arrived in time
	fallback bool   // the client does not negotiate
	closed   bool   // the negotiation has ended the connection
	received []byte // for the handler of the fallback
}

// negotiateOrFallBack negotiates, or returns the handler of fallback, with a stream that
// reads all bytes of the client, if the client does not negotiate.
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

// Read is called only by the goroutine that negotiates, so that reading decided, which only
// Read writes, needs no lock.
func (f *sniffer) Read(p []byte) (int, error) {
	if f.decided {
		return f.Conn.Read(p)
	}
	f.setFirstDeadline()
	n, err := f.Conn.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	netErr, _ := err.(net.Error)
	switch silent := n <= 0 && f.after != never && netErr != nil && netErr.Timeout(); {
	case f.closed, n <= 0 && !silent:
		return n, err // the timeout may be that of Close or SetDeadline
	case silent || p[0] != wire.HeaderFrame[0]:
		f.fallback = true
		f.received = slices.Clone(p[:max(n, 0)])
		n, err = 0, errNotHeader
	}
	f.decided = true
	if f.after != never {
		f.Conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// setFirstDeadline sets the deadline for the first byte.
func (f *sniffer) setFirstDeadline() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.after != never && !f.closed {
		f.Conn.SetReadDeadline(time.Now().Add(f.after))
	}
}

// Close, like SetDeadline, is called by a negotiation that has failed.
func (f *sniffer) Close() error {
	if !f.tryClose() {
		return nil
	}
	switch f.Conn.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn: // a reset could overtake a refusal
		return f.Conn.Close()
	}
	resetConn(f.Conn, logPanic)
	return nil
}

func (f *sniffer) SetDeadline(t time.Time) error {
	if !f.tryClose() {
		return nil
	}
	return f.Conn.SetDeadline(t)
}

// tryClose marks the connection as closed and reports true, unless the client is served with
// the fallback, which keeps the connection open.
func (f *sniffer) tryClose() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = !f.fallback
	return f.closed
}

// CloseWrite is called by a negotiation that ends after a refusal, so that the peer receives
// the refusal (R32).
func (f *sniffer) CloseWrite() error { return closeWrite(f.Conn) }

// closeWrite fails with [errors.ErrUnsupported] if the connection cannot be half-closed.
func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// replayConn reads the bytes received before those that the connection will still receive.
type replayConn struct {
	net.Conn
	mu       sync.Mutex
	received []byte
}

// replayTLSConn is a replayConn on a TLS connection, and has its ConnectionState.
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

// WriteTo writes the received bytes first, and lets io.Copy splice the rest.
func (c *replayConn) WriteTo(w io.Writer) (n int64, err error) {
	c.mu.Lock()
	received := c.received
	c.received = nil
	c.mu.Unlock()
	if len(received) > 0 {
		m, err := w.Write(received)
		if n = int64(m); err != nil {
			return n, err
		}
	}
	m, err := io.Copy(w, c.Conn)
	return n + m, err
}

// ReadFrom lets io.Copy splice the bytes that are sent.
func (c *replayConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite fails with [errors.ErrUnsupported] if the connection cannot be half-closed.
func (c *replayConn) CloseWrite() error { return closeWrite(c.Conn) }
