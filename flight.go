package multiselect

import (
	"errors"
	"io"
	"net"
	"sync"

	"github.com/multiselect/multiselect/wire"
)

// flight is a buffer for what goes out in one write and does not fit where
// most of it fits: into the buffer for the peer's bytes, while that is empty.
type flight struct {
	bytes []byte
	done  chan written // tells how the write ended that went on beside a read
}

// mostKept is how much a Communicator that is given back keeps.
const mostKept = 128

var flights = sync.Pool{New: func() any { return &flight{bytes: make([]byte, 0, mostKept)} }}

func (f *flight) giveBack() {
	if cap(f.bytes) <= 2*largeBuffer { // append rounds up
		f.bytes = f.bytes[:0]
		flights.Put(f)
	}
}

// say queues a message, behind the header if that was not sent yet (R1).
func (c *Communicator) say(text string) {
	c.sayHeader()
	c.queue(text)
}

func (c *Communicator) sayHeader() {
	if !c.headerSent {
		c.headerSent = true
		c.queue(wire.Header)
	}
}

// queue adds a message to the flight.
func (c *Communicator) queue(text string) {
	if c.channel() != nil {
		c.ext.texts = append(c.ext.texts, text)
		return
	}
	if c.out == nil && c.fits(wire.MessageSize(len(text))) {
		c.queued = int16(len(wire.AppendMessage(c.small[:c.queued], text)))
		return
	}
	f := c.flight()
	f.bytes = wire.AppendMessage(f.bytes, text)
}

// queueList adds an answer to "ls".
func (c *Communicator) queueList(names []string) {
	if c.channel() != nil {
		c.ext.texts = append(c.ext.texts, listText(names))
		return
	}
	f := c.flight()
	f.bytes = wire.AppendList(f.bytes, names)
}

// fits reports whether n more bytes can wait in small: nothing is received
// before they are written.
func (c *Communicator) fits(n int) bool {
	empty := c.r == c.w || len(c.buf) > smallBuffer
	return empty && int(c.queued)+n <= smallBuffer && (c.ext == nil || !c.ext.unbuffered)
}

// flight moves what is queued to a buffer that can grow.
func (c *Communicator) flight() *flight {
	if c.out == nil {
		c.out = flights.Get().(*flight)
		c.out.bytes = append(c.out.bytes, c.small[:c.queued]...)
		c.queued = 0
	}
	return c.out
}

// flush writes what is queued before the next read. On a stream without a
// buffer, where the peer may be writing too and not yet reading, the write goes
// on beside that read (R28).
func (c *Communicator) flush() error {
	return c.send(c.ext != nil && c.ext.unbuffered)
}

// send writes what is queued in one write, and the header if the peer has said
// its own.
func (c *Communicator) send(beside bool) error {
	if c.headerReceived {
		c.sayHeader()
	}
	if ch := c.channel(); ch != nil {
		return c.channelFlush(ch)
	}
	out, bytes := c.out, c.small[:c.queued]
	if out != nil {
		bytes = out.bytes
	}
	if len(bytes) == 0 {
		return nil
	}
	if err := c.join(); err != nil {
		return err
	}
	c.out, c.queued = nil, 0
	c.flights++
	if c.ext != nil {
		c.ext.trace.sent(c.role, bytes)
	}
	if beside && out != nil { // always, where there is no buffer
		c.ext.writing = out
		out.writeTo(c.stream)
		return nil
	}
	w := write(c.stream, bytes)
	if out != nil {
		out.giveBack()
	}
	return c.wrote(w)
}

// writeBeside writes a copy of a flight while this side goes on to read.
func writeBeside(stream io.Writer, bytes []byte) *flight {
	f := flights.Get().(*flight)
	f.bytes = append(f.bytes, bytes...)
	f.writeTo(stream)
	return f
}

// writeTo writes beside whoever called it. That it has ended must be waited for.
func (f *flight) writeTo(stream io.Writer) {
	f.done = make(chan written, 1) // not kept: a channel must not leave a synctest bubble
	go func() { f.done <- write(stream, f.bytes) }()
}

// landed waits for the write and reports whether all of it was written; then it
// gives the buffer back.
func (f *flight) landed() bool {
	w := <-f.done
	if w.err != nil {
		f.done <- w // for whoever wants to know why
		return false
	}
	f.giveBack()
	return true
}

// finish writes what is queued and waits until all of it is written.
func (c *Communicator) finish() error {
	if err := c.send(false); err != nil {
		return err
	}
	return c.join()
}

// join ends the write that goes on beside a read, if there is one.
func (c *Communicator) join() error {
	if c.ext == nil || c.ext.writing == nil {
		return nil
	}
	return c.wrote(c.joined())
}

// joined waits for the write that goes on beside a read.
func (c *Communicator) joined() written {
	f := c.ext.writing
	w := <-f.done
	c.ext.writing = nil
	f.giveBack()
	return w
}

// written is how a write ended.
type written struct {
	n   int
	err error
}

func write(stream io.Writer, bytes []byte) (w written) {
	w.n, w.err = stream.Write(bytes)
	if w.err == nil && w.n < len(bytes) {
		w.err = io.ErrShortWrite
	}
	return w
}

// wrote takes note of a write. A tolerant responder goes on when its peer has
// stopped reading: what the peer sent before it did may still be good (R17). A
// write that ran into a deadline, or into this side's own Close, or that was
// cut short without an error, is not of that kind.
func (c *Communicator) wrote(w written) error {
	c.sent += int32(w.n)
	if w.err == nil {
		return nil
	}
	err := &CommunicatorError{"write", w.err}
	if !c.tolerant || isTimeout(err) || errors.Is(err, net.ErrClosed) || w.err == io.ErrShortWrite {
		return err
	}
	c.extend().unheard = err
	return nil
}

// insist ends the tolerance: from here on the peer must hear what is said. It
// returns why the peer did not hear what was said so far.
func (c *Communicator) insist() error {
	c.tolerant = false
	if c.ext == nil {
		return nil
	}
	return c.ext.unheard
}
