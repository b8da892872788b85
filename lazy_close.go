package multiselect

import (
	"cmp"
	"context"
	"errors"
	"net"
	"time"

	"github.com/multiselect/multiselect/internal/streamend"
)

// This file closes lazy streams. Close does not wait for the peer (R31), but starts a
// goroutine, the linger, while the outcome is pending; see lazy_linger.go.

// Close closes the stream without waiting for the peer (R31). Blocked calls return [net.ErrClosed],
// a Write with the number of bytes that it wrote. On a stream without deadlines they return when
// the linger ends.
//
// While the outcome is pending, or if no call has waited for it, Close starts a background
// goroutine, the linger. It sends the unsent rest of the header and the proposal, half-closes the
// stream for writing, reads the answer, and closes the stream. If the stream has a CloseWrite and
// no Reset method, such as a TCP connection, the linger first discards incoming data until EOF, at
// most 1 MiB: closing a TCP connection with unread data resets it, and can lose data that was
// written. The linger takes at most [Limits].Timeout, or 10 s if that has no limit, and then resets
// the stream. [LazyStream.Wait] waits for the outcome, and [Drain] for the end of the linger.
//
// At most 1024 streams of a process linger. For a further one, the oldest of the remote host
// that has the most is reset, which may lose data that was written there; see [LingerStats].
// Close calls the stream's RemoteAddr method, if it has one, to learn the host. If the
// negotiation has failed, Close returns its error; a second Close returns [net.ErrClosed].
// Close returns [ErrLimit], and resets the stream, only if the Resets of 1024 such streams block.
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
	case l.state == LazyAgreed && !l.unobserved:
		var err error
		l.withoutLock(func() { err = l.stream.Close() })
		return err
	}
	l.interruptReader()
	if l.writing {
		l.overrideDeadline(deadliner.SetWriteDeadline, streamend.LongAgo)
	}
	var remote string
	l.withoutLock(func() { remote = l.remote() })
	lingering := lingerPool.Start(remote, l.evict)
	if lingering == nil {
		go l.evict() // in the background: the stream's own Reset may block
		return errTooManyLingers
	}
	l.waiters++
	l.lingers = lingerWrites
	limit := cmp.Or(l.timeout, new(Limits).timeout())
	if l.state == LazyPending && l.reader == readerDone {
		l.timeoutLeft = limit // conclude resumes it
	} else {
		l.pauseTimeout()
		l.timeoutLeft = limit
		l.resumeTimeout()
	}
	go l.linger(lingering, writeClosed)
	return nil
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
// cannot send their answer. A background goroutine waits for that, for [Limits].Timeout at most. At
// most 1024 of them run in a process; beyond that, the next call that waits reads the answer.
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
	if closingReads.Add(1) > maxLingering {
		closingReads.Add(-1) // the next call that waits reads the answer
	} else {
		go func() {
			defer closingReads.Add(-1)
			l.mu.Lock()
			defer l.mu.Unlock()
			defer l.recoverPanic()
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
	l.withoutLock(l.communicator().expire)
	if idle {
		l.conclude(cause)
	}
}
