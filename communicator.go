package multiselect

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// Communicator exchanges messages with one peer, and remembers how far the two
// have come: it is what [Client] and [Muxer] work on, step by step where the
// caller wants the steps. One goroutine at a time may use it.
//
// Nothing is read beyond the last message that was asked for, so after the
// protocol is agreed the caller goes on with the stream itself. The stream
// stays the caller's: a step that fails resets or closes it, a step that
// succeeds or is refused leaves it as it is.
type Communicator struct {
	framer
	out *flight // queued and not yet written
	ext *extension

	// The budget of the call in progress; start and deadline count from epoch.
	watch           *watch
	start, deadline time.Duration
	place           int32      // in the queue of the watch, which guards it
	ended           bool       // the stream was ended, by whoever came first
	ending          sync.Mutex // guards ended

	tally   tally
	sent    int32 // bytes written, all in all
	flights int16 // how many writes
	limit   int16 // Limits.message of the call in progress

	role           Role
	phase          Phase
	armed          bool // the watch watches
	over           bool // a call failed: nothing goes on from here
	headerSent     bool
	headerReceived bool
}

// extension is what few negotiations need; the others do not carry it along.
type extension struct {
	channel    MessageChannel
	trace      *Trace
	stopCtx    func() bool
	unbuffered bool
	writing    chan written // the write in progress on an unbuffered stream
	echoErr    error        // why the answers of a responder did not get through
	offending  []byte       // the message that ended the negotiation
}

// flight is what goes out in one write.
type flight struct{ bytes []byte }

var flights = sync.Pool{New: func() any { return &flight{make([]byte, 0, 128)} }}

// MessageChannel is a transport that keeps messages apart by itself, such as a
// WebRTC data channel or a queue: it carries the texts, without length and
// newline. Each text may be any string of bytes.
type MessageChannel interface {
	// ReadMessage returns the text of the next message. It fails for a text
	// of more than limit bytes, at best before it has received it.
	ReadMessage(limit int) (string, error)
	// WriteMessages sends the texts in order, in one go where it can, and
	// returns without waiting for the peer to read them.
	WriteMessages(texts ...string) error
	// Close ends the channel and makes ReadMessage and WriteMessages return.
	Close() error
}

// NewCommunicator returns a Communicator over a stream. See [Client] and
// [Muxer] for what Close of the stream must do.
func NewCommunicator(stream io.ReadWriteCloser) *Communicator {
	c := &Communicator{limit: 1024}
	c.stream = stream
	return c
}

// NewChannelCommunicator returns a Communicator over a message channel.
func NewChannelCommunicator(channel MessageChannel) *Communicator {
	c := &Communicator{limit: 1024}
	c.stream = struct {
		io.ReadWriter // never called
		MessageChannel
	}{nil, channel}
	c.extend().channel = channel
	return c
}

func (c *Communicator) extend() *extension {
	if c.ext == nil {
		c.ext = new(extension)
	}
	return c.ext
}

func (c *Communicator) channel() MessageChannel {
	if c.ext == nil {
		return nil
	}
	return c.ext.channel
}

// Read returns the text of the next message, without its newline. It has no
// budget of its own: close the stream to end it. Every error is a
// [*CommunicatorError].
func (c *Communicator) Read() (string, error) {
	text, err := c.next(shortestMessage)
	return string(text), err
}

// Write sends the messages as one flight: in one write. Nothing is validated.
// Every error is a [*CommunicatorError].
func (c *Communicator) Write(messages ...string) error {
	for _, m := range messages {
		c.queue(m)
	}
	return c.finish()
}

// Close closes the stream or channel.
func (c *Communicator) Close() error { return c.stream.Close() }

// shortestMessage is a length and a newline.
const shortestMessage = 2

// header waits for the peer's header and may read, beyond it, the shortest
// message that can follow.
func (c *Communicator) header(shortest int) error {
	if ch := c.channel(); ch != nil {
		return c.channelHeader(ch)
	}
	for {
		done, err := c.takeHeader()
		switch {
		case err != nil:
			return err
		case done:
			c.heardHeader()
			return nil
		}
		if err := c.flush(); err != nil {
			return err
		}
		n := len(wire.HeaderFrame) + shortest - len(c.pending())
		if err := c.fill(n, n); err != nil {
			return err
		}
	}
}

func (c *Communicator) heardHeader() {
	c.headerReceived = true
	if c.ext != nil {
		c.received([]byte(wire.HeaderFrame))
	}
}

