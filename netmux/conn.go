package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"time"

	"github.com/multiselect/multiselect"
)

// ConnState is a state of a connection that a [Server] serves. Each connection enters
// StateNew first and StateClosed last.
type ConnState uint8

const (
	StateNew    ConnState = iota // half-open: accepted, and no protocol is agreed on
	StateActive                  // a protocol is agreed on; its handler is called next
	StateClosed                  // the negotiation failed, or the handler has returned
)

// String returns "new", "active" or "closed".
func (s ConnState) String() string {
	switch s {
	case StateNew:
		return "new"
	case StateActive:
		return "active"
	default:
		return "closed"
	}
}

// PanicError is the error of a connection on which code of the program has panicked: a
// handler, middleware, a matcher, ConnContext or ConnState. The connection has been reset;
// the process and all other connections continue.
type PanicError struct {
	Protocol string // the protocol of the handler; empty before the agreement
	Value    any    // the argument of panic
	Stack    []byte // the stack of the goroutine, as formatted by debug.Stack
}

// Error names the protocol and the argument of panic, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("netmux: panic serving %q: %v", e.Protocol, e.Value)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// conn is one connection, from Accept until its handler has returned. It is kept small:
// thousands of them can be half-open. The server's mu guards the fields from links on.
type conn struct {
	server     *Server
	raw        net.Conn // as it was accepted
	links      [2]link
	host       *host                   // nil if connections of its host are not counted
	acceptedAt time.Duration           // since the server's epoch
	answered   bool                    // it ended without an agreement, and has not failed
	cause      error                   // of its eviction; nil before that
	cancel     context.CancelCauseFunc // of the handler's context; nil before the agreement
}

// serve negotiates, calls the handler, and reports errors and panics. It keeps few
// variables: its stack frame is in memory for as long as the connection is half-open.
func (c *conn) serve(ctx context.Context) (err error) {
	var protocol string
	var trace *tracing
	returned := false
	defer func() {
		if !returned {
			err = c.handlePanic(protocol, recover())
			c.endTrace(trace, err)
		}
		c.finish()
	}()
	ctx = c.newContext(ctx)
	c.reportState(StateNew)
	var stream net.Conn
	var h multiselect.Handler
	trace, traced := beginTrace(ctx, multiselect.Responder)
	stream, protocol, h, err = c.negotiate(traced, c.raw, c.server.DetectTLS)
	err = c.callHandler(ctx, trace, stream, protocol, h, err)
	returned = true
	return err
}

func (c *conn) newContext(ctx context.Context) context.Context {
	if c.server.ConnContext == nil {
		return ctx
	}
	if ctx = c.server.ConnContext(ctx, c.raw); ctx == nil {
		panic("netmux: ConnContext returned nil")
	}
	return ctx
}

func (c *conn) reportState(state ConnState) {
	if c.server.ConnState != nil {
		c.server.ConnState(c.raw, state)
	}
}

// endTrace ends the trace of a connection that has panicked before the agreement. A panic of the
// trace itself is only counted.
func (c *conn) endTrace(trace *tracing, err error) {
	defer c.server.recoverPanic()
	trace.end("", err)
}

// negotiate agrees on a protocol on stream: by ALPN, by multistream-select, or because of the
// first byte, on a TLS connection that is detected by it as well if detect is set. It returns
// the stream for the handler with the protocol.
func (c *conn) negotiate(ctx context.Context, stream net.Conn, detect bool) (_ net.Conn, protocol string, h multiselect.Handler, err error) {
	if t, ok := stream.(tlsConn); ok {
		detect = false
		if protocol, h, err = c.handshake(ctx, t); h != nil || err != nil {
			return stream, protocol, h, err
		}
	}
	if c.server.Fallback != "" || detect {
		return c.negotiateOrDetect(ctx, stream, detect)
	}
	protocol, h, err = c.server.Muxer.Negotiate(ctx, stream)
	return stream, protocol, h, err
}

// callHandler calls the handler h inside the middleware, or reports err, the error of the
// negotiation.
func (c *conn) callHandler(ctx context.Context, trace *tracing, stream net.Conn, protocol string, h multiselect.Handler, err error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	err = c.activate(cancel, err)
	trace.end(protocol, err)
	switch {
	case err == errChallenge:
		stream.Close() // and no reset, which could overtake the end of the handshake
		return err
	case err != nil:
		resetConn(c.raw)
		if !c.answered {
			c.server.reportError(c.raw, protocol, err)
		}
		return err
	}
	c.reportState(StateActive)
	for i := len(c.server.Middleware) - 1; i >= 0; i-- {
		h = c.server.Middleware[i](h)
	}
	h(ctx, protocol, stream)
	return nil
}

