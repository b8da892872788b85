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

// mostCopied is how much of a Write is copied behind the header and the
// proposal, so that all leave in one write.
const mostCopied = 4096

var firstFlights = sync.Pool{New: func() any { return new([mostCopied + largeBuffer]byte) }}

// Write writes p, behind the header and the proposal if those were not sent. While
// the peer has not answered it writes all of p in the same write, or, if p may
// not travel yet, waits for the answer and then writes p. n counts bytes of p.
func (l *LazyStream) Write(p []byte) (n int, err error) {
	if l.out.direct.Load() {
		return l.stream.Write(p)
	}
	l.mu.Lock()
	// A pump may change ext, but there is none before begun.
	if l.begun || l.writing || l.out.closed || l.state != LazyPending || l.c != nil && l.c.ext != nil || l.size+len(p) > smallBuffer {
		return l.write(p)
	}
	next, ok := l.guard.After(p)
	if !ok && !l.unguarded {
		return l.write(p)
	}
	// The first flight, out of small: that is where a Read reads the answer to, too, but
	// not while somebody writes.
	l.writing, l.begun = true, true
	l.changed()
	l.mu.Unlock()
	returned := false
	defer func() {
		if !returned {
			l.writePanicked()
		}
	}()
	const header = len(wire.HeaderFrame)
	flight := firstFrame(&l.small, len(l.protocol))
	copy(flight[header+1:], l.protocol)
	flight = flight[:len(flight)+copy(l.small[len(flight):], p)]
	n, err = l.stream.Write(flight)
	returned = true
	l.mu.Lock()
	if n != len(flight) || err != nil {
		return l.wroteFirst(n, p, next, err)
	}
	l.writing, l.sent, l.guard = false, l.size, next
	l.changed()
	l.mu.Unlock()
	return len(p), nil
}

// wroteFirst is the end of a first flight that was not written, or not all of it. It
// unlocks.
func (l *LazyStream) wroteFirst(n int, p []byte, next guard.State, err error) (int, error) {
	defer l.mu.Unlock()
	l.writing = false
	l.changed()
	n, err = l.wrote(max(0, min(n, l.size+len(p))), l.size, p, next, err)
	if err != nil {
		err = l.why(&l.out, err)
	}
	return n, err
}

// writePanicked ends a first flight in which the stream has panicked.
func (l *LazyStream) writePanicked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = false
	l.changed()
}

// write is Write for all but the first flight, if that is small. It unlocks.
func (l *LazyStream) write(p []byte) (n int, err error) {
	defer l.mu.Unlock()
	ctx := context.Background()
	if len(p) == 0 {
		return 0, l.say(ctx, &l.out)
	}
	if err := l.turn(ctx, &l.out); err != nil {
		return 0, err
	}
	if l.state == LazyPending {
		if next, ok := l.mayTravel(p); ok {
			if n, err = l.send(p, next); err != nil {
				err = l.why(&l.out, err)
			}
			return n, err
		}
	}
	if err := l.settle(ctx, &l.out); err != nil {
		return 0, err
	}
	l.unlocked(func() { n, err = l.stream.Write(p) })
	return n, err
}

// mayTravel reports whether p may be sent before the peer has agreed, and where the
// guard is then. Over a stream without a buffer p could not travel: the peer reads
// it when it has agreed.
func (l *LazyStream) mayTravel(p []byte) (next guard.State, ok bool) {
	next, ok = l.guard.After(p)
	return next, (ok || l.unguarded) && !l.isUnbuffered
}

// Flush sends the header and the proposal if nothing has sent them. It does not
// wait for the answer.
func (l *LazyStream) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.say(context.Background(), &l.out)
}

// CloseWrite tells the peer that nothing more will come, at once and behind the
// header and the proposal; reading goes on. It fails with [errors.ErrUnsupported]
// if the stream has no CloseWrite.
func (l *LazyStream) CloseWrite() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx := context.Background()
	err := l.say(ctx, &l.out)
	if err == nil && l.isUnbuffered {
		err = l.settle(ctx, &l.out)
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
	l.changed()
	l.unlocked(func() { err = closer.CloseWrite() })
	return err
}

// ReadFrom waits for the agreement, and then copies like [io.Copy] from r to the
// stream: with splice or sendfile where those can be had.
func (l *LazyStream) ReadFrom(r io.Reader) (n int64, err error) {
	l.mu.Lock()
	err = l.settle(context.Background(), &l.out)
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return io.Copy(l.stream, r)
}

