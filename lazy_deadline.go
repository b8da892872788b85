package multiselect

import (
	"io"
	"net"
	"os"
	"time"
)

// This file sets the deadlines of lazy streams. A read deadline is set on the stream only
// after the agreement, because the answer is read independently of the deadlines of the
// calls that wait for it. A write deadline is set on it immediately.

// deadliner is a stream that has deadlines.
type deadliner interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// asDeadliner returns the deadlines of a stream, or nil if it has none.
func asDeadliner(stream io.ReadWriteCloser) deadliner {
	switch s := stream.(type) { // inlined for the most common types
	case *net.TCPConn:
		return s
	case *net.UnixConn:
		return s
	}
	return asOtherDeadliner(stream)
}

func asOtherDeadliner(stream io.ReadWriteCloser) deadliner {
	if outer, ok := stream.(*LazyStream); ok && !outer.hasDeadlines { // the stream below decides
		return nil
	}
	d, _ := stream.(deadliner)
	return d
}

// SetDeadline calls SetReadDeadline and SetWriteDeadline with t.
func (l *LazyStream) SetDeadline(t time.Time) error {
	if err := l.SetReadDeadline(t); err != nil {
		return err
	}
	return l.SetWriteDeadline(t)
}

// SetReadDeadline sets the time at which Read and WriteTo fail with [os.ErrDeadlineExceeded], also
// while they wait for the answer. It applies to blocked calls too; the zero time means never. An
// expired deadline leaves the negotiation unchanged, and no received data is lost.
//
// It fails with [os.ErrNoDeadline] if the stream has no deadlines, with [net.ErrClosed] after
// Close, and with the outcome if the negotiation has failed.
func (l *LazyStream) SetReadDeadline(t time.Time) error { return l.setDeadline(&l.in, t) }

// SetWriteDeadline sets the time at which Write and ReadFrom fail with
// [os.ErrDeadlineExceeded], also while they wait for the answer. It applies to blocked
// calls too; the zero time means never. Its errors are those of SetReadDeadline.
func (l *LazyStream) SetWriteDeadline(t time.Time) error { return l.setDeadline(&l.out, t) }

func (l *LazyStream) setDeadline(h *half, t time.Time) error {
	if !l.hasDeadlines {
		return os.ErrNoDeadline
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.closedErr(&half{closed: l.closed}); err != nil {
		return err
	}
	h.deadline = t
	l.notify()
	switch {
	case h == &l.out:
		return asDeadliner(l.stream).SetWriteDeadline(t)
	case l.state == LazyAgreed:
		return asDeadliner(l.stream).SetReadDeadline(t)
	case l.reader == readerCaller && !t.IsZero():
		l.interruptReader()
	case !l.interrupted:
		// Remove a deadline set on the stream itself.
		l.overrideDeadline(deadliner.SetReadDeadline, time.Time{})
	}
	return nil
}

// ifNotEnding calls act unless this side has ended the stream or is ending it, and reports
// whether it did. The stream is not ended during act.
func (l *LazyStream) ifNotEnding(act func()) bool {
	if l.c == nil {
		act()
		return true
	}
	return l.c.life.unlessEnded(act)
}

// isEnding reports whether this side has ended the stream or is ending it.
func (l *LazyStream) isEnding() bool { return !l.ifNotEnding(func() {}) }

// overrideDeadline sets a deadline of the stream for the needs of the negotiation, and
// reports whether it did. It leaves a stream alone that is being ended: the deadline that
// ends it must stay.
func (l *LazyStream) overrideDeadline(set func(deadliner, time.Time) error, t time.Time) bool {
	return l.hasDeadlines && l.ifNotEnding(func() { set(asDeadliner(l.stream), t) })
}
