package multiselect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// This file holds what all calls have in common: how they begin and end.

// ResetCode is what a failed negotiation resets a stream with, where the
// stream offers codes: "protocol negotiation failed" of libp2p.
const ResetCode = 0x1001

// maxBudget keeps sums with it from overflowing: 146 years.
const maxBudget = 1 << 62

var communicators = sync.Pool{New: func() any { return &Communicator{watch: watchFor(0), pooled: true} }}

// acquire returns a Communicator for one call on a stream.
func acquire(stream io.ReadWriteCloser) *Communicator {
	c := communicators.Get().(*Communicator)
	c.stream = stream
	return c
}

// mustExist panics here, and not when the budget of the negotiation is over.
func mustExist(stream io.ReadWriteCloser) {
	if stream == nil {
		panic("multiselect: the stream is nil")
	}
}

// release gives it back, unless the call failed: the watch may not have been
// stopped in time, and then it still holds the Communicator.
func (c *Communicator) release() {
	if c.over {
		c.framer.release()
		return
	}
	c.forget()
	communicators.Put(c)
}

// forget makes it like new.
func (c *Communicator) forget() {
	c.framer.release()
	if inBubble(c.start) {
		c.watch = nil
	}
	if f := c.refused; f != nil { // a small one stays
		if f.bytes = f.bytes[:0]; cap(f.bytes) > mostKept {
			f.giveBack()
			c.refused = nil
		}
	}
	c.ext, c.start, c.progress = nil, 0, progress{}
}

// usable fails if the conversation has ended: with a failure, or with an
// agreement, after which the stream belongs to the protocol.
func (c *Communicator) usable(role Role) error {
	if c.over {
		return &Error{Role: role, Phase: c.phase, Err: fmt.Errorf("%w: the negotiation is over", net.ErrClosed)}
	}
	return nil
}

// begin starts a call: it looks for a trace, and arranges for the end of the
// stream when ctx ends or the budget is over. The stream's deadlines are not
// used for that: a net.Conn cannot say what deadlines its owner has set (R24).
func (c *Communicator) begin(ctx context.Context, role Role, l *Limits, unbuffered bool) error {
	c.role = role
	c.start = 0
	c.limit = int16(l.message())
	if trace := traceOf(ctx); trace != nil || c.ext != nil {
		c.extend().trace = trace
		trace.begin(role)
	}
	if unbuffered && c.channel() == nil {
		c.extend().unbuffered = true
	}
	c.recognise()
	return c.arm(ctx, l)
}

// arm arranges for the end of the stream.
func (c *Communicator) arm(ctx context.Context, l *Limits) error {
	if ctx.Done() != nil {
		if ctx.Err() != nil {
			return ctxError(ctx)
		}
		c.extend().stopCtx = context.AfterFunc(ctx, c.cut)
	}
	budget := min(l.timeout(), maxBudget)
	if budget == 0 && c.ext == nil {
		return nil // nobody asks for the time
	}
	c.start = time.Since(epoch)
	if budget == 0 {
		return nil
	}
	if c.watch == nil || inBubble(c.start) {
		c.watch = watchFor(c.start)
	}
	c.deadline = c.start + budget
	c.watch.add(c)
	return nil
}

// armOn is arm for a call on the short way that has not said which stream is its.
func (c *Communicator) armOn(stream io.ReadWriteCloser, ctx context.Context, l *Limits) bool {
	c.stream = stream
	if err := c.arm(ctx, l); err != nil {
		c.stream = nil
		return false
	}
	return true
}

// recognise finds out whether the stream has no buffer.
func (c *Communicator) recognise() {
	if c.channel() == nil && isUnbuffered(c.stream) {
		c.extend().unbuffered = true
	}
}

// disarm stops the watch. If it was too late, it returns what the watch had
// been waiting for: the stream is ended, or about to be.
func (c *Communicator) disarm(ctx context.Context) (err error) {
	if c.deadline != 0 && !c.watch.remove(c) {
		err = os.ErrDeadlineExceeded
	}
	c.deadline = 0
	if c.ext != nil && c.ext.stopCtx != nil {
		if !c.ext.stopCtx() {
			err = ctxError(ctx)
		}
		c.ext.stopCtx = nil
	}
	return err
}

// isUnbuffered recognises the pipes of package net, whose Write returns when
// the peer has read.
func isUnbuffered(stream io.ReadWriteCloser) bool {
	switch stream.(type) { // in line, without a call
	case *net.TCPConn, *net.UnixConn:
		return false
	}
	return isPipe(stream)
}

