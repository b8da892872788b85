package multiselect

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/multiselect/multiselect/internal/guard"
	"github.com/multiselect/multiselect/wire"
)

// This file is the half of a LazyStream that sends.

// maxCopied is how much of a Write is copied behind the header and the
// proposal, so that all leave in one write.
const maxCopied = 4096

var firstFlightBuffers = sync.Pool{New: func() any { return new([maxCopied + largeBuffer]byte) }}

// Write writes p, behind the header and the proposal if those were not sent. While
// the peer has not answered it writes all of p in the same write, or, if p may
// not travel yet, waits for the answer and then writes p. n counts bytes of p.
func (l *LazyStream) Write(p []byte) (n int, err error) {
	if l.out.direct.Load() {
		return l.stream.Write(p)
	}
	l.mu.Lock()
	// A pump may change ext, but there is none before begun.
	if l.sendStarted || l.writing || l.out.closed || l.state != LazyPending || l.c != nil && l.c.ext != nil || l.firstSize+len(p) > smallBuffer {
		return l.writeSlow(p)
	}
	next, ok := l.guard.After(p)
	if !ok && !l.unguarded {
		return l.writeSlow(p)
	}
	// The first flight, out of small: that is where a Read reads the answer to, too, but
	// not while somebody writes.
	l.writing, l.sendStarted = true, true
	l.notify()
	l.mu.Unlock()
	returned := false
	defer func() {
		if !returned {
			l.abortFirstWrite()
		}
	}()
	const header = len(wire.HeaderFrame)
	flight := firstFrame(&l.inline, len(l.protocol))
	copy(flight[header+1:], l.protocol)
	flight = flight[:len(flight)+copy(l.inline[len(flight):], p)]
	n, err = l.stream.Write(flight)
	returned = true
	l.mu.Lock()
	if n != len(flight) || err != nil {
		return l.finishFirstWrite(n, p, next, err)
	}
	l.writing, l.firstSent, l.guard = false, l.firstSize, next
	l.notify()
	l.mu.Unlock()
	return len(p), nil
}

// finishFirstWrite is the end of a first flight that was not written, or not all of it. It
// unlocks.
func (l *LazyStream) finishFirstWrite(n int, p []byte, next guard.State, err error) (int, error) {
	defer l.mu.Unlock()
	l.writing = false
	l.notify()
	n, err = l.recordSent(max(0, min(n, l.firstSize+len(p))), l.firstSize, p, next, err)
	if err != nil {
		err = l.writeCause(&l.out, err)
	}
	return n, err
}

// abortFirstWrite ends a first flight in which the stream has panicked.
func (l *LazyStream) abortFirstWrite() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	l.notify()
}

// writeSlow is Write for all but the first flight, if that is small. It unlocks.
func (l *LazyStream) writeSlow(p []byte) (n int, err error) {
	defer l.mu.Unlock()
	ctx := context.Background()
	if len(p) == 0 {
		return 0, l.ensureFirstSent(ctx, &l.out)
	}
	if err := l.awaitWriter(ctx, &l.out); err != nil {
		return 0, err
	}
	if l.state == LazyPending {
		if next, ok := l.canSendEarly(p); ok {
			if n, err = l.sendEarly(p, next); err != nil {
				err = l.writeCause(&l.out, err)
			}
			return n, err
		}
	}
	if err := l.awaitDirect(ctx, &l.out); err != nil {
		return 0, err
	}
	l.withoutLock(func() { n, err = l.stream.Write(p) })
	return n, err
}

// canSendEarly reports whether p may be sent before the peer has agreed, and where the
// guard is then. Over a stream without a buffer p could not travel: the peer reads
// it when it has agreed.
func (l *LazyStream) canSendEarly(p []byte) (next guard.State, ok bool) {
	next, ok = l.guard.After(p)
	return next, (ok || l.unguarded) && !l.unbuffered
}

// Flush sends the header and the proposal if nothing has sent them. It does not
// waitChange for the answer.
func (l *LazyStream) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ensureFirstSent(context.Background(), &l.out)
}

// CloseWrite tells the peer that nothing more will come, at once and behind the
// header and the proposal; reading goes on. It fails with [errors.ErrUnsupported]
// if the stream has no CloseWrite.
func (l *LazyStream) CloseWrite() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx := context.Background()
	err := l.ensureFirstSent(ctx, &l.out)
	if err == nil && l.unbuffered {
		err = l.awaitDirect(ctx, &l.out)
	}
	if err != nil {
		return err
	}
	closer, ok := l.stream.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	l.out.direct.Store(false)
	l.out.closed = true
	l.notify()
	l.withoutLock(func() { err = closer.CloseWrite() })
	return err
}

// ReadFrom waits for the agreement, and then copies like [io.Copy] from r to the
// stream: with splice or sendfile where those can be had.
func (l *LazyStream) ReadFrom(r io.Reader) (n int64, err error) {
	l.mu.Lock()
	err = l.awaitDirect(context.Background(), &l.out)
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return io.Copy(l.stream, r)
}

