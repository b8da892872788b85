package multiselect

import (
	"context"
	"io"
	"os"

	"github.com/multiselect/multiselect/wire"
)

// This file is the half of a LazyStream that reads.

// Read waits for the agreement, and then reads from the stream. If it takes the
// agreement off itself, what is behind that may come in the same read of the
// stream: no more than p has room for.
func (l *LazyStream) Read(p []byte) (n int, err error) {
	if l.in.direct.Load() {
		return l.stream.Read(p)
	}
	l.mu.Lock()
	room, arrived := l.roomForAnswer(p)
	if room == nil {
		return l.readLate(p)
	}
	missed := l.missed
	l.hold()
	l.pump = pumpInline
	l.mu.Unlock()
	returned := false
	defer func() {
		if !returned {
			l.readPanicked()
		}
	}()
	got, err := l.stream.Read(room)
	returned = true
	l.mu.Lock()
	if size := l.size; size < got && got <= len(room) && isHeader(arrived) && isEcho(arrived[len(wire.HeaderFrame):size], l.protocol) && l.mayAgree() {
		l.waiters--
		l.mu.Unlock()
		return copy(p, room[size:got]), nil
	}
	return l.readOn(p, room, got, err, missed)
}

// roomForAnswer returns where a Read may read the answer to, and what is behind it,
// which is all that can be read too much: to p, or small if p has not the room to
// compare. It returns nil if it cannot.
func (l *LazyStream) roomForAnswer(p []byte) (room []byte, arrived *[smallBuffer]byte) {
	if l.state != LazyPending || !l.mayPump(&l.in) || l.writing || l.c != nil && (l.c.buf != nil || l.c.ext != nil) || l.size > smallBuffer {
		return nil, nil
	}
	if len(p) >= smallBuffer {
		return p, (*[smallBuffer]byte)(p)
	}
	return l.small[:min(l.size+len(p), smallBuffer)], &l.small
}

// readLate is Read where somebody else hears the answer, or it was heard. It unlocks.
func (l *LazyStream) readLate(p []byte) (n int, err error) {
	if err := l.awaitAndUnlock(); err != nil {
		return 0, err
	}
	return l.stream.Read(p)
}

func (l *LazyStream) awaitAndUnlock() error {
	defer l.mu.Unlock()
	return l.await(context.Background(), &l.in)
}

// readOn is the rest of a Read that has read, but not an agreement and more, or has
// more to do. It unlocks.
func (l *LazyStream) readOn(p, room []byte, got int, failed error, missed uint16) (n int, err error) {
	defer l.mu.Unlock()
	n = l.listen(p, room, got, failed)
	l.release()
	switch {
	case l.in.closed || l.err != nil: // it may have come behind the bytes
		return 0, l.gone(&l.in)
	case n > 0:
		return n, nil
	case l.missed != missed:
		return 0, os.ErrDeadlineExceeded
	}
	if err := l.await(context.Background(), &l.in); err != nil {
		return 0, err
	}
	l.unlocked(func() { n, err = l.stream.Read(p) })
	return n, err
}

// readPanicked ends a stream that has panicked in a Read.
func (l *LazyStream) readPanicked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decide(errPanic)
	l.release()
}

// WriteTo waits for the agreement, and then copies like [io.Copy] from the
// stream to w.
func (l *LazyStream) WriteTo(w io.Writer) (int64, error) {
	l.mu.Lock()
	if err := l.awaitAndUnlock(); err != nil {
		return 0, err
	}
	return io.Copy(w, l.stream)
}
