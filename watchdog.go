package multiselect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// watchdog ends the stream of a negotiation when its budget is over or its
// context ends. It touches the stream only then, never its deadlines: a
// net.Conn cannot say what deadlines its owner has set (R24).
type watchdog struct {
	timer *time.Timer
	start time.Duration // on the clock of since
	armed bool
	over  bool // the call failed: nothing goes on from here

	mu    sync.Mutex
	ended bool // the stream was ended, by whoever came first
}

// ErrorCode is what a failed negotiation resets a stream with, where the
// stream offers codes: "protocol negotiation failed" of libp2p.
const ErrorCode = 0x1001

// epoch is what all durations are measured from.
var epoch = time.Now()

// inBubble reports whether a time since epoch was read in a testing/synctest
// bubble, whose clocks begin in the year 2000: nowhere else is it negative.
// A timer or channel made in a bubble must never be used outside of it, so
// nothing from a bubble goes into a pool and nothing pooled comes into one.
func inBubble(sinceEpoch time.Duration) bool { return sinceEpoch < 0 }

var communicators = sync.Pool{New: func() any { return new(Communicator) }}

// acquire returns a Communicator for one call on a stream.
func acquire(stream io.ReadWriteCloser) *Communicator {
	start := time.Since(epoch)
	var c *Communicator
	if inBubble(start) {
		c = new(Communicator)
	} else {
		c = communicators.Get().(*Communicator)
	}
	c.start = start
	c.stream = stream
	return c
}

// release gives it back, unless the call failed: the watchdog may not have
// been stopped in time, and then the goroutine of its timer still holds it.
func (c *Communicator) release() {
	c.framer.release()
	if c.over || inBubble(c.start) {
		return
	}
	timer := c.timer
	*c = Communicator{}
	c.timer = timer
	communicators.Put(c)
}

// restart is acquire for a Communicator that the caller holds.
func (c *Communicator) restart() { c.start = time.Since(epoch) }

// begin starts a call: it arms the watchdog and looks for a trace.
func (c *Communicator) begin(ctx context.Context, role Role, l *Limits, unbuffered bool) error {
	if c.over {
		return net.ErrClosed
	}
	c.role = role
	c.limit = int16(l.message())
	if trace := traceOf(ctx); trace != nil {
		c.extend().trace = trace
	}
	if c.channel() == nil && (unbuffered || isUnbuffered(c.stream)) {
		c.extend().unbuffered = true
	}
	if ctx.Done() != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.extend().stopCtx = context.AfterFunc(ctx, c.cut)
	}
	switch budget := l.budget(); {
	case budget == 0:
		return nil
	case c.timer == nil:
		c.timer = time.AfterFunc(budget, c.cut)
	default:
		c.timer.Reset(budget)
	}
	c.armed = true
	return nil
}

// disarm stops the watchdog. If it was too late, it returns what the watchdog
// had been waiting for: the stream is ended, or about to be.
func (c *Communicator) disarm(ctx context.Context) (err error) {
	if c.armed && !c.timer.Stop() {
		err = os.ErrDeadlineExceeded
	}
	c.armed = false
	if c.ext != nil && c.ext.stopCtx != nil {
		if !c.ext.stopCtx() {
			err = context.Cause(ctx)
		}
		c.ext.stopCtx = nil
	}
	return err
}

// cut ends the stream, once (R25).
func (c *Communicator) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	if ch := c.channel(); ch != nil {
		ch.Close()
		return
	}
	switch s := c.stream.(type) {
	case interface{ ResetWithError(code uint32) error }:
		s.ResetWithError(ErrorCode)
	case interface{ Reset() error }:
		s.Reset()
	default:
		s.Close()
	}
}

// end finishes a call: it stops the watchdog, ends the stream if the call
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
		err = c.failure(proposed, err)
	}
	if c.ext == nil {
		return err
	}
	if c.ext.writing != nil {
		<-c.ext.writing // cut has made it return
		c.ext.writing = nil
	}
	c.ext.trace.done(c.outcome(protocol, err))
	return err
}

// failure says where the call was when err ended it.
func (c *Communicator) failure(proposed []string, err error) *Error {
	e := &Error{
		Role:          c.role,
		Phase:         c.phase,
		Protocols:     slices.Clone(proposed),
		BytesSent:     int(c.sent),
		BytesReceived: int(c.got),
		Elapsed:       time.Since(epoch) - c.start,
		Err:           err,
	}
	if c.ext != nil {
		e.Answer = c.ext.answer
	}
	if e.Answer == "" && len(c.pending()) > 0 {
		e.Received = bytes.Clone(c.pending())
		c.received(e.Received)
	}
	return e
}
