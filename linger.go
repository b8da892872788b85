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
	mostLingering = 1024
	// mostDrained is how much a peer may send that nobody wants any more.
	mostDrained = 1 << 20
)

var lingering, unread atomic.Int64

// LingerCounts are counts of the goroutines that [LazyStream.Close] and
// [LazyStream.CloseRead] start, for the whole process.
type LingerCounts struct {
	Active  int // running now
	Refused int // streams reset by Close since the process began, because 1024 were active
}

// LingerStats returns the counts at this moment.
func LingerStats() LingerCounts {
	return LingerCounts{Active: int(lingering.Load()), Refused: int(unread.Load())}
}

var errLingering = fmt.Errorf("%w: %d streams linger already", ErrLimit, mostLingering)

func takeSlot() bool {
	if lingering.Add(1) <= mostLingering {
		return true
	}
	lingering.Add(-1)
	return false
}

// Close ends the stream and does not wait for the peer. Calls that are blocked
// return, a Write with the count of what it wrote; over a stream without
// deadlines it returns at the end of the linger.
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
	finished := l.out.closed
	l.shut()
	switch {
	case l.state == LazyFailed:
		return l.err
	case l.state == LazyAgreed:
		var err error
		l.unlocked(func() { err = l.stream.Close() })
		return err
	case takeSlot():
		l.interrupt()
		if l.writing {
			l.writeBy(longAgo)
		}
		l.waiters++
		budget := l.lingerBudget()
		if l.pump != pumpDone { // else whoever decides has the budget
			l.disarm()
			l.left = budget
			l.arm()
		}
		go l.linger(finished, time.Now().Add(budget))
		return nil
	}
	unread.Add(1)
	go l.giveUp() // the stream's own Reset may take its time
	return errLingering
}

// giveUp ends a stream that may not linger.
func (l *LazyStream) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.abort(errLingering)
}

// Reset ends the stream at once, as a failure does: what was written may be lost.
func (l *LazyStream) Reset() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.shut()
	}
	l.abort(net.ErrClosed)
	return nil
}

// CloseRead ends reading. The stream's own CloseRead follows when the peer has
// answered, for which a goroutine lingers as it does after Close: responders
// drop what they were sent when their answer is not wanted. It fails with
// [errors.ErrUnsupported] if the stream has no CloseRead.
func (l *LazyStream) CloseRead() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.gone(&l.in); err != nil {
		return err
	}
	if _, ok := l.stream.(closeReader); !ok {
		return errors.ErrUnsupported
	}
	l.in.closed = true
	l.in.direct.Store(false)
	l.changed()
	if l.state == LazyAgreed {
		var err error
		l.unlocked(func() { err = l.closeRead() })
		return err
	}
	l.interrupt()
	if takeSlot() { // without one, whoever hears the answer does it
		go l.awaitToCloseRead()
	}
	return nil
}

type closeReader interface{ CloseRead() error }

func (l *LazyStream) closeRead() error { return l.stream.(closeReader).CloseRead() }

func (l *LazyStream) awaitToCloseRead() {
	defer lingering.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.await(context.Background(), new(half)) // whatever it is, decide acts on it
}

// shut makes all calls fail from now on.
func (l *LazyStream) shut() {
	l.closed = true
	for _, h := range []*half{&l.in, &l.out} {
		h.direct.Store(false)
		h.closed = true
		h.deadline = time.Time{}
	}
	l.changed()
}

// abort ends the stream, and the negotiation if it is not decided.
func (l *LazyStream) abort(cause error) {
	if l.cause == nil {
		l.cause = cause
	}
	idle := l.pump == pumpIdle
	if idle {
		l.pump = pumpBeside
	}
	l.unlocked(l.communicator().cut) // which makes a pump return
	if idle {
		l.decide(cause)
	}
}

// lingerBudget is that of the negotiation, but never without limit.
func (l *LazyStream) lingerBudget() time.Duration {
	if l.budget > 0 {
		return l.budget
	}
	return new(Limits).timeout()
}

// linger is what Close leaves behind, until a time.
func (l *LazyStream) linger(finished bool, until time.Time) {
	defer lingering.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.release()
	halves := l.lastWords(finished)
	for l.state == LazyPending {
		if l.pump == pumpIdle {
			l.pump = pumpBeside
			l.listen(nil, nil, 0, nil)
		} else {
			l.wait()
		}
	}
	if l.state == LazyFailed {
		return
	}
	if _, ok := l.stream.(interface{ Reset() error }); ok {
		halves = false // of a multiplexer: behind the answer its Close loses nothing
	}
	l.left = time.Until(until)
	l.arm()
	c := l.communicator()
	l.unlocked(func() {
		if halves {
			io.Copy(io.Discard, io.LimitReader(l.stream, mostDrained))
		}
		if c.unlessEnded(func() {}) {
			l.stream.Close()
		}
	})
	l.disarm()
}

// lastWords sends what has to be said before the end of the linger, and reports
// whether the stream's other half is still open. Where a write waits for the
// peer's Read, the end can only come when the peer has answered.
func (l *LazyStream) lastWords(finished bool) (halves bool) {
	for l.writing {
		l.wait()
	}
	l.writeBy(time.Time{})
	if !l.interrupted {
		l.readBy(time.Time{})
	}
	if l.sent < l.size {
		if err := l.flush(); err != nil {
			l.abort(err)
			return false
		}
	}
	closer, ok := l.stream.(interface{ CloseWrite() error })
	if !ok || l.isUnbuffered {
		return false
	}
	if finished {
		return true
	}
	// A CloseWrite may wait until the peer has read, and the peer until its answer
	// is read.
	l.pumpBeside()
	var err error
	l.unlocked(func() { err = closer.CloseWrite() })
	return !errors.Is(err, errors.ErrUnsupported)
}
