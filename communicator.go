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
// protocol is agreed the caller goes on with the stream itself, and the steps
// refuse to. The stream stays the caller's: a step that fails ends it, a step
// that succeeds or is refused leaves it as it is.
type Communicator struct {
	framer
	ext     *extension
	out     *flight // queued and not yet written, if small is no place for it
	refused *flight // names that a responder has refused, for its error
	pooled  bool    // made for one call, and given back at its end

	// The budget of the call in progress. start and deadline count from epoch;
	// there is a deadline while the watch watches.
	watch           *watch
	start, deadline time.Duration
	place           int32      // in the queue of the watch, which guards it
	ended           bool       // the stream was ended, by whoever came first
	ending          sync.Mutex // guards ended

	progress
}

// progress is how far the conversation has come.
type progress struct {
	tally   tally
	sent    int32 // bytes written, all in all
	flights int32 // how many writes
	limit   int16 // Limits.message of the call in progress

	role           Role
	phase          Phase
	over           bool // it failed, or a protocol was agreed on
	headerSent     bool
	headerReceived bool
	left           left // where the short way was left
	tolerant       bool // the peer need not hear what is said
	lastWasNA      bool // the last answer of this responder
}

// extension is what few negotiations need; the others do not carry it along.
type extension struct {
	channel    MessageChannel
	texts      []string // queued for the channel
	trace      *Trace
	stopCtx    func() bool
	unbuffered bool
	writing    *flight // what is being written beside a read
	unheard    error   // why the peer did not hear a tolerant responder
	offending  []byte  // the message that ended the negotiation
}

// NewCommunicator returns a Communicator over a stream. The package
// documentation says how a stream is ended.
func NewCommunicator(stream io.ReadWriteCloser) *Communicator {
	mustExist(stream)
	c := new(Communicator)
	c.limit = int16(new(Limits).message())
	c.stream = stream
	return c
}

// NewChannelCommunicator returns a Communicator over a message channel. What
// [Muxer.NegotiateOn] agrees on there is served with the channel itself; the
// handler that it returns, which wants a stream, only tells which one it is.
func NewChannelCommunicator(channel MessageChannel) *Communicator {
	c := NewCommunicator(channelStream{nil, channel})
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

// Read returns the text of the next message, without its newline. Read and Write
// are for conversations of your own: a header that goes through them is not
// noticed by the steps of [Client] and [Muxer], and there is no budget; close
// the stream to end them. Every error is a [*CommunicatorError].
func (c *Communicator) ReadMessage() (string, error) {
	text, err := c.next(int(c.limit), shortestMessage)
	return string(text), err
}

// Write sends the messages as one flight: in one write. Nothing is validated.
// Every error is a [*CommunicatorError].
func (c *Communicator) WriteMessages(messages ...string) error {
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
	for {
		if done, err := c.takeHeader(); done || err != nil {
			return err
		}
		if err := c.more(int(c.limit), shortest); err != nil {
			return err
		}
	}
}

// next returns the text of the next message, which is good until something is
// queued or read. It may read as much as the shortest message that can end the
// negotiation.
func (c *Communicator) next(limit, shortest int) ([]byte, error) {
	for {
		if text, done, err := c.takeMessage(limit); done || err != nil {
			return text, err
		}
		if err := c.more(limit, shortest); err != nil {
			return nil, err
		}
	}
}

// takeHeader takes the header if it has arrived. It fails at the first byte
// that does not belong to it (R3).
func (c *Communicator) takeHeader() (done bool, err error) {
	if ch := c.channel(); ch != nil {
		return true, c.channelHeader(ch)
	}
	if done, err = c.framer.takeHeader(); done {
		c.headerReceived = true
		if c.ext != nil {
			c.received([]byte(wire.HeaderFrame))
		}
	}
	return done, err
}

// takeMessage takes a message if it has arrived.
func (c *Communicator) takeMessage(limit int) (text []byte, done bool, err error) {
	if ch := c.channel(); ch != nil {
		text, err = c.channelNext(ch, limit)
		return text, true, err
	}
	before := c.pending()
	text, n, err := c.take(limit)
	if err != nil {
		return nil, false, &CommunicatorError{"read", err}
	}
	c.received(before[:n])
	return text, n > 0, nil
}

// more waits until more of the header, or of the message that is to be taken
// next, has arrived.
func (c *Communicator) more(limit, shortest int) error {
	room, err := c.prepare(limit, shortest)
	if err != nil {
		return err
	}
	n, err := c.stream.Read(room)
	return c.took(n, len(room), err)
}

// prepare makes ready to wait, and returns where to read to. Nobody waits with
// words unsaid (R11), but for the header alone when a message has begun to
// arrive: the rest of that comes without a word from this side, and the header
// can leave with the answer (R1).
func (c *Communicator) prepare(limit, shortest int) ([]byte, error) {
	have := len(c.pending())
	if have == 0 || c.queued > 0 || c.out != nil {
		if err := c.flush(); err != nil {
			return nil, err
		}
	}
	if !c.headerReceived && c.role != 0 {
		shortest += len(wire.HeaderFrame)
		return c.room(shortest-have, shortest-have), nil
	}
	return c.room(c.missing(shortest, limit), shortest-have), nil
}

// reply is next for the initiator: whoever answers has read the question,
// so there is nothing left to wait for.
func (c *Communicator) reply(limit, shortest int) ([]byte, error) {
	text, err := c.next(limit, shortest)
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

// received tells the trace.
func (c *Communicator) received(message []byte) {
	if c.ext != nil && len(message) > 0 {
		c.ext.trace.received(c.role, message)
	}
}
