package multiselect

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// This file reads from lazy streams: the answer and the data after it in one read where possible.

// Read blocks until the peer has agreed, and then reads from the stream into p. It sends
// the header and the proposal first if these are unsent (R11); for that it waits 1 ms, so that
// a Write that follows can send them with its data.
//
// A Read that reads the answer itself may receive data of the protocol with the answer,
// at most len(p) bytes, and returns it. SetReadDeadline bounds the time of a Read, and
// while the outcome is pending [Limits].Timeout does so too.
func (l *LazyStream) Read(p []byte) (n int, err error) {
	if l.in.direct.Load() {
		return l.stream.Read(p)
	}
	l.mu.Lock()
	buf, arrived := l.answerBuffer(p)
	if buf == nil {
		if err := l.awaitReadable(); err != nil {
			return 0, err
		}
		return l.stream.Read(p)
	}
	before := l.foreignTimeouts
	l.startWaiting()
	l.reader = readerCaller
	l.mu.Unlock()
	returned := false
	defer func() {
		if !returned {
			l.abortFirstRead()
		}
	}()
	got, err := l.stream.Read(buf)
	returned = true
	l.mu.Lock()
	// The exact echo (R13), with data after it.
	if size := l.firstSize; size < got && got <= len(buf) && rules.HasHeader(arrived[:]) && rules.IsEcho(arrived[len(wire.HeaderFrame):size], l.protocol) && l.tryAgree() {
		l.waiters-- // not stopWaiting: tryAgree allows no timer
		l.mu.Unlock()
		return copy(p, buf[size:got]), nil
	}
	return l.finishFirstRead(p, buf, got, err, before)
}

// answerBuffer returns the buffer into which a Read reads the answer and the data after
// it, and the start of this buffer as an array that compares without a call. The buffer is
// p or inline. It exceeds the answer by at most len(p) bytes, so that all data fits into p
// (R12). It is nil if the Read cannot read the answer itself.
func (l *LazyStream) answerBuffer(p []byte) (buf []byte, arrived *[inlineSize]byte) {
	if l.state != LazyPending || !l.canReadAnswer(&l.in) || l.writing || l.c != nil && (l.c.in.buf != nil || l.c.rare != nil) || l.firstSize > inlineSize {
		return nil, nil
	}
	if len(p) >= inlineSize {
		return p, (*[inlineSize]byte)(p)
	}
	return l.inline[:min(l.firstSize+len(p), inlineSize)], &l.inline
}

// readGrace is the time for which a Read that is the first call waits for a Write. Many users of a
// connection, such as net/http, start to read before they write: then the header and the proposal
// are sent with the request.
const readGrace = time.Millisecond

// awaitFirstWrite waits for a Write for readGrace, if no other call has been made. On an unbuffered
// stream the Write would wait for the answer.
func (l *LazyStream) awaitFirstWrite() {
	isFirst := func() bool {
		return !l.sendStarted && !l.writing && !l.unbuffered && l.state == LazyPending && !l.in.closed
	}
	if !isFirst() {
		return
	}
	until := time.Now().Add(readGrace)
	defer time.AfterFunc(readGrace, l.lockAndNotify).Stop()
	for isFirst() && time.Now().Before(until) {
		l.waitChange()
	}
}

// awaitReadable blocks until the peer has agreed. It is called with l.mu held, and releases it.
func (l *LazyStream) awaitReadable() error {
	defer l.mu.Unlock()
	return l.awaitOutcome(context.Background(), &l.in)
}

// finishFirstRead completes a Read whose first read of the stream returned got and failed.
// It is called with l.mu held, and releases it.
func (l *LazyStream) finishFirstRead(p, buf []byte, got int, failed error, before uint16) (n int, err error) {
	defer l.mu.Unlock()
	n = l.readAnswer(p, buf, got, failed)
	l.stopWaiting()
	switch {
	case l.in.closed || l.err != nil: // possibly after data was received
		return 0, l.closedErr(&l.in)
	case n > 0:
		return n, nil
	case l.foreignTimeouts != before:
		return 0, os.ErrDeadlineExceeded
	}
	if err := l.awaitOutcome(context.Background(), &l.in); err != nil {
		return 0, err
	}
	l.withoutLock(func() { n, err = l.stream.Read(p) })
	return n, err
}

// abortFirstRead ends the stream after its Read has panicked.
func (l *LazyStream) abortFirstRead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conclude(errReadPanic)
	l.stopWaiting()
}

// WriteTo blocks until the peer has agreed, and then copies from the stream to w with
// [io.Copy] until EOF. It returns the number of bytes copied.
func (l *LazyStream) WriteTo(w io.Writer) (int64, error) {
	l.mu.Lock()
	if err := l.awaitReadable(); err != nil {
		return 0, err
	}
	return io.Copy(w, l.stream)
}