// turn waits until no other call writes what leaves before the agreement.
func (l *LazyStream) turn(ctx context.Context, h *half) error {
	for l.writing {
		if err := l.over(ctx, h); err != nil {
			return err
		}
		l.sleep(h)
	}
	return l.gone(h)
}

// say sends what is unsent of the header and the proposal.
func (l *LazyStream) say(ctx context.Context, h *half) error {
	if err := l.turn(ctx, h); err != nil || l.sent == l.size {
		return err
	}
	if err := l.flush(); err != nil {
		return l.why(h, err)
	}
	return nil
}

// settle waits until the stream can be written to directly: the peer has agreed,
// and what had to leave before has left.
func (l *LazyStream) settle(ctx context.Context, h *half) error {
	if err := l.await(ctx, h); err != nil {
		return err
	}
	if err := l.say(ctx, h); err != nil {
		return err
	}
	l.out.direct.Store(!l.out.closed)
	return nil
}

// flush is say for those whose turn it is. Over a stream without a buffer the
// pump writes, as it does for the calls that wait.
func (l *LazyStream) flush() error {
	if !l.isUnbuffered {
		_, err := l.send(nil, l.guard)
		return err
	}
	l.begun = true
	l.sent = l.size
	l.communicator().say(l.protocol)
	l.pumpBeside()
	return nil
}

// send writes what is unsent of the header and the proposal, and p, without the
// lock. n counts bytes of p; next is where the guard is when all of them are sent.
func (l *LazyStream) send(p []byte, next guard.State) (n int, err error) {
	if l.sent == l.size && len(p) == 0 {
		return 0, nil
	}
	l.writing = true
	defer func() {
		l.writing = false
		l.changed()
	}()
	l.begin()
	unsent := l.size - l.sent
	l.unlocked(func() { n, err = l.put(l.sent, p) })
	return l.wrote(n, unsent, p, next, err)
}

// wrote takes note of a write of what was unsent and of p.
func (l *LazyStream) wrote(n, unsent int, p []byte, next guard.State, err error) (int, error) {
	if n < unsent+len(p) && err == nil {
		err = io.ErrShortWrite
	}
	first := min(unsent, n)
	l.sent += first
	n -= first
	if n < len(p) {
		next, _ = l.guard.After(p[:n])
	}
	l.guard = next
	return n, err
}

// begin says that the header is on its way, so that somebody may listen: a large
// write can take until the peer has read most of it.
func (l *LazyStream) begin() {
	if l.begun {
		return
	}
	if l.c != nil && l.c.ext != nil {
		trace := l.c.ext.trace // which ends with the negotiation
		l.unlocked(func() { trace.sent(Initiator, l.appendFirst(nil)) })
	}
	l.begun = true
	l.changed()
}

func (l *LazyStream) appendFirst(b []byte) []byte {
	return wire.AppendMessage(append(b, wire.HeaderFrame...), l.protocol)
}

// put writes the header and the proposal, but for what was sent, and p: in one
// write if p is small or the stream can gather. It touches nothing that changes.
func (l *LazyStream) put(sent int, p []byte) (n int, err error) {
	if sent == l.size {
		return l.count(p)
	}
	buffer := firstFlights.Get().(*[mostCopied + largeBuffer]byte)
	defer firstFlights.Put(buffer)
	first := l.appendFirst(buffer[:0])[sent:]
	if len(p) > mostCopied {
		switch l.stream.(type) {
		case *net.TCPConn, *net.UnixConn:
			gathered := net.Buffers{first, p}
			written, err := gathered.WriteTo(l.stream)
			return int(written), err
		}
	}
	copied := min(len(p), mostCopied)
	first = append(first, p[:copied]...)
	if n, err = l.count(first); n < len(first) || err != nil || copied == len(p) {
		return n, err
	}
	rest, err := l.count(p[copied:])
	return n + rest, err
}

// count writes, and believes no count that cannot be.
func (l *LazyStream) count(p []byte) (n int, err error) {
	n, err = l.stream.Write(p)
	return max(0, min(n, len(p))), err
}

// why returns what a failed write means: the outcome, if the stream was ended
// under it, and otherwise its error.
func (l *LazyStream) why(h *half, err error) error {
	if l.state == LazyPending && l.sent == l.size && isReset(err) {
		l.await(context.Background(), h) // what it said before can still be read
	}
	if l.state == LazyPending && !l.unlessEnded(func() {}) {
		l.abort(err) // unless somebody is about to say why
		for l.state == LazyPending {
			l.wait()
		}
	}
	if because := l.gone(h); because != nil {
		return because
	}
	return err
}

// isReset reports whether the peer has ended a connection of the kernel.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
