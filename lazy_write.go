package multiselect

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/multiselect/multiselect/internal/guard"
	"github.com/multiselect/multiselect/internal/streamend"
	"github.com/multiselect/multiselect/wire"
)

// This file writes to lazy streams: the first flight (header, proposal and early data),
// further early data, and data after the agreement.

// maxCopied is the number of bytes of a Write that are copied after the header and the
// proposal, so that all are sent in one write.
const maxCopied = 4096

var firstFlightBuffers = sync.Pool{New: func() any { return new([maxCopied + largeSize]byte) }}

// Write writes p to the stream, after the header and the proposal if these are unsent.
//
// While the outcome is pending, Write sends p early if the guard allows all of it (R29),
// and returns when it is written: the first 4096 bytes with the header and the proposal
// in one write of the stream, a longer rest in a second one, or all in one system call on
// TCP and Unix sockets. If the guard allows only part of p, Write sends none of it early;
// it blocks until the peer has agreed, and then writes p. An empty p sends only the
// header and the proposal. Concurrent calls write one after the other.
//
// n is the number of bytes of p that were written, also if err is not nil. After an
// error or a short write the negotiation is unchanged unless the stream was ended: the
// caller may continue with p[n:], and no byte is sent twice. If a write fails because the
// stream was ended, Write returns the outcome as its error. The time during which a Write of
// early data blocks counts for [Limits].Timeout, after the first 20 ms.
func (l *LazyStream) Write(p []byte) (n int, err error) {
	if l.out.direct.Load() {
		return l.stream.Write(p)
	}
	l.mu.Lock()
	// Reading c.rare is safe: there is no answer reader before sendStarted is set.
	if l.sendStarted || l.writing || l.out.closed || l.state != LazyPending || l.c != nil && l.c.rare != nil || l.firstSize+len(p) > inlineSize || !isSocket(l.stream) {
		return l.writeSlow(p)
	}
	next, ok := l.guard.After(p)
	if !ok && !l.unguarded {
		return l.writeSlow(p)
	}
	// The first flight is built in inline. A Read reads the answer into it, but only
	// after this call has cleared writing.
	l.writing, l.sendStarted = true, true
	l.notify()
	l.mu.Unlock()
	returned := false
	defer func() {
		if !returned { // it has panicked: let other calls write
			l.mu.Lock()
			l.stopWriting()
			l.mu.Unlock()
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

// finishFirstWrite records a first flight whose write failed or was short. It is called
// with l.mu held, and releases it.
func (l *LazyStream) finishFirstWrite(n int, p []byte, next guard.State, err error) (int, error) {
	defer l.mu.Unlock()
	l.stopWriting()
	n, err = l.recordSent(written{n, err}.clamp(l.firstSize+len(p)), p, next)
	return n, l.writeCause(&l.out, err)
}

// writeSlow is Write in all cases other than a small first flight. It is called with l.mu
// held, and releases it.
func (l *LazyStream) writeSlow(p []byte) (n int, err error) {
	defer l.mu.Unlock()
	ctx := context.Background()
	if len(p) == 0 {
		return 0, l.ensureFirstSent(ctx, &l.out)
	}
	if err := l.awaitWriter(ctx, &l.out); err != nil {
		return 0, err
	}
	// On an unbuffered stream the write would only end when the peer reads p, after the agreement.
	next, ok := l.guard.After(p)
	if l.state == LazyPending && (ok || l.unguarded) && !l.unbuffered {
		n, err = l.sendEarly(p, next)
		return n, l.writeCause(&l.out, err)
	}
	if err := l.awaitDirect(ctx, &l.out); err != nil {
		return 0, err
	}
	l.withoutLock(func() { n, err = l.stream.Write(p) })
	return n, err
}

// Flush sends the header and the proposal if these are unsent, and calls the stream's Flush
// method if it has one that returns an error. It blocks only for the write, not for the
// answer. An error leaves the negotiation pending unless the stream was ended; a further
// call sends the rest.
func (l *LazyStream) Flush() error {
	l.mu.Lock()
	err := l.ensureFirstSent(context.Background(), &l.out)
	l.mu.Unlock()
	if err == nil {
		err = flushStream(l.stream)
	}
	return err
}

// FlushAfter sends the header and the proposal after d, unless a call has sent them or has begun
// to, so that the peer agrees although the stream is not used yet: a server resets connections that
// are half-open for long. FlushAfter returns immediately, and starts a timer and no goroutine; an
// unbuffered stream has one that waits for the answer. If the write fails, the next call returns
// the error.
func (l *LazyStream) FlushAfter(d time.Duration) {
	time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		defer l.recoverPanic()
		if !l.sendStarted && !l.writing {
			l.ensureFirstSent(context.Background(), &half{closed: l.closed})
		}
	})
}

// CloseWrite half-closes the stream for writing, after the header and the proposal. It
// does not wait for the answer, except on an unbuffered stream, and reading continues.
// While a Write is blocked, CloseWrite on a TCP or Unix socket ends it with [net.ErrClosed], and on
// other streams waits for it until the peer has agreed.
//
// If the stream cannot be half-closed, because it has no CloseWrite or that fails with
// [errors.ErrUnsupported], the end of the stream is the only one that the peer can receive. So
// CloseWrite calls [LazyStream.Close] and returns ErrUnsupported: a reply can no longer be read,
// and a relay that ignores the error does not leave its peer waiting. A caller that needs the
// reply must look for a CloseWrite of [LazyStream.Stream] before.
func (l *LazyStream) CloseWrite() error {
	err := l.tryCloseWrite()
	if errors.Is(err, errors.ErrUnsupported) {
		l.Close()
	}
	return err
}

func (l *LazyStream) tryCloseWrite() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx := context.Background()
	err := l.interruptWriter()
	if err == nil {
		err = l.ensureFirstSent(ctx, &half{closed: l.closed})
	}
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

// interruptWriter makes a blocked Write of early data on a socket return, before a CloseWrite,
// which would not wait for it either.
func (l *LazyStream) interruptWriter() error {
	if err := l.closedErr(&l.out); err != nil {
		return err
	}
	if !l.writing || !isSocket(l.stream) {
		return nil
	}
	l.out.closed = true
	l.notify()
	l.overrideDeadline(deadliner.SetWriteDeadline, streamend.LongAgo)
	for l.writing {
		l.waitChange()
	}
	l.overrideDeadline(deadliner.SetWriteDeadline, l.out.deadline)
	return nil
}

// ReadFrom blocks until the peer has agreed, and then copies r to the stream with
// [io.Copy], which uses splice or sendfile where the stream supports them. It sends no
// early data. n is the number of bytes copied.
func (l *LazyStream) ReadFrom(r io.Reader) (n int64, err error) {
	l.mu.Lock()
	err = l.awaitDirect(context.Background(), &l.out)
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return io.Copy(l.stream, r)
}

// awaitWriter blocks until no other call writes before the agreement.
func (l *LazyStream) awaitWriter(ctx context.Context, h *half) error {
	for l.writing {
		if err := l.waitErr(ctx, h); err != nil {
			return err
		}
		l.waitChangeUntil(h)
	}
	return l.closedErr(h)
}

// ensureFirstSent sends the unsent rest of the header and the proposal.
func (l *LazyStream) ensureFirstSent(ctx context.Context, h *half) error {
	if err := l.awaitWriter(ctx, h); err != nil || l.firstSent == l.firstSize {
		return err
	}
	return l.writeCause(h, l.sendFirst())
}

// awaitDirect blocks until calls may use the stream directly: the peer has agreed, and the
// header and the proposal are sent.
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

// sendFirst sends the unsent rest of the header and the proposal, while no call is
// writing. On an unbuffered stream it starts the background reader, which sends them
// concurrently with its read (R28).
func (l *LazyStream) sendFirst() error {
	if !l.unbuffered {
		_, err := l.sendEarly(nil, l.guard)
		return err
	}
	l.sendStarted = true
	l.firstSent = l.firstSize
	l.communicator().queueWithHeader(l.protocol)
	l.startReader()
	return nil
}

// sendEarly writes the unsent rest of the header and the proposal, and p. n is the number
// of bytes of p written; next is the guard's state after all of p.
func (l *LazyStream) sendEarly(p []byte, next guard.State) (n int, err error) {
	if l.firstSent == l.firstSize && len(p) == 0 {
		return 0, nil
	}
	l.writing = true
	defer l.stopWriting()
	if !l.sendStarted {
		if l.c != nil && l.c.rare != nil && l.reader == readerNone {
			if l.traceFirst(l.c.rare.trace); l.err != nil {
				return 0, l.err
			}
		}
		// From now on a reader may start: a large write may block until the peer has read
		// most of it and has answered.
		l.sendStarted = true
		l.notify()
	}
	var w written
	early := l.beginEarlyWrite()
	defer early.end()
	l.withoutLock(func() { w = l.writeFirst(l.firstSent, p) })
	return l.recordSent(w, p, next)
}

// traceFirst calls the Sent hook of the first flight. Meanwhile it owns l.reader, so that Done is
// called after the hook has returned, also if the stream is ended during it.
func (l *LazyStream) traceFirst(trace *Trace) {
	l.reader = readerBackground
	defer func() {
		if l.reader = readerNone; l.endCause != nil {
			l.conclude(l.endCause)
		}
	}()
	l.withoutLock(func() { trace.sent(Initiator, l.appendFirst(nil)) })
}

// stopWriting lets the next call write.
func (l *LazyStream) stopWriting() {
	l.writing = false
	l.notify()
}

// recordSent records a write of the unsent rest of the header and the proposal, and of p. It
// returns the number of bytes of p written.
func (l *LazyStream) recordSent(w written, p []byte, next guard.State) (n int, err error) {
	first := min(l.firstSize-l.firstSent, w.n)
	l.firstSent += first
	n = w.n - first
	if n < len(p) {
		next, _ = l.guard.After(p[:n]) // the state follows the bytes sent
	}
	l.guard = next
	return n, w.err
}

// appendFirst appends the header and the proposal to b.
func (l *LazyStream) appendFirst(b []byte) []byte {
	return wire.AppendMessage(append(b, wire.HeaderFrame...), l.protocol)
}

// writeFirst writes the header and the proposal, without their first sent bytes, and p, in
// one write of the stream if p is small or the kernel gathers buffers. It is called without
// the lock, and uses only immutable fields.
func (l *LazyStream) writeFirst(sent int, p []byte) written {
	if sent == l.firstSize {
		return write(l.stream, p)
	}
	buffer := firstFlightBuffers.Get().(*[maxCopied + largeSize]byte)
	defer firstFlightBuffers.Put(buffer)
	first := l.appendFirst(buffer[:0])[sent:]
	if len(p) > maxCopied {
		switch l.stream.(type) {
		case *net.TCPConn, *net.UnixConn:
			gathered := net.Buffers{first, p}
			n, err := gathered.WriteTo(l.stream)
			return written{int(n), err}.clamp(len(first) + len(p))
		}
	}
	copied := min(len(p), maxCopied)
	w := write(l.stream, append(first, p[:copied]...))
	if w.err == nil && copied < len(p) {
		rest := write(l.stream, p[copied:])
		w = written{w.n + rest.n, rest.err}
	}
	return w
}

// writeCause returns the error for a call whose write returned err: the outcome if the
// write failed and the stream was ended, and otherwise err.
func (l *LazyStream) writeCause(h *half, err error) error {
	if err == nil {
		return nil
	}
	reset := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	if reset && l.state == LazyPending && l.firstSent == l.firstSize {
		// An answer that the peer sent before the reset may still be readable.
		l.awaitOutcome(context.Background(), h)
	}
	if l.state == LazyPending && l.isEnding() {
		l.fail(err) // keeps an earlier cause
		for l.state == LazyPending {
			l.waitChange()
		}
	}
	if closed := l.closedErr(h); closed != nil {
		return closed
	}
	return err
}
