package multiselect

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/multiselect/multiselect/internal/lingers"
)

// This file is the linger of lazy streams: the goroutine that completes a Close while the
// outcome is pending.

const (
	maxLingering = 1024    // streams of the process that linger
	maxDrained   = 1 << 20 // bytes that a linger discards
)

var (
	lingerPool   = lingers.NewPool(maxLingering)
	closingReads atomic.Int64 // goroutines of CloseRead
)

var errTooManyLingers = fmt.Errorf("%w: more than %d streams linger", ErrLimit, maxLingering)

// LingerCounts counts the streams of the process that linger after [LazyStream.Close].
type LingerCounts struct {
	Active  int // streams that linger now, at most 1024
	Evicted int // streams that were reset because 1024 were active, since the process began

	Panics    int         // each a [PanicError], since the process began
	LastPanic *PanicError // the latest, or nil
}

// LingerStats returns the current counts. It does not block.
func LingerStats() LingerCounts {
	active, evicted := lingerPool.Stats()
	return LingerCounts{active, evicted, int(panics.Load()), lastPanic.Load()}
}

// Drain blocks until no lazy stream of the process lingers (R31). A program calls it after it
// has closed its streams, and before it closes the connections below them or exits. With remotes,
// Drain waits only for streams to these: an address such as "192.0.2.1:443", as RemoteAddr of the
// stream returns it, or a host such as "192.0.2.1". Streams that are closed meanwhile count.
//
// A linger takes at most [Limits].Timeout, or 10 s, and ends after the stream's own Close. Unless
// it has failed, the peer has then answered the proposal and, where the stream has no Reset, such
// as a TCP connection, has closed its end or sent 1 MiB. Drain returns nil also if lingers have
// failed; [LazyStream.Wait] returns the outcome of one stream. If ctx ends first, Drain returns
// a [*DrainError].
func Drain(ctx context.Context, remotes ...string) error {
	pending, left := lingerPool.Wait(ctx.Done(), remotes)
	if pending == 0 {
		return nil
	}
	return &DrainError{Lingering: pending, Remotes: left, Err: ctxError(ctx)}
}

// DrainError is the error of [Drain].
type DrainError struct {
	Lingering int      // streams that linger
	Remotes   []string // their remote addresses, sorted, each once; "" if not known
	Err       error    // wraps the error of the context and its cause
}

// Error returns a text with the number of streams, and at most eight remote addresses.
func (e *DrainError) Error() string {
	remotes := e.Remotes[:min(len(e.Remotes), 8)]
	text := fmt.Sprintf("multiselect: %d streams linger, to %.80q", e.Lingering, remotes)
	if more := len(e.Remotes) - len(remotes); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *DrainError) Unwrap() error { return e.Err }

// lingerProgress is the progress of the linger of a stream.
type lingerProgress uint8

const (
	lingerNone   lingerProgress = iota // there is none
	lingerWrites                       // it has not yet half-closed the stream
	lingerReads                        // it reads until the end, or has ended
)

// evict ends a stream that lingers, for lack of room.
func (l *LazyStream) evict() {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.recoverPanic()
	l.fail(errTooManyLingers)
}

// remote returns the remote address of the stream, or "" if it has none.
func (l *LazyStream) remote() string {
	if addr := l.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}

// linger completes a Close. writeClosed reports that CloseWrite was called before. The time limit
// runs until the stream's own Close has returned.
func (l *LazyStream) linger(lingering *lingers.Linger, writeClosed bool) {
	defer lingering.Finish()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.pauseTimeout()
	defer l.stopWaiting()
	defer l.recoverPanic()
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
	life := &l.communicator().life
	l.withoutLock(func() {
		if drain {
			discard(l.stream, maxDrained)
		}
		if life.unlessEnded(func() {}) {
			l.stream.Close()
		}
	})
}

// recoverPanic is deferred by goroutines that use a lazy stream. It ends the stream after a panic.
// l.mu is held.
func (l *LazyStream) recoverPanic() {
	if panicked := recordPanic(recover()); panicked != nil {
		l.fail(panicked)
	}
}

// finishWrites sends the unsent rest of the header and the proposal, half-closes the stream
// for writing, and reports whether it is half-closed. An unbuffered stream is not: the call
// would block until the peer has answered.
func (l *LazyStream) finishWrites(writeClosed bool) (halfClosed bool) {
	defer func() {
		l.lingers = lingerReads
		l.notify()
	}()
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