// activate makes a half-open connection active, so that it can no longer be evicted. It
// fails with the cause if the connection has been evicted before, and with err, the error
// of the negotiation, if that is not nil.
func (c *conn) activate(cancel context.CancelCauseFunc, err error) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.cause == nil && err == nil {
		s.untrack(c)
		s.active.push(c, byAge)
		c.cancel = cancel
		s.stats.Agreed++
		return nil
	}
	c.answered = c.cause == nil && (err == errChallenge || errors.Is(err, multiselect.ErrListed))
	return c.withCause(err)
}

// withCause replaces the cause of err, the error of the negotiation, with that of the
// eviction. Without it, err would only tell that the stream was reset by this side.
func (c *conn) withCause(err error) error {
	if c.cause == nil {
		return err
	}
	if e, ok := errors.AsType[*multiselect.Error](err); ok && e == err {
		clone := *e // a trace may have kept e
		clone.Err = c.cause
		return &clone
	}
	return c.cause
}

// handlePanic resets the connection and reports a panic with the given value, which is nil
// if the handler has called [runtime.Goexit].
func (c *conn) handlePanic(protocol string, value any) error {
	resetConn(c.raw)
	if value == nil || value == ErrAbortHandler {
		return ErrAbortHandler
	}
	err := &PanicError{Protocol: protocol, Value: value, Stack: debug.Stack()}
	c.server.reportError(c.raw, protocol, err)
	return err
}

// finish stops counting the connection and enters StateClosed.
func (c *conn) finish() {
	s := c.server
	s.mu.Lock()
	switch {
	case c.answered:
		s.stats.Answered++
	case c.cancel == nil:
		s.stats.Failed++
	}
	s.untrack(c)
	s.addBusy(-1)
	s.mu.Unlock()
	defer s.recoverPanic()
	c.reportState(StateClosed)
}

// reportError counts and logs the error of a connection and passes it to ConnError. A panic
// of the logger or of the hook is only counted.
func (s *Server) reportError(raw net.Conn, protocol string, err error) {
	s.recordError(err)
	func() {
		defer s.recoverPanic()
		remote := raw.RemoteAddr()
		switch panicked, ok := errors.AsType[*PanicError](err); {
		case ok:
			s.logger().Error("netmux: panic", "remote", remote, "protocol", protocol, "value", panicked.Value, "stack", string(panicked.Stack))
		case errors.Is(err, ErrBacklog):
			s.logger().Warn("netmux: connection reset", "remote", remote, "protocol", protocol, "err", err)
		default:
			s.logger().Debug("netmux: no protocol agreed on", "remote", remote, "err", err)
		}
	}()
	if s.ConnError != nil {
		defer s.recoverPanic()
		s.ConnError(raw, err)
	}
}

// recoverPanic counts a panic that cannot be reported because a hook or the logger has
// panicked. It must be deferred directly.
func (s *Server) recoverPanic() {
	if recover() != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.Panics++
	}
}

// resetConn ends a connection without waiting for the peer (R25). It resets where it can,
// so that data that was cut off does not look complete to the peer.
func resetConn(conn net.Conn) {
	switch s := conn.(type) {
	case *net.TCPConn:
		s.SetLinger(0)
		s.Close()
	case *net.UnixConn:
		s.Close()
	case *tls.Conn: // its Close sends an alert, and waits for that up to 5 s
		resetConn(s.NetConn())
	case interface{ below() net.Conn }: // a replayConn
		resetConn(s.below())
	case interface{ ResetWithError(code uint32) error }:
		go s.ResetWithError(multiselect.ResetCode)
	case interface{ Reset() error }:
		go s.Reset()
	case interface{ NetConn() net.Conn }: // of another package, which may count in its Close
		if below := s.NetConn(); below != nil && below != conn {
			resetConn(below)
		}
		go closeNow(conn)
	case interface{ SetLinger(seconds int) error }:
		s.SetLinger(0)
		go closeNow(conn)
	default: // its Close can block
		go closeNow(conn)
	}
}

// closeNow makes blocked calls return, also where Close ends only the half that is written
// to.
func closeNow(conn net.Conn) {
	conn.SetDeadline(time.Unix(1, 0))
	conn.Close()
}
