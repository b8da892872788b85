package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
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

// conn is one connection or stream, from Accept until its handler has returned. It is kept
// small: thousands of them can be half-open. The server's mu guards its entry and details.
type conn struct {
	entry
	server  *Server
	raw     net.Conn // as it was accepted
	details *details // nil for a connection before the agreement
}

func (c *conn) isAgreed() bool { return c.details != nil && c.details.cancel != nil }

// link returns the link of a stream, or nil.
func (c *conn) link() *linkConn {
	if c.details == nil {
		return nil
	}
	return c.details.on
}

// serve negotiates, calls the handler, and reports errors and panics. It keeps few
// variables: its stack frame is in memory for as long as the connection is half-open.
func (c *conn) serve(ctx context.Context) (err error) {
	var protocol string
	returned := false
	defer c.endServe(&protocol, &returned, &err)
	c.server.limitHost(c)
	ctx = c.newContext(ctx)
	c.reportState(StateNew)
	var stream net.Conn
	var h multiselect.Handler
	stream, protocol, h, err = c.negotiate(c.beginTrace(ctx))
	err = c.callHandler(ctx, stream, protocol, h, err)
	returned = true
	return err
}

// endServe is deferred by the calls that serve a connection. It reports a panic.
func (c *conn) endServe(protocol *string, returned *bool, err *error) {
	if !*returned {
		*err = c.handlePanic(*protocol, recover())
		c.endTraceAfterPanic(*err)
	}
	c.finish()
}

// end resets a connection that was evicted.
func (c *conn) end() {
	c.server.mu.Lock()
	agreed := c.isAgreed() // its goroutine may be about to set details
	c.server.mu.Unlock()
	if agreed {
		c.details.cancel(*c.cause)
	}
	c.server.reset(c.raw)
}

func (c *conn) hasDescriptor() bool { return c.link() == nil }

func (c *conn) checkSilent() bool {
	if !c.isAgreed() || c.details.isSilent() {
		return true
	}
	c.server.registry.move(&c.entry, stageCarrying, c.host.key, nil)
	return false
}

func (c *conn) moved(from, to stage) {
	if l := c.link(); l != nil {
		l.streamMoved(c, from, to)
	}
}

// hostKey returns the key of the remote host. It may block: the address of a connection of a
// PROXY protocol listener is known when its header has arrived.
func (c *conn) hostKey() string {
	if l := c.link(); l != nil {
		return l.key
	}
	return c.server.keyOf(c.raw.RemoteAddr())
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

// beginTrace begins the trace in ctx, if there is one, and returns the context for the
// negotiation. The trace is not a field, since few connections have one.
func (c *conn) beginTrace(ctx context.Context) context.Context {
	t := beginTrace(ctx, multiselect.Responder)
	if t != nil {
		c.server.traces.Store(c, t)
	}
	return t.context(ctx)
}

// endTraceAfterPanic is endTrace, and reports a panic of the trace itself.
func (c *conn) endTraceAfterPanic(err error) {
	defer c.server.recoverPanic(c.raw)
	c.endTrace("", err)
}

// endTrace ends the trace, unless it has ended.
func (c *conn) endTrace(protocol string, err error) {
	if t, ok := c.server.traces.LoadAndDelete(c); ok {
		t.(*tracing).end(protocol, err)
	}
}

// negotiate agrees on a protocol: by ALPN, by multistream-select, or because of the first
// byte. It returns the stream for the handler with the protocol. On the way to the Read of a
// half-open connection without TLS, each variable here costs memory.
func (c *conn) negotiate(ctx context.Context) (stream net.Conn, protocol string, h multiselect.Handler, err error) {
	if t, ok := c.raw.(tlsConn); ok {
		return c.negotiateTLS(ctx, t)
	}
	if c.server.Fallback != "" || c.server.DetectTLS {
		return c.negotiateOrDetect(ctx, c.raw, c.server.DetectTLS)
	}
	protocol, h, err = c.server.Muxer.Negotiate(ctx, c.raw)
	return c.raw, protocol, h, err
}

// negotiateTLS is negotiate on a TLS connection: the accepted one, or one that was detected.
func (c *conn) negotiateTLS(ctx context.Context, t tlsConn) (net.Conn, string, multiselect.Handler, error) {
	protocol, h, err := c.handshake(ctx, t)
	switch {
	case h != nil || err != nil:
	case c.server.Fallback != "":
		return c.negotiateOrDetect(ctx, t, false)
	default:
		protocol, h, err = c.server.Muxer.Negotiate(ctx, t)
	}
	return t, protocol, h, err
}

// callHandler calls the handler h inside the middleware, or reports err, the error of the
// negotiation.
func (c *conn) callHandler(ctx context.Context, stream net.Conn, protocol string, h multiselect.Handler, err error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	if err == nil {
		stream = c.server.watch(stream, protocol)
	}
	err = c.activate(stream, cancel, protocol, err)
	c.endTrace(protocol, err)
	switch {
	case err == errChallenge:
		stream.Close() // and no reset, which could overtake the end of the handshake
		return err
	case err != nil:
		c.fail(protocol, err)
		return err
	}
	c.reportState(StateActive)
	for i := len(c.server.Middleware) - 1; i >= 0; i-- {
		h = c.server.Middleware[i](h)
	}
	h(ctx, protocol, stream)
	c.server.watchForLeak(c.raw, protocol)
	if err = c.evictedBy(); err != nil {
		c.server.reportError(c.raw, protocol, err)
	}
	return err
}

// fail ends and reports a connection without an agreement.
func (c *conn) fail(protocol string, err error) {
	if c.evictedBy() == nil { // otherwise it was reset
		c.server.reset(c.raw)
	}
	if !isAnswered(err) {
		c.server.reportError(c.raw, protocol, err)
	}
}

// activate makes a half-open connection active. It fails with the cause if the connection has
// been evicted before, with err, the error of the negotiation, if that is not nil, and with a
// [*LimitError] if the connection must be refused.
func (c *conn) activate(stream net.Conn, cancel context.CancelCauseFunc, protocol string, err error) error {
	s := c.server
	var key string
	var agreed *details
	st := stageSilent
	if err == nil {
		key = c.hostKey()
		var carrying bool
		if agreed, carrying = newDetails(stream, c.link(), cancel); carrying {
			st = stageCarrying
		}
	}
	s.mu.Lock()
	if c.stage != stageHalfOpen || err != nil {
		defer s.mu.Unlock()
		err = c.withCause(err)
		if isAnswered(err) {
			if c.details == nil {
				c.details = new(details)
			}
			c.details.answered = true
		}
		return err
	}
	evicted, err := s.makeRoom(key, s.activeBound())
	if err == nil {
		agreed.protocol = protocol
		c.details = agreed
		s.registry.move(&c.entry, st, key, &agreed.place)
		s.armExpiry(&c.entry)
		s.stats.Agreed++
	}
	s.mu.Unlock()
	endAll(evicted)
	return err
}

// isAnswered reports whether a connection that ended without an agreement has not failed.
func isAnswered(err error) bool {
	return err == errChallenge || errors.Is(err, multiselect.ErrListed)
}

// evictedBy returns the cause of the eviction of a connection, or nil.
func (c *conn) evictedBy() error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.cause == nil {
		return nil
	}
	return *c.cause
}

