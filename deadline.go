package multiselect

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// timed is a stream that has deadlines.
type timed interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// deadlines returns nil for a stream that has none. A LazyStream has the methods
// in any case.
func deadlines(stream io.ReadWriteCloser) timed {
	if outer, ok := stream.(*LazyStream); ok && outer.timed == nil {
		return nil
	}
	t, _ := stream.(timed)
	return t
}

// SetDeadline sets both deadlines.
func (l *LazyStream) SetDeadline(t time.Time) error {
	return errors.Join(l.SetReadDeadline(t), l.SetWriteDeadline(t))
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
	if l.timed == nil {
		return os.ErrNoDeadline
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return net.ErrClosed
	case l.state == LazyFailed:
		return l.err
	}
	h.deadline = t
	l.change.Broadcast()
	if h == &l.in && l.state == LazyPending {
		if !t.IsZero() {
			l.interrupt()
		}
		return nil
	}
	if h == &l.in {
		return l.timed.SetReadDeadline(t)
	}
	return l.timed.SetWriteDeadline(t)
}
