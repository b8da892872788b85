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

// ConnState is how far a connection has come.
type ConnState uint8

const (
	StateNew    ConnState = iota // half-open: accepted, nothing agreed on
	StateActive                  // a protocol is agreed on, its handler is about to be called
	StateClosed                  // it ended without an agreement, or its handler has returned
)

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

// PanicError is what a handler, or something else that the program has provided,
// has panicked with.
type PanicError struct {
	Protocol string // empty if none was agreed on
	Value    any
	Stack    []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("netmux: panic serving %q: %v", e.Protocol, e.Value)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// conn is one connection, from Accept until its handler has returned. It is kept
// small: many of them may be half-open.
type conn struct {
	server     *Server
	raw        net.Conn
	links      [2]link
	host       *host // nil if it is not counted
	acceptedAt time.Duration
	cause      error                   // why it was cut; guarded by the server's mu
	cancel     context.CancelCauseFunc // while its handler runs; guarded likewise
}

// serve does all that is done with a connection. Little may stand on the stack
// while the negotiation waits.
func (c *conn) serve(ctx context.Context) (err error) {
	var protocol string
	returned := false
	defer func() {
		if !returned {
			err = c.handlePanic(protocol, recover())
		}
		c.finish()
	}()
	if ctx, err = c.newContext(ctx); err == nil {
		var stream net.Conn
		var h multiselect.Handler
		stream, protocol, h, err = c.negotiate(ctx)
		err = c.callHandler(ctx, stream, protocol, h, err)
	}
	returned = true
	return err
}

func (c *conn) newContext(ctx context.Context) (context.Context, error) {
	if c.server.ConnContext != nil {
		if ctx = c.server.ConnContext(ctx, c.raw); ctx == nil {
			panic("netmux: ConnContext returned nil")
		}
	}
	c.reportState(StateNew)
	return ctx, nil
}

func (c *conn) reportState(state ConnState) {
	if c.server.ConnState != nil {
		c.server.ConnState(c.raw, state)
	}
}

// negotiate returns the stream to hand on with its protocol.
func (c *conn) negotiate(ctx context.Context) (stream net.Conn, protocol string, h multiselect.Handler, err error) {
	if t, ok := c.raw.(*tls.Conn); ok {
		if protocol, h, err = c.handshake(ctx, t); h != nil || err != nil {
			return c.raw, protocol, h, err
		}
	}
	if c.server.Fallback != "" {
		return c.negotiateOrFallBack(ctx, c.server.Fallback)
	}
	protocol, h, err = c.server.Muxer.Negotiate(ctx, c.raw)
	return c.raw, protocol, h, err
}

// handle calls the handler, or reports why there is none.
func (c *conn) callHandler(ctx context.Context, stream net.Conn, protocol string, h multiselect.Handler, err error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	if err = c.activate(cancel, err); err != nil {
		resetConn(c.raw)
		c.server.reportError(c.raw, protocol, err)
		return err
	}
	c.reportState(StateActive)
	for i := len(c.server.Middleware) - 1; i >= 0; i-- {
		h = c.server.Middleware[i](h)
	}
	h(ctx, protocol, stream)
	return nil
}

// agree makes a half-open connection an active one. A connection that was cut
// meanwhile stays so; then its error says why.
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
	return c.withCause(err)
}

// why puts the cause of a cut into the error of the negotiation.
func (c *conn) withCause(err error) error {
	if c.cause == nil {
		return err
	}
	if e, ok := errors.AsType[*multiselect.Error](err); ok && e == err {
		told := *e // a trace may have kept e
		told.Err = c.cause
		return &told
	}
	return c.cause
}

// aborted reports a panic, and ends what the handler has left as it was. The
// value is nil if the goroutine was made to exit.
func (c *conn) handlePanic(protocol string, value any) error {
	resetConn(c.raw)
	if value == nil || value == ErrAbortHandler {
		return ErrAbortHandler
	}
	err := &PanicError{Protocol: protocol, Value: value, Stack: debug.Stack()}
	c.server.reportError(c.raw, protocol, err)
	return err
}

// finish forgets the connection.
func (c *conn) finish() {
	s := c.server
	s.mu.Lock()
	if c.cancel == nil {
		s.stats.Failed++
	}
	s.untrack(c)
	s.done()
	s.mu.Unlock()
	defer s.recoverPanic()
	c.reportState(StateClosed)
}

// report tells of an error. What it calls must not bring the process down.
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

// survive is deferred where a panic has nobody else to be reported to.
func (s *Server) recoverPanic() {
	if recover() != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.Panics++
	}
}

// end resets a connection, so that what is cut off does not look complete. It does
// not wait for the peer.
func resetConn(conn net.Conn) {
	switch s := conn.(type) {
	case *tls.Conn: // whose Close has something to say to the peer
		resetConn(s.NetConn())
	case *replayConn:
		resetConn(s.Conn)
	case *replayTLSConn:
		resetConn(s.Conn)
	case *net.TCPConn:
		s.SetLinger(0)
		s.Close()
	case *net.UnixConn:
		s.Close()
	case interface{ ResetWithError(code uint32) error }:
		go s.ResetWithError(multiselect.ResetCode)
	case interface{ Reset() error }:
		go s.Reset()
	default: // its Close may take its time
		go closeNow(conn)
	}
}

func closeNow(conn net.Conn) {
	conn.SetDeadline(time.Unix(1, 0)) // the Close of some streams ends one half
	conn.Close()
}
