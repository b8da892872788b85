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

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/internal/streamend"
	"github.com/multiselect/multiselect/internal/watchdog"
)

// A call on a stream begins with begin and ends with end; the fast path uses armFirst and
// tryRelease instead, and a lazy stream ends in conclude or tryAgree. In between, these end
// the stream, all by [Communicator.endStream] and so once (R25):
//
//   - the time limit, by the watchdog (R24);
//   - the end of ctx;
//   - an error of the negotiation, by [Communicator.end];
//   - a panic below the call, by [resetAfterPanic];
//   - [LazyStream.Reset], and a Close that must not linger.
//
// Package streamend ends it: by its ResetWithError or Reset, otherwise by a deadline in the
// past and Close. After success the stream stays open.

// ResetCode is the code with which a failed negotiation resets a stream that has
// codes: "protocol negotiation failed" of libp2p.
const ResetCode = 0x1001

// lifetime is the part of a Communicator that other goroutines use to end the stream.
type lifetime struct {
	entry    watchdog.Entry // the time limit of the call in progress
	watchdog *watchdog.Watchdog[Communicator]
	start    time.Duration // when the call began, by watchdog.Now; 0 if its time is not measured

	expired bool // the time limit has expired

	ending sync.Mutex // held while the stream is being ended
	ended  bool       // guarded by ending
}

// elapsed returns the time since the call began, 0 if that is not measured.
func (l *lifetime) elapsed() time.Duration {
	if l.start == 0 {
		return 0
	}
	return watchdog.Now() - l.start
}

// unlessEnded calls act if the stream was not ended and is not being ended, and reports
// whether it did.
func (l *lifetime) unlessEnded(act func()) bool {
	if !l.ending.TryLock() {
		return false
	}
	defer l.ending.Unlock()
	if l.ended {
		return false
	}
	act()
	return true
}

var communicators = sync.Pool{New: func() any { return &Communicator{pooled: true} }}

// timeLimits ends the stream of a Communicator whose time limit expires.
var timeLimits = watchdog.NewKind(
	func(c *Communicator) *watchdog.Entry { return &c.life.entry },
	(*Communicator).expire,
)

// mustExist panics in the caller's goroutine, before another one uses the stream.
func mustExist(stream io.ReadWriteCloser) {
	if stream == nil {
		panic("multiselect: the stream is nil")
	}
}

// clear resets the Communicator to a new one, which keeps a small buffer.
func (c *Communicator) clear() {
	c.in.clear()
	if f := c.refused; f != nil {
		if f.bytes = f.bytes[:0]; cap(f.bytes) > maxKept {
			f.release()
			c.refused = nil
		}
	}
	c.stream, c.rare, c.out, c.state = nil, nil, writer{}, rules.State{}
	c.life.start, c.maxMessage, c.role, c.phase = 0, 0, 0, 0
	c.finished, c.fast, c.ignoresWriteErrs = false, false, false
}

var errEnded = fmt.Errorf("%w: the negotiation has ended", net.ErrClosed)

// checkUsable fails if the conversation has ended, with a failure or an agreement.
func (c *Communicator) checkUsable(role Role) error {
	if c.finished {
		return &Error{Role: role, Phase: c.phase, Err: errEnded}
	}
	return nil
}

// setStream records the stream, which the fast path delays while it uses only the inline buffer.
func (c *Communicator) setStream(stream io.ReadWriteCloser) {
	if c.stream == nil { // otherwise the watchdog may be reading it
		c.stream = stream
	}
}

// begin begins a call: it calls the trace, and arranges for the end of the stream when
// ctx ends or the time limit expires (R24). It sets no deadline of the stream, since a
// net.Conn cannot return the deadlines that its owner has set.
func (c *Communicator) begin(ctx context.Context, role Role, l *Limits, unbuffered bool) error {
	c.role = role
	c.life.start = 0
	c.maxMessage = int16(l.maxMessage())
	if trace := traceOf(ctx); trace != nil || c.rare != nil {
		c.ensureRare().trace = trace
		trace.begin(role)
	}
	c.recordUnbuffered(unbuffered)
	if c.channel() == nil {
		if err := checkStream(c.stream); err != nil {
			return err
		}
		if !isPlain(c.stream) {
			c.ensureRare() // a lazy stream asks for it
		}
	}
	return c.arm(ctx, l)
}

// arm arranges for the end of the stream when ctx ends or the time limit expires.
func (c *Communicator) arm(ctx context.Context, l *Limits) error {
	if ctx.Done() != nil {
		if ctx.Err() != nil {
			return ctxError(ctx)
		}
		c.ensureRare().stopCtx = context.AfterFunc(ctx, c.expire)
	}
	timeout := l.timeout()
	if timeout == 0 && c.rare == nil {
		return nil // the time is not used
	}
	c.life.start = watchdog.Now()
	if timeout > 0 {
		c.startTimer(c.life.start, timeout)
	}
	return nil
}

// startTimer sets the time limit, which begins now.
func (c *Communicator) startTimer(now, timeout time.Duration) {
	c.life.watchdog = timeLimits.For(c.life.watchdog, now)
	c.life.watchdog.Add(c, &c.life.entry, now, timeout)
}

// armFirst is arm for a call on the fast path that has not recorded its stream. It
// reports false, and records nothing, if ctx is done.
func (c *Communicator) armFirst(stream io.ReadWriteCloser, ctx context.Context, l *Limits) bool {
	c.stream = stream
	if err := c.arm(ctx, l); err != nil {
		c.stream = nil
		return false
	}
	return true
}