// next returns the text of the next message, which is good until the one
// after. It may read as much as the shortest message that can end the
// negotiation.
func (c *Communicator) next(shortest int) ([]byte, error) {
	return c.nextWithin(int(c.limit), shortest)
}

func (c *Communicator) nextWithin(limit, shortest int) ([]byte, error) {
	if ch := c.channel(); ch != nil {
		return c.channelNext(ch, limit)
	}
	for {
		before := c.pending()
		text, n, err := c.take(limit)
		switch {
		case err != nil:
			return nil, &CommunicatorError{"read", err}
		case n > 0:
			c.received(before[:n])
			return text, nil
		}
		// Never does one side wait for the other with words of its own unsaid
		// (R11).
		if err := c.flush(); err != nil {
			return nil, err
		}
		if err := c.fill(c.missing(shortest, limit), shortest-len(c.pending())); err != nil {
			return nil, err
		}
	}
}

// reply is nextWithin for the initiator: whoever answers has read the question,
// so there is nothing left to wait for.
func (c *Communicator) reply(limit, shortest int) ([]byte, error) {
	text, err := c.nextWithin(limit, shortest)
	if err != nil {
		return nil, err
	}
	return text, c.join()
}

// unexpected keeps a message that ends the negotiation.
func (c *Communicator) unexpected(text []byte, err error) error {
	c.extend().offending = wire.AppendMessage(nil, string(text))
	return err
}

// queue adds a message to the flight.
func (c *Communicator) queue(text string) {
	f := c.flight()
	f.bytes = wire.AppendMessage(f.bytes, text)
}

func (c *Communicator) flight() *flight {
	if c.out == nil {
		c.out = flights.Get().(*flight)
	}
	return c.out
}

// flush writes the flight in one write. On a stream without a buffer, where
// the peer may be writing too and not yet reading, the write goes on beside
// the next read (R28).
func (c *Communicator) flush() error {
	if c.out == nil {
		return nil
	}
	if err := c.join(); err != nil {
		return err
	}
	out := c.out
	c.out = nil
	c.flights++
	if c.ext != nil {
		c.ext.trace.sent(c.role, out.bytes)
		if c.ext.unbuffered {
			writing := make(chan written, 1)
			c.ext.writing = writing
			go func() { writing <- c.put(out) }()
			return nil
		}
	}
	return c.wrote(c.put(out))
}

// finish writes what is queued and waits until all of it is written.
func (c *Communicator) finish() error {
	if err := c.flush(); err != nil {
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

// put writes a flight and gives its buffer back. It touches nothing else of
// the Communicator, which may be reading.
func (c *Communicator) put(out *flight) (w written) {
	if ch := c.channel(); ch != nil {
		w.n, w.err = len(out.bytes), ch.WriteMessages(texts(out.bytes)...)
	} else {
		w.n, w.err = c.stream.Write(out.bytes)
		if w.err == nil && w.n < len(out.bytes) {
			w.err = io.ErrShortWrite
		}
	}
	if cap(out.bytes) <= largeBuffer {
		out.bytes = out.bytes[:0]
		flights.Put(out)
	}
	return w
}

// wrote takes note of a write. In a negotiation, a responder whose peer stopped reading goes on:
// what the peer sent before it did may still be good (R17). A write that ran
// into a deadline, or into this side's own Close, is not of that kind.
func (c *Communicator) wrote(w written) error {
	c.sent += int32(w.n)
	if w.err == nil {
		return nil
	}
	err := &CommunicatorError{"write", w.err}
	if c.role == Responder && !isTimeout(err) && !errors.Is(err, net.ErrClosed) {
		c.extend().echoErr = err
		return nil
	}
	return err
}

// unheard returns why the peer cannot hear what this responder says. A peer
// that was only agreed with need not have heard it; one that was refused, or
// asked for a list, must (R17).
func (c *Communicator) unheard() error {
	if c.ext == nil {
		return nil
	}
	return c.ext.echoErr
}

// received tells the trace.
func (c *Communicator) received(message []byte) {
	if c.ext != nil {
		c.ext.trace.received(c.role, message)
	}
}

// isUnbuffered recognises the pipes of package net, whose Write returns when
// the peer has read.
func isUnbuffered(stream io.ReadWriteCloser) bool {
	switch s := stream.(type) {
	case *net.TCPConn, *net.UnixConn:
		return false
	case interface{ LocalAddr() net.Addr }:
		addr := s.LocalAddr()
		return addr != nil && addr.Network() == "pipe"
	}
	return false
}