func isPipe(stream io.ReadWriteCloser) bool {
	s, ok := stream.(interface{ LocalAddr() net.Addr })
	if !ok {
		return false
	}
	addr := s.LocalAddr()
	return addr != nil && addr.Network() == "pipe"
}

// ctxError returns why ctx ended: what its owner says, if it says something, and
// whether it was cancelled or its deadline passed.
func ctxError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}

// cut ends the stream, once (R25). Whoever comes second waits for the first.
func (c *Communicator) cut() {
	c.ending.Lock()
	defer c.ending.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	var stream io.Closer = c.stream
	if ch, ok := stream.(channelStream); ok {
		stream = ch.MessageChannel
	}
	switch s := stream.(type) {
	case interface{ ResetWithError(code uint32) error }:
		s.ResetWithError(ResetCode)
	case interface{ Reset() error }:
		s.Reset()
	case interface{ SetDeadline(time.Time) error }:
		// The Close of some streams, QUIC's among them, ends only the half that
		// is written to, and leaves a Read where it is.
		s.SetDeadline(time.Unix(1, 0))
		stream.Close()
	default:
		stream.Close()
	}
}

// unlessEnded acts if the stream was not ended, and is not about to be. It reports
// whether it did.
func (c *Communicator) unlessEnded(act func()) bool {
	if !c.ending.TryLock() {
		return false
	}
	defer c.ending.Unlock()
	if c.ended {
		return false
	}
	act()
	return true
}

// abandon ends a call that a panic, or the end of the goroutine, has left: what
// the caller handed in, a stream, a matcher, a hook, may panic. It does nothing
// if the call has returned, and c is nil.
func abandon(c **Communicator) {
	if *c != nil {
		(*c).abandon()
	}
}

// claim says which stream it is on, if that is not known: on the short way that need
// not be said while nothing of the Communicator is in use but small.
func (c *Communicator) claim(stream io.ReadWriteCloser) {
	if c.stream == nil { // else the watch may be reading it
		c.stream = stream
	}
}

// abandonOn is abandon for a call that has not said which stream is its.
func (c *Communicator) abandonOn(stream io.ReadWriteCloser) {
	c.claim(stream)
	c.abandon()
}

func (c *Communicator) abandon() {
	c.over = true
	c.disarm(context.Background())
	c.cut()
}

// end finishes a call: it stops the watch, ends the stream if the call
// failed, waits for what still runs, and tells the trace. The steps keep a
// stream on which the peer refused, or on which nothing was said because of a
// name that cannot be.
func (c *Communicator) end(ctx context.Context, protocol string, proposed []string, step bool, err error) error {
	if cause := c.disarm(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		if !step || err != ErrNotSupported && !errors.Is(err, ErrInvalidName) {
			c.over = true
			c.cut()
		}
		if c.ext != nil && c.ext.writing != nil {
			c.sent += int32(c.joined().n) // cut has made it return
		}
		err = c.failure(proposed, err)
	}
	if c.ext != nil {
		c.ext.trace.done(c.outcome(protocol, err))
		c.ext.trace = nil
	}
	c.tolerant = false
	if c.pooled {
		c.release()
	} else if err == nil && protocol != "" {
		c.over = true
	}
	return err
}

// failure says where the call was when err ended it.
func (c *Communicator) failure(proposed []string, err error) *Error {
	e := &Error{
		Role:          c.role,
		Phase:         c.phase,
		Protocols:     distinct(proposed),
		BytesSent:     int(c.sent),
		BytesReceived: int(c.got),
		Elapsed:       c.elapsed(),
		Err:           err,
	}
	switch {
	case c.ext != nil && c.ext.offending != nil:
		e.Received = c.ext.offending
	case len(c.pending()) > 0:
		e.Received = bytes.Clone(c.pending())
		c.received(e.Received)
	}
	return e
}

// distinct copies the names, without those that stand there twice.
func distinct(names []string) (copied []string) {
	for i, name := range names {
		if !slices.Contains(names[:i], name) {
			copied = append(copied, name)
		}
	}
	return copied
}

// elapsed returns the time since begin, 0 if that did not ask for it.
func (c *Communicator) elapsed() time.Duration {
	if c.start == 0 {
		return 0
	}
	return time.Since(epoch) - c.start
}
