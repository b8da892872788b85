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
type flight struct{ bytes []byte }

var flights = sync.Pool{New: func() any { return &flight{make([]byte, 0, 128)} }}

func (f *flight) giveBack() {
	if cap(f.bytes) <= 2*largeBuffer {
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
	if beside {
		writing := make(chan written, 1)
		c.ext.writing = writing
		go func() { writing <- c.put(bytes, out) }()
		return nil
	}
	return c.wrote(c.put(bytes, out))
}

// finish writes what is queued and waits until all of it is written.
func (c *Communicator) finish() error {
	if err := c.send(false); err != nil {
		return err
	}
	return c.join()
}

// join waits for the write that goes on beside a read.
func (c *Communicator) join() error {
	if c.ext == nil || c.ext.writing == nil {
		return nil
	}
	w := <-c.ext.writing
	c.ext.writing = nil
	return c.wrote(w)
}

// written is how a write ended.
type written struct {
	n   int
	err error
}

// put writes, and gives back the buffer if there is one. It touches nothing else
// of the Communicator, which may be reading.
func (c *Communicator) put(bytes []byte, from *flight) (w written) {
	w.n, w.err = c.stream.Write(bytes)
	if w.err == nil && w.n < len(bytes) {
		w.err = io.ErrShortWrite
	}
	if from != nil && cap(from.bytes) <= 2*largeBuffer { // append rounds up
		from.bytes = from.bytes[:0]
		flights.Put(from)
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
