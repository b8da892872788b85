package multiselect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// This file is how a LazyStream ends. Close does not wait for the peer; what has
// to be waited for, so that nothing that was written is lost, is the linger.

const (
	// mostLingering is how many goroutines of this kind a process has at most.
	maxLingering = 1024
	// mostDrained is how much a peer may send that nobody wants any more.
	maxDrained = 1 << 20
)

var activeLingers, refusedLingers atomic.Int64

// LingerCounts are counts of the goroutines that [LazyStream.Close] and
// [LazyStream.CloseRead] start, for the whole process.
type LingerCounts struct {
	Active  int // running now
	Refused int // streams reset by Close since the process began, because 1024 were active
}

// LingerStats returns the counts at this moment.
func LingerStats() LingerCounts {
	return LingerCounts{Active: int(activeLingers.Load()), Refused: int(refusedLingers.Load())}
}

var errTooManyLingers = fmt.Errorf("%w: %d streams linger already", ErrLimit, maxLingering)

func tryStartLinger() bool {
	if activeLingers.Add(1) <= maxLingering {
		return true
	}
	activeLingers.Add(-1)
	return false
}

// Close ends the stream and does not wait for the peer. Calls that are blocked
// return, a Write with the count of what it wrote; over a stream without
// asDeadliner it returns at the end of the linger.
//
// While the outcome is pending Close leaves a goroutine behind, the linger. It
// sends what is unsent of the header and the proposal, and that nothing more
// will come; takes the answer; and closes the stream. On one without a Reset, a TCP
// connection for instance, it first drops what else the peer sends until that has
// ended, since a Close with something unread may lose what was written. The linger
// takes no longer than [Limits].Timeout, or 10 s if that has no limit, and no more
// than 1 MiB; then it resets the stream. [LazyStream.Wait] waits for the outcome.
// When 1024 streams linger already, the next one is reset at once, what was written
// to it may be lost, and Close returns [ErrLimit]. See [LingerStats].
func (l *LazyStream) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	writeClosed := l.out.closed
	l.markClosed()
	switch {
	case l.state == LazyFailed:
		return l.err
	case l.state == LazyAgreed:
		var err error
		l.withoutLock(func() { err = l.stream.Close() })
		return err
	case tryStartLinger():
		l.interruptReader()
		if l.writing {
			l.overrideWriteDeadline(longAgo)
		}
		l.waiters++
		timeout := l.lingerTimeout()
		if l.reader != readerDone { // else whoever decides has the budget
			l.stopTimer()
			l.timeoutLeft = timeout
			l.startTimer()
		}
		go l.linger(writeClosed, time.Now().Add(timeout))
		return nil
	}
	refusedLingers.Add(1)
	go l.refuseLinger() // the stream's own Reset may take its time
	return errTooManyLingers
}

// refuseLinger ends a stream that may not linger.
func (l *LazyStream) refuseLinger() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail(errTooManyLingers)
}

// Reset ends the stream at once, as a failure does: what was written may be lost.
func (l *LazyStream) Reset() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.markClosed()
	}
	l.fail(net.ErrClosed)
	return nil
}

// CloseRead ends reading. The stream's own CloseRead follows when the peer has
// answered, for which a goroutine lingers as it does after Close: responders
// drop what they were sent when their answer is not wanted. It fails with
// [errors.ErrUnsupported] if the stream has no CloseRead.
func (l *LazyStream) CloseRead() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.closedErr(&l.in); err != nil {
		return err
	}
	if _, ok := l.stream.(closeReader); !ok {
		return errors.ErrUnsupported
	}
	l.in.closed = true
	l.in.direct.Store(false)
	l.notify()
	if l.state == LazyAgreed {
		var err error
		l.withoutLock(func() { err = l.closeStreamRead() })
		return err
	}
	l.interruptReader()
	if tryStartLinger() { // without one, whoever hears the answer does it
		go l.lingerToCloseRead()
	}
	return nil
}

type closeReader interface{ CloseRead() error }

func (l *LazyStream) closeStreamRead() error { return l.stream.(closeReader).CloseRead() }

func (l *LazyStream) lingerToCloseRead() {
	defer activeLingers.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awaitOutcome(context.Background(), new(half)) // whatever it is, decide acts on it
}

// markClosed makes all calls fail from now on.
func (l *LazyStream) markClosed() {
	l.closed = true
	for _, h := range []*half{&l.in, &l.out} {
		h.direct.Store(false)
		h.closed = true
		h.deadline = time.Time{}
	}
	l.notify()
}

// fail ends the stream, and the negotiation if it is not decided.
func (l *LazyStream) fail(cause error) {
	if l.endCause == nil {
		l.endCause = cause
	}
	idle := l.reader == readerNone
	if idle {
		l.reader = readerBackground
	}
	l.withoutLock(l.communicator().cut) // which makes a pump return
	if idle {
		l.conclude(cause)
	}
}

// lingerTimeout is that of the negotiation, but never without limit.
func (l *LazyStream) lingerTimeout() time.Duration {
	if l.timeout > 0 {
		return l.timeout
	}
	return new(Limits).timeout()
}

// linger is what Close leaves behind, until a time.
func (l *LazyStream) linger(writeClosed bool, until time.Time) {
	defer activeLingers.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.stopWaiting()
	drain := l.finishWrites(writeClosed)
	for l.state == LazyPending {
		if l.reader == readerNone {
			l.reader = readerBackground
			l.readAnswer(nil, nil, 0, nil)
		} else {
			l.waitChange()
		}
	}
	if l.state == LazyFailed {
		return
	}
	if _, ok := l.stream.(interface{ Reset() error }); ok {
		drain = false // of a multiplexer: behind the answer its Close loses nothing
	}
	l.timeoutLeft = time.Until(until)
	l.startTimer()
	c := l.communicator()
	l.withoutLock(func() {
		if drain {
			io.Copy(io.Discard, io.LimitReader(l.stream, maxDrained))
		}
		if c.unlessEnded(func() {}) {
			l.stream.Close()
		}
	})
	l.stopTimer()
}

// finishWrites sends what has to be said before the end of the linger, and reports
// whether the stream's other half is still open. Where a write waits for the
// peer's Read, the end can only come when the peer has answered.
func (l *LazyStream) finishWrites(writeClosed bool) (drain bool) {
	for l.writing {
		l.waitChange()
	}
	l.overrideWriteDeadline(time.Time{})
	if !l.interrupted {
		l.overrideReadDeadline(time.Time{})
	}
	if l.firstSent < l.firstSize {
		if err := l.sendFirst(); err != nil {
			l.fail(err)
			return false
		}
	}
	closer, ok := l.stream.(interface{ CloseWrite() error })
	if !ok || l.unbuffered {
		return false
	}
	if writeClosed {
		return true
	}
	// A CloseWrite may wait until the peer has read, and the peer until its answer
	// is read.
	l.startReader()
	var err error
	l.withoutLock(func() { err = closer.CloseWrite() })
	return !errors.Is(err, errors.ErrUnsupported)
}