// awaitWriter waits until no other call writes what leaves before the agreement.
func (l *LazyStream) awaitWriter(ctx context.Context, h *half) error {
	for l.writing {
		if err := l.waitErr(ctx, h); err != nil {
			return err
		}
		l.waitChangeUntil(h)
	}
	return l.closedErr(h)
}

// ensureFirstSent sends what is unsent of the header and the proposal.
func (l *LazyStream) ensureFirstSent(ctx context.Context, h *half) error {
	if err := l.awaitWriter(ctx, h); err != nil || l.firstSent == l.firstSize {
		return err
	}
	if err := l.sendFirst(); err != nil {
		return l.writeCause(h, err)
	}
	return nil
}

// awaitDirect waits until the stream can be written to directly: the peer has agreed,
// and what had to leave before has left.
func (l *LazyStream) awaitDirect(ctx context.Context, h *half) error {
	if err := l.awaitOutcome(ctx, h); err != nil {
		return err
	}
	if err := l.ensureFirstSent(ctx, h); err != nil {
		return err
	}
	l.out.direct.Store(!l.out.closed)
	return nil
}

// sendFirst is say for those whose turn it is. Over a stream without a buffer the
// answerReader writes, as it does for the calls that wait.
func (l *LazyStream) sendFirst() error {
	if !l.unbuffered {
		_, err := l.sendEarly(nil, l.guard)
		return err
	}
	l.sendStarted = true
	l.firstSent = l.firstSize
	l.communicator().say(l.protocol)
	l.startReader()
	return nil
}

// sendEarly writes what is unsent of the header and the proposal, and p, without the
// lock. n counts bytes of p; next is where the guard is when all of them are sent.
func (l *LazyStream) sendEarly(p []byte, next guard.State) (n int, err error) {
	if l.firstSent == l.firstSize && len(p) == 0 {
		return 0, nil
	}
	l.writing = true
	defer func() {
		l.writing = false
		l.notify()
	}()
	l.markSendStarted()
	unsent := l.firstSize - l.firstSent
	l.withoutLock(func() { n, err = l.writeFirst(l.firstSent, p) })
	return l.recordSent(n, unsent, p, next, err)
}

// recordSent takes note of a write of what was unsent and of p.
func (l *LazyStream) recordSent(n, unsent int, p []byte, next guard.State, err error) (int, error) {
	if n < unsent+len(p) && err == nil {
		err = io.ErrShortWrite
	}
	first := min(unsent, n)
	l.firstSent += first
	n -= first
	if n < len(p) {
		next, _ = l.guard.After(p[:n])
	}
	l.guard = next
	return n, err
}

// markSendStarted says that the header is on its way, so that somebody may listen: a large
// writeSlow can take until the peer has read most of it.
func (l *LazyStream) markSendStarted() {
	if l.sendStarted {
		return
	}
	if l.c != nil && l.c.ext != nil {
		trace := l.c.ext.trace // which ends with the negotiation
		l.withoutLock(func() { trace.sent(Initiator, l.appendFirst(nil)) })
	}
	l.sendStarted = true
	l.notify()
}

func (l *LazyStream) appendFirst(b []byte) []byte {
	return wire.AppendMessage(append(b, wire.HeaderFrame...), l.protocol)
}

// writeFirst writes the header and the proposal, but for what was sent, and p: in one
// writeSlow if p is small or the stream can gather. It touches nothing that changes.
func (l *LazyStream) writeFirst(sent int, p []byte) (n int, err error) {
	if sent == l.firstSize {
		return l.writeClamped(p)
	}
	buffer := firstFlightBuffers.Get().(*[maxCopied + largeBuffer]byte)
	defer firstFlightBuffers.Put(buffer)
	first := l.appendFirst(buffer[:0])[sent:]
	if len(p) > maxCopied {
		switch l.stream.(type) {
		case *net.TCPConn, *net.UnixConn:
			gathered := net.Buffers{first, p}
			written, err := gathered.WriteTo(l.stream)
			return int(written), err
		}
	}
	copied := min(len(p), maxCopied)
	first = append(first, p[:copied]...)
	if n, err = l.writeClamped(first); n < len(first) || err != nil || copied == len(p) {
		return n, err
	}
	rest, err := l.writeClamped(p[copied:])
	return n + rest, err
}

// writeClamped writes, and believes no count that cannot be.
func (l *LazyStream) writeClamped(p []byte) (n int, err error) {
	n, err = l.stream.Write(p)
	return max(0, min(n, len(p))), err
}

// writeCause returns what a failed write means: the outcome, if the stream was ended
// under it, and otherwise its error.
func (l *LazyStream) writeCause(h *half, err error) error {
	if l.state == LazyPending && l.firstSent == l.firstSize && isConnReset(err) {
		l.awaitOutcome(context.Background(), h) // what it said before can still be read
	}
	if l.state == LazyPending && !l.ifNotEnded(func() {}) {
		l.fail(err) // unless somebody is about to say why
		for l.state == LazyPending {
			l.waitChange()
		}
	}
	if because := l.closedErr(h); because != nil {
		return because
	}
	return err
}

// isConnReset reports whether the peer has ended a connection of the kernel.
func isConnReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