// withCause replaces the cause of err, the error of the negotiation, with that of the
// eviction. Without it, err would only tell that the stream was reset by this side. An error
// that the peer has caused stays: the eviction came after it, while the stream was ended.
func (c *conn) withCause(err error) error {
	if c.cause == nil || isOfPeer(err) {
		return err
	}
	if e, ok := errors.AsType[*multiselect.Error](err); ok && e == err {
		clone := *e // a trace may have kept e
		clone.Err = *c.cause
		return &clone
	}
	return *c.cause
}

// isOfPeer reports whether err, the error of a negotiation, tells of bytes of the peer or of the
// end of its half.
func isOfPeer(err error) bool {
	return slices.ContainsFunc([]error{
		io.EOF, io.ErrUnexpectedEOF, multiselect.ErrGaveUp, multiselect.ErrListed,
		multiselect.ErrNotMultistream, multiselect.ErrMalformed, multiselect.ErrTooLarge,
	}, func(target error) bool { return errors.Is(err, target) })
}

// handlePanic resets the connection and reports a panic with the given value, which is nil
// if the handler has called [runtime.Goexit].
func (c *conn) handlePanic(protocol string, value any) error {
	c.server.reset(c.raw)
	if value == nil || value == ErrAbortHandler {
		return ErrAbortHandler
	}
	err := newPanicError(protocol, value)
	c.server.reportError(c.raw, protocol, err)
	return err
}

// finish stops counting the connection and enters StateClosed.
func (c *conn) finish() {
	s := c.server
	s.mu.Lock()
	switch {
	case c.details != nil && c.details.answered:
		s.stats.Answered++
	case !c.isAgreed():
		s.stats.Failed++
	}
	s.registry.remove(&c.entry)
	s.addBusy(-1)
	s.signalFreed()
	s.mu.Unlock()
	defer s.recoverPanic(c.raw)
	c.reportState(StateClosed)
}

// resetConn ends a connection without waiting for the peer (R25). It resets where it can, so
// that data that was cut off does not look complete to the peer. A panic of the connection is
// passed to report, possibly in another goroutine.
func resetConn(conn net.Conn, report func(*PanicError)) {
	switch s := conn.(type) {
	case *net.TCPConn:
		s.SetLinger(0)
		s.Close()
	case *net.UnixConn:
		s.Close()
	case *tls.Conn: // its Close sends an alert, and waits for that up to 5 s
		resetConn(s.NetConn(), report)
	case interface{ below() net.Conn }: // a replayConn
		resetConn(s.below(), report)
	case interface{ ResetWithError(code uint32) error }:
		inBackground(func() { s.ResetWithError(multiselect.ResetCode) }, report)
	case interface{ Reset() error }:
		inBackground(func() { s.Reset() }, report)
	case interface{ NetConn() net.Conn }: // of another package, which may count in its Close
		inBackground(func() {
			if below := s.NetConn(); below != nil && below != conn {
				resetConn(below, report)
			}
			closeNow(conn)
		}, report)
	case interface{ SetLinger(seconds int) error }:
		inBackground(func() {
			s.SetLinger(0)
			closeNow(conn)
		}, report)
	default: // its Close can block
		inBackground(func() { closeNow(conn) }, report)
	}
}

// closeNow makes blocked calls return, also where Close ends only the half that is written
// to.
func closeNow(conn net.Conn) {
	conn.SetDeadline(time.Unix(1, 0))
	conn.Close()
}
