package multiselect

import (
	"errors"
	"io"
	"sync"

	"github.com/multiselect/multiselect/wire"
)

// writer queues messages, which are sent together in one write, and counts the bytes
// written. It knows no stream: Communicator.flush writes.
type writer struct {
	out    *flight // queued, if the messages do not fit inline
	queued int16   // bytes queued in the reader's inline buffer, while that is idle
	writes int32   // writes so far
	sent   int32   // bytes written so far
}

// flight is a buffer for the messages of one write.
type flight struct {
	bytes  []byte
	shared bool         // bytes belong to all peers of a Muxer and must not change
	done   chan written // receives the result of a write that runs in a goroutine
}

// written is the result of a write.
type written struct {
	n   int
	err error
}

// maxKept is the size in bytes of a buffer that a pooled Communicator may keep.
const maxKept = 128

var flights = sync.Pool{New: func() any { return &flight{bytes: make([]byte, 0, maxKept)} }}

// release returns the flight to its pool.
func (f *flight) release() {
	if !f.shared && cap(f.bytes) <= 2*largeSize { // append rounds up
		f.bytes = f.bytes[:0]
		flights.Put(f)
	}
}

// size returns how many bytes are queued.
func (w *writer) size() int {
	if w.out != nil {
		return len(w.out.bytes)
	}
	return int(w.queued)
}

// queueMessage queues a message. It uses inline if that is not nil and has room.
func (w *writer) queueMessage(inline []byte, text string) {
	if w.out == nil && int(w.queued)+wire.MessageSize(len(text)) <= len(inline) {
		w.queued = int16(len(wire.AppendMessage(inline[:w.queued], text)))
		return
	}
	f := w.moveOut(inline)
	f.bytes = wire.AppendMessage(f.bytes, text)
}

// moveOut moves the queue out of inline.
func (w *writer) moveOut(inline []byte) *flight {
	if w.out == nil {
		w.out = flights.Get().(*flight)
		w.out.bytes = append(w.out.bytes, inline[:w.queued]...)
		w.queued = 0
	}
	return w.out
}

// take empties the queue and returns its bytes, which are in out, or in inline if out is nil.
func (w *writer) take(inline []byte) (out *flight, bytes []byte) {
	out, bytes = w.out, inline[:w.queued]
	if out != nil {
		bytes = out.bytes
	}
	if w.out, w.queued = nil, 0; len(bytes) > 0 {
		w.writes++
	}
	return out, bytes
}

func write(stream io.Writer, bytes []byte) written {
	n, err := stream.Write(bytes)
	if err == nil {
		err = flushStream(stream)
	}
	return written{n, err}.clamp(len(bytes))
}

// clamp turns a short write without an error into [io.ErrShortWrite], and bounds an
// impossible count.
func (w written) clamp(size int) written {
	w.n = max(0, min(w.n, size))
	if w.err == nil && w.n < size {
		w.err = io.ErrShortWrite
	}
	return w
}

// isUndelivered reports whether a write has failed because the peer does not read (R17), and not
// because of a deadline, this side's own Close, or a short count without an error.
func isUndelivered(err error) bool {
	return !isTimeout(err) && !isLocalClose(err) && !errors.Is(err, io.ErrShortWrite)
}