// stopTimer stops the time limit. It reports false, also when called again, if that has
// expired: the stream has been ended, or is about to be.
func (c *Communicator) stopTimer() bool {
	if !c.life.watchdog.Remove(&c.life.entry) {
		c.life.expired = true
	}
	return !c.life.expired
}

// disarm undoes arm. It returns a reason if the stream has been ended, or is about to be.
func (c *Communicator) disarm(ctx context.Context) (err error) {
	if !c.stopTimer() {
		err = os.ErrDeadlineExceeded
	}
	if c.rare != nil && c.rare.stopCtx != nil {
		if !c.rare.stopCtx() {
			err = ctxError(ctx)
		}
		c.rare.stopCtx = nil
	}
	return err
}

// ctxError returns the error of a ctx that has ended, with its cause if that differs.
func ctxError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}

// expire is endStream for callers to which a panic of the stream is not an error.
func (c *Communicator) expire() { c.endStream() }

// endStream ends the stream, once (R25). A concurrent second call blocks until the
// first has returned. It returns the error of a panic of the stream, or nil.
func (c *Communicator) endStream() (panicked *PanicError) {
	c.life.ending.Lock()
	defer c.life.ending.Unlock()
	if c.life.ended {
		return nil
	}
	c.life.ended = true
	var stream io.Closer = c.stream
	defer func() {
		if panicked = recordPanic(recover()); panicked != nil {
			defer func() { _ = recover() }()
			stream.Close() // so that blocked calls return
		}
	}()
	if ch, ok := stream.(*channelStream); ok {
		stream = ch.MessageChannel
	}
	streamend.Reset(stream, ResetCode)
	return nil
}

// resetAfterPanic, deferred, ends a call that a panic or runtime.Goexit has interrupted: a stream,
// a matcher or a hook may panic. A call that returns sets *running to nil before.
func resetAfterPanic(running **Communicator, stream io.ReadWriteCloser) {
	if *running != nil { // inlined
		(*running).resetAfterPanic(stream)
	}
}

func (c *Communicator) resetAfterPanic(stream io.ReadWriteCloser) {
	c.setStream(stream)
	c.finished = true
	c.disarm(context.Background())
	c.endStream()
}

// step runs one step on a Communicator that may be used afterwards. It may propose the protocol.
func (c *Communicator) step(ctx context.Context, role Role, l *Limits, unbuffered bool, protocol string, do func() error) error {
	if err := c.checkUsable(role); err != nil {
		return err
	}
	running := c
	defer resetAfterPanic(&running, c.stream)
	before := c.state.Proposals
	err := c.begin(ctx, role, l, unbuffered)
	if err == nil {
		err = do()
	}
	var proposed []string
	if c.state.Proposals > before {
		proposed = []string{protocol}
	}
	err = c.end(ctx, protocol, proposed, true, err)
	running = nil
	return err
}

// end ends a call: it stops the time limit, ends the stream if the call has failed,
// waits for a concurrent write, and calls the trace. A step leaves the stream open
// after a refusal, and after an invalid name, for which nothing was sent (R25).
func (c *Communicator) end(ctx context.Context, protocol string, proposed []string, step bool, err error) error {
	if cause := c.disarm(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		if !step || err != ErrNotSupported && !errors.Is(err, ErrInvalidName) {
			c.finished = true
			if panicked := c.endStream(); panicked != nil {
				err = fmt.Errorf("%w; ending the stream: %w", err, panicked)
			}
		}
		if c.rare != nil && c.rare.writing != nil {
			w := c.rare.join() // the end of the stream has unblocked it
			c.out.sent += int32(w.n)
			if isPanic(w.err) {
				err = &CommunicatorError{"write", w.err}
			}
		}
		err = c.failure(proposed, err)
	}
	if c.rare != nil {
		c.rare.trace.done(c.outcome(protocol, err))
		c.rare.trace = nil
	}
	c.ignoresWriteErrs, c.fast = false, false
	switch {
	case c.pooled && c.finished: // not reused: an expired time limit may still refer to it
		c.in.clear()
		c.stream = nil
	case c.pooled:
		c.clear()
		communicators.Put(c)
	case err == nil && protocol != "":
		c.finished = true
	}
	return err
}

// failure returns the error of a call that err has ended.
func (c *Communicator) failure(proposed []string, err error) *Error {
	e := &Error{
		Role:          c.role,
		Phase:         c.phase,
		Protocols:     distinct(proposed),
		BytesSent:     int(c.out.sent),
		BytesReceived: int(c.in.total),
		Elapsed:       c.life.elapsed(),
		Err:           err,
	}
	switch {
	case c.rare != nil && c.rare.offending != nil:
		e.Received = c.rare.offending
	case len(c.in.pending()) > 0:
		e.Received = bytes.Clone(c.in.pending())
		c.traceReceived(e.Received)
	}
	return e
}

// outcome returns the outcome of a call, for the trace.
func (c *Communicator) outcome(protocol string, err error) Outcome {
	if err != nil {
		protocol = ""
	}
	return Outcome{
		Role:          c.role,
		Protocol:      protocol,
		Err:           err,
		WriteErr:      c.rare.writeErr,
		Proposals:     int(c.state.Proposals),
		Flights:       int(c.out.writes),
		BytesSent:     int(c.out.sent),
		BytesReceived: int(c.in.total),
		Elapsed:       c.life.elapsed(),
	}
}

// distinct returns a copy of the names in which each occurs once.
func distinct(names []string) (copied []string) {
	for i, name := range names {
		if !slices.Contains(names[:i], name) {
			copied = append(copied, name)
		}
	}
	return copied
}
