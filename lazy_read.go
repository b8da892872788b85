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
	room, arrived := l.answerBuffer(p)
	if room == nil {
		return l.readAfterOutcome(p)
	}
	missed := l.foreignTimeouts
	l.startWaiting()
	l.reader = readerCaller
	l.mu.Unlock()
	returned := false
	defer func() {
		if !returned {
			l.abortFirstRead()
		}
	}()
	got, err := l.stream.Read(room)
	returned = true
	l.mu.Lock()
	if size := l.firstSize; size < got && got <= len(room) && isHeader(arrived) && isEcho(arrived[len(wire.HeaderFrame):size], l.protocol) && l.tryAgree() {
		l.waiters--
		l.mu.Unlock()
		return copy(p, room[size:got]), nil
	}
	return l.finishFirstRead(p, room, got, err, missed)
}

// answerBuffer returns where a Read may read the answer to, and what is behind it,
// which is all that can be read too much: to p, or small if p has not the room to
// compare. It returns nil if it cannot.
func (l *LazyStream) answerBuffer(p []byte) (room []byte, arrived *[smallBuffer]byte) {
	if l.state != LazyPending || !l.canReadAnswer(&l.in) || l.writing || l.c != nil && (l.c.buf != nil || l.c.ext != nil) || l.firstSize > smallBuffer {
		return nil, nil
	}
	if len(p) >= smallBuffer {
		return p, (*[smallBuffer]byte)(p)
	}
	return l.inline[:min(l.firstSize+len(p), smallBuffer)], &l.inline
}

// readAfterOutcome is Read where somebody else hears the answer, or it was heard. It unlocks.
func (l *LazyStream) readAfterOutcome(p []byte) (n int, err error) {
	if err := l.awaitReadable(); err != nil {
		return 0, err
	}
	return l.stream.Read(p)
}

func (l *LazyStream) awaitReadable() error {
	defer l.mu.Unlock()
	return l.awaitOutcome(context.Background(), &l.in)
}

// finishFirstRead is the rest of a Read that has read, but not an agreement and more, or has
// more to do. It unlocks.
func (l *LazyStream) finishFirstRead(p, room []byte, got int, failed error, missed uint16) (n int, err error) {
	defer l.mu.Unlock()
	n = l.readAnswer(p, room, got, failed)
	l.stopWaiting()
	switch {
	case l.in.closed || l.err != nil: // it may have come behind the bytes
		return 0, l.closedErr(&l.in)
	case n > 0:
		return n, nil
	case l.foreignTimeouts != missed:
		return 0, os.ErrDeadlineExceeded
	}
	if err := l.awaitOutcome(context.Background(), &l.in); err != nil {
		return 0, err
	}
	l.withoutLock(func() { n, err = l.stream.Read(p) })
	return n, err
}

// abortFirstRead ends a stream that has panicked in a Read.
func (l *LazyStream) abortFirstRead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conclude(errReadPanic)
	l.stopWaiting()
}

// WriteTo waits for the agreement, and then copies like [io.Copy] from the
// stream to w.
func (l *LazyStream) WriteTo(w io.Writer) (int64, error) {
	l.mu.Lock()
	if err := l.awaitReadable(); err != nil {
		return 0, err
	}
	return io.Copy(w, l.stream)
}
