package multiselect

import (
	"io"
	"net"
	"os"
	"time"
)

// deadliner is a stream that has deadlines.
type deadliner interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// asDeadliner returns nil for a stream that has none. A LazyStream has the methods
// in any case.
func asDeadliner(stream io.ReadWriteCloser) deadliner {
	switch s := stream.(type) { // in line, without a call
	case *net.TCPConn:
		return s
	case *net.UnixConn:
		return s
	}
	return asOtherDeadliner(stream)
}

func asOtherDeadliner(stream io.ReadWriteCloser) deadliner {
	if outer, ok := stream.(*LazyStream); ok && !outer.hasDeadlines {
		return nil
	}
	t, _ := stream.(deadliner)
	return t
}

// SetDeadline sets both deadlines.
func (l *LazyStream) SetDeadline(t time.Time) error {
	if err := l.SetReadDeadline(t); err != nil {
		return err
	}
	return l.SetWriteDeadline(t)
}

// SetReadDeadline sets when Read, WriteTo and what they wait for give up; the zero
// time is never. The stream hears of it when the peer has agreed: the answer is
// read whatever the deadlines of those who wait for it.
func (l *LazyStream) SetReadDeadline(t time.Time) error {
	return l.setDeadline(&l.in, t)
}

// SetWriteDeadline sets when Write, ReadFrom and what they wait for give up; the
// zero time is never.
func (l *LazyStream) SetWriteDeadline(t time.Time) error {
	return l.setDeadline(&l.out, t)
}

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
		l.overrideReadDeadline(time.Time{}) // what was set before is over
	}
	return nil
}

// longAgo makes what is blocked return.
var longAgo = time.Unix(1, 0)

// ifNotEnded acts if the stream was not ended by this side, and is not about to be.
func (l *LazyStream) ifNotEnded(act func()) bool {
	if l.c == nil {
		act()
		return true
	}
	return l.c.unlessEnded(act)
}

// overrideReadDeadline and writeBy set deadlines of the stream for this side's own purposes,
// unless that has been ended, or is about to be: the deadline that ends it must
// not be taken back.
func (l *LazyStream) overrideReadDeadline(t time.Time) bool {
	return l.hasDeadlines && l.ifNotEnded(func() { asDeadliner(l.stream).SetReadDeadline(t) })
}

func (l *LazyStream) overrideWriteDeadline(t time.Time) {
	if l.hasDeadlines {
		l.ifNotEnded(func() { asDeadliner(l.stream).SetWriteDeadline(t) })
	}
}
