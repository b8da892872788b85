package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// This file serves clients that do not negotiate, with the protocol Server.Fallback, or over TLS.

var errNotHeader = errors.New("netmux: the first byte is not that of the header")

// sniffer is the connection that a negotiation reads from if there is a Fallback, or TLS is to be
// detected. It looks
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
	received []byte // for the handler of the fallback, or the TLS handshake
}

// negotiateOrDetect negotiates on raw, or recognizes at the first byte a client that does not:
// it is served over TLS if detect is set and it begins a handshake, and otherwise with the
// handler of Server.Fallback. The stream that is returned reads all bytes of the client.
func (c *conn) negotiateOrDetect(ctx context.Context, raw net.Conn, detect bool) (net.Conn, string, multiselect.Handler, error) {
	s := c.server
	f := &sniffer{Conn: raw, after: never}
	if s.Fallback != "" {
		f.after = s.fallbackAfter()
	}
	protocol, h, err := s.Muxer.Negotiate(ctx, f)
	if !f.isFallback() {
		return raw, protocol, h, err
	}
	stream := newReplayConn(raw, f.received)
	if detect && len(f.received) > 0 && f.received[0] == handshakeRecord {
		return c.negotiateTLS(ctx, tls.Server(stream, s.detectedTLS()))
	}
	if h = s.Muxer.Handler(s.Fallback); h == nil {
		if e, ok := errors.AsType[*multiselect.Error](err); ok {
			e = new(*e) // a trace may have kept the first one
			e.Err = multiselect.ErrNotMultistream
			e.Received = f.received
			err = e
		}
		return raw, "", nil, err
	}
	return stream, s.Fallback, h, nil
}

// handshakeRecord is the first byte of a ClientHello: the type of its record.
const handshakeRecord = 0x16

// detectedTLS returns the configuration for connections that DetectTLS serves. All of them share
// one, so that sessions can be resumed.
func (s *Server) detectedTLS() *tls.Config {
	s.detectOnce.Do(func() { s.detectConfig = s.ConfigureTLS(s.TLSConfig) })
	return s.detectConfig
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
	case interface{ Reset() error }, interface{ ResetWithError(code uint32) error }:
	case closeWriter: // TCP, TLS and the like, where a reset could overtake a refusal
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
func (f *sniffer) CloseWrite() error {
	if half, ok := f.Conn.(closeWriter); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
