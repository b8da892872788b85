package multiselect

import (
	"io"
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
	out *flight // queued and not yet written, if small is no place for it
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

// next returns the text of the next message, which is good until something is
// queued or read. It may read as much as the shortest message that can end the
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
