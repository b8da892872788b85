package multiselect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/multiselect/multiselect/internal/streamend"
)

// This file closes lazy streams, also in the background: Close does not wait for the peer
// (R31), but starts a goroutine, the linger, while the outcome is pending.

const (
	maxLingering = 1024    // lingers of the process
	maxDrained   = 1 << 20 // bytes that a linger discards
)

var activeLingers, refusedLingers atomic.Int64

// LingerCounts counts the background goroutines that [LazyStream.Close] and
// [LazyStream.CloseRead] start, in the whole process.
type LingerCounts struct {
	Active  int // goroutines running now, at most 1024
	Refused int // streams that Close reset because 1024 were active, since the process began
}

// LingerStats returns the current counts. It does not block.
func LingerStats() LingerCounts {
	return LingerCounts{Active: int(activeLingers.Load()), Refused: int(refusedLingers.Load())}
}

var errTooManyLingers = fmt.Errorf("%w: %d streams linger already", ErrLimit, maxLingering)

// tryStartLinger counts a linger in activeLingers, and reports false if there are too many.
func tryStartLinger() bool {
	if activeLingers.Add(1) <= maxLingering {
		return true
	}
	activeLingers.Add(-1)
	return false
}

// Close closes the stream without waiting for the peer (R31). Blocked calls return [net.ErrClosed],
// a Write with the number of bytes that it wrote. On a stream without deadlines they return when
// the linger ends.
//
// While the outcome is pending, Close starts a background goroutine, the linger. It sends the
// unsent rest of the header and the proposal, half-closes the stream for writing, reads the answer,
// and closes the stream. If the stream has a CloseWrite and no Reset method, such as a TCP
// connection, the linger first discards incoming data until EOF, at most 1 MiB: closing a TCP
// connection with unread data resets it, and can lose data that was written. The linger takes at
// most [Limits].Timeout, or 10 s if that has no limit, and then resets the stream.
// [LazyStream.Wait] waits for the outcome.
//
// At most 1024 goroutines of a process linger, see [LingerStats]. Beyond that, Close resets the
// stream immediately, which may lose data that was written, and returns [ErrLimit]. If the
// negotiation has failed, Close returns its error; a second Close returns [net.ErrClosed].
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
			l.overrideDeadline(deadliner.SetWriteDeadline, streamend.LongAgo)
		}
		l.waiters++
		timeout := cmp.Or(l.timeout, new(Limits).timeout())
		if l.reader != readerDone { // otherwise the timer belongs to conclude
			l.pauseTimeout()
			l.timeoutLeft = timeout
			l.resumeTimeout()
		}
		go l.linger(writeClosed, time.Now().Add(timeout))
		return nil
	}
	refusedLingers.Add(1)
	go func() { // in the background: the stream's own Reset may block
		l.mu.Lock()
		defer l.mu.Unlock()
		l.fail(errTooManyLingers)
	}()
	return errTooManyLingers
}

// linger completes a Close. writeClosed reports that CloseWrite was called before.
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
		drain = false // a multiplexer's Close loses no written data after the answer
	}
	l.timeoutLeft = time.Until(until)
	l.resumeTimeout()
	c := l.communicator()
	l.withoutLock(func() {
		if drain {
			io.Copy(io.Discard, io.LimitReader(l.stream, maxDrained))
		}
		if c.life.unlessEnded(func() {}) {
			l.stream.Close()
		}
	})
	l.pauseTimeout()
}

// finishWrites sends the unsent rest of the header and the proposal, half-closes the stream
// for writing, and reports whether it is half-closed. An unbuffered stream is not: the call
// would block until the peer has answered.
func (l *LazyStream) finishWrites(writeClosed bool) (halfClosed bool) {
	for l.writing {
		l.waitChange()
	}
	l.overrideDeadline(deadliner.SetWriteDeadline, time.Time{})
	if !l.interrupted {
		l.overrideDeadline(deadliner.SetReadDeadline, time.Time{})
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
	// CloseWrite may block until the peer has read all data, and the peer may block
	// until its answer is read.
	l.startReader()
	var err error
	l.withoutLock(func() { err = closer.CloseWrite() })
	return !errors.Is(err, errors.ErrUnsupported)
}

// Reset ends the stream immediately, as a failed negotiation does (R25); data that was
// written may be lost. Blocked calls return [net.ErrClosed], and a linger ends. Reset blocks
// as long as the stream's own Reset or Close does, and returns nil.
func (l *LazyStream) Reset() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.markClosed()
	l.fail(net.ErrClosed)
	return nil
}

// CloseRead ends reading: Read and WriteTo return [net.ErrClosed] from now on. Writing continues.
//
// While the outcome is pending, CloseRead returns immediately, and the stream's CloseRead is called
// after the answer is read, because some responders drop the data that they received when they
// cannot send their answer. A background goroutine waits for that; it counts as a linger, and is
// bounded by [Limits].Timeout.
//
// CloseRead fails with [errors.ErrUnsupported] if the stream has no CloseRead, with [net.ErrClosed]
// if reading has ended, and with the outcome if the negotiation has failed.
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
	if tryStartLinger() { // otherwise the next call that waits reads the answer
		go func() {
			defer activeLingers.Add(-1)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.awaitOutcome(context.Background(), new(half)) // conclude calls closeStreamRead
		}()
	}
	return nil
}

type closeReader interface{ CloseRead() error }

func (l *LazyStream) closeStreamRead() error { return l.stream.(closeReader).CloseRead() }

// markClosed makes all calls return net.ErrClosed from now on. l.mu must be held.
func (l *LazyStream) markClosed() {
	l.closed = true
	for _, h := range []*half{&l.in, &l.out} {
		h.direct.Store(false)
		h.closed = true
		h.deadline = time.Time{}
	}
	l.notify()
}

// fail ends the stream and concludes the negotiation, with the first cause with which it is
// called. An answer reader, if any, concludes it when its read has returned. fail is called
// with l.mu held, and releases it meanwhile.
func (l *LazyStream) fail(cause error) {
	if l.endCause == nil {
		l.endCause = cause
	}
	idle := l.reader == readerNone
	if idle {
		l.reader = readerBackground
	}
	l.withoutLock(l.communicator().endStream)
	if idle {
		l.conclude(cause)
	}
}
