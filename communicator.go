package multiselect

import (
	"io"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// Communicator exchanges messages with one peer and records the progress of the conversation, for
// the steps of [Client] and [Muxer]. Only one goroutine at a time may use a Communicator.
//
// It reads no byte after the last message that was asked for. After the agreement the caller uses
// the stream itself, and the steps fail with [net.ErrClosed]. The caller owns the stream: a call
// that fails ends it, except for a refusal or an invalid name in a single step (R25).
type Communicator struct {
	in         reader
	out        writer
	stream     io.ReadWriteCloser
	life       lifetime
	rare       *rare
	refused    *flight     // names that a responder has refused, as messages; see keepRefused
	state      rules.State // input of the decisions
	maxMessage int16       // Limits.MaxMessage of the call in progress

	role             Role
	phase            Phase
	finished         bool // the negotiation has failed, or a protocol is agreed
	fast             bool // the call in progress began on the fast path
	ignoresWriteErrs bool // the call in progress ignores write errors where a rule allows it (R17)
	pooled           bool // made for one call, and returned to the pool at its end
}

// rare holds fields that few negotiations need, so that half-open ones stay small.
type rare struct {
	channel    MessageChannel
	texts      []string // queued for the channel
	trace      *Trace
	stopCtx    func() bool
	unbuffered bool
	writing    *flight // written in a goroutine, concurrently with reads (R28)
	writeErr   error   // a write error that a responder has ignored (R17)
	offending  []byte  // the message that ended the negotiation
}

// NewCommunicator returns a Communicator over a stream. The package documentation
// describes how a stream is ended.
func NewCommunicator(stream io.ReadWriteCloser) *Communicator {
	mustExist(stream)
	return &Communicator{stream: stream, maxMessage: int16(new(Limits).maxMessage())}
}

// NewChannelCommunicator returns a Communicator over a message channel. After
// [Muxer.NegotiateOn] the caller serves the agreed protocol on the channel itself:
// the returned [Handler] needs a stream and cannot be called with it.
func NewChannelCommunicator(channel MessageChannel) *Communicator {
	c := NewCommunicator(&channelStream{MessageChannel: channel})
	c.ensureRare().channel = channel
	return c
}

func (c *Communicator) ensureRare() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

func (c *Communicator) channel() MessageChannel {
	if c.rare == nil {
		return nil
	}
	return c.rare.channel
}

func (c *Communicator) isUnbuffered() bool { return c.rare != nil && c.rare.unbuffered }

// ReadMessage returns the text of the next message, without its newline. A message of more bytes
// than the MaxMessage of the last step, or 1024, is [ErrTooLarge]. ReadMessage blocks until the
// message has arrived; no time limit applies, and Close unblocks it. ReadMessage and WriteMessages
// are for conversations that the caller conducts itself: the steps of [Client] and [Muxer] do not
// see a header that passes through them. Every error is a [*CommunicatorError].
func (c *Communicator) ReadMessage() (string, error) {
	text, err := c.nextMessage(int(c.maxMessage), shortestMessage)
	return string(text), err
}

// WriteMessages sends the messages in one write, without a time limit. It validates none of them.
// Every error is a [*CommunicatorError].
func (c *Communicator) WriteMessages(messages ...string) error {
	for _, m := range messages {
		c.queue(m)
	}
	return c.finish()
}

// Close closes the stream or channel.
func (c *Communicator) Close() error { return c.stream.Close() }

// shortestMessage is the size of a message of one byte: a length and a newline.
const shortestMessage = 2

// readHeader waits for the peer's header. It may read up to the end of the shortest message
// that can follow.
func (c *Communicator) readHeader(shortest int) error {
	for !c.state.HeaderReceived {
		done, err := c.takeHeader()
		if err == nil && !done {
			err = c.readMore(int(c.maxMessage), shortest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nextMessage returns the text of the next message, which is valid until another message is
// queued or read. It may read up to the end of the shortest message that can end the negotiation.
func (c *Communicator) nextMessage(limit, shortest int) ([]byte, error) {
	for {
		if text, done, err := c.takeMessage(limit); done || err != nil {
			return text, err
		}
		if err := c.readMore(limit, shortest); err != nil {
			return nil, err
		}
	}
}

// takeHeader consumes the header if it has arrived (R2, R3).
func (c *Communicator) takeHeader() (done bool, err error) {
	if ch := c.channel(); ch != nil {
		return c.channelHeader(ch)
	}
	if done, err = c.in.takeHeader(); done {
		c.state.HeaderReceived = true
		if c.rare != nil {
			c.traceReceived([]byte(wire.HeaderFrame))
		}
	}
	return done, err
}

// takeMessage consumes a message if it has arrived.
func (c *Communicator) takeMessage(limit int) (text []byte, done bool, err error) {
	if ch := c.channel(); ch != nil {
		text, err = c.channelNext(ch, limit)
		return text, true, err
	}
	before := c.in.pending()
	text, n, err := c.in.takeMessage(limit)
	if err != nil {
		return nil, false, &CommunicatorError{"read", err}
	}
	c.traceReceived(before[:n])
	return text, n > 0, nil
}

// readMore reads more of the header or of the next message.
func (c *Communicator) readMore(limit, shortest int) error {
	buffer, err := c.prepareRead(limit, shortest)
	if err != nil {
		return err
	}
	n, err := c.stream.Read(buffer)
	return c.in.record(n, len(buffer), err)
}

// prepareRead flushes where a rule demands it (R1, R11), and returns the buffer for the
// next Read (R12).
func (c *Communicator) prepareRead(limit, shortest int) ([]byte, error) {
	pending := c.in.pending()
	if rules.MustFlush(len(pending), c.out.size()) {
		if err := c.flush(c.isUnbuffered()); err != nil {
			return nil, err
		}
	}
	inHeader := !c.state.HeaderReceived && c.role != 0
	n := rules.Readable(pending, inHeader, shortest, limit)
	if inHeader {
		shortest += len(wire.HeaderFrame)
	}
	return c.in.buffer(n, shortest-len(pending)), nil
}

// readReply is nextMessage for the initiator, after the header. An answer proves that the peer has
// read the question, so the concurrent write of that ends, and reply waits for it (R28).
func (c *Communicator) readReply(phase Phase, limit, shortest int) ([]byte, error) {
	if err := c.readHeader(shortest); err != nil {
		return nil, err
	}
	c.phase = phase
	text, err := c.nextMessage(limit, shortest)
	if err != nil {
		return nil, err
	}
	return text, c.joinWrite()
}

// queueWithHeader queues a message, after the header if that was not sent yet (R1).
func (c *Communicator) queueWithHeader(text string) {
	c.queueHeader()
	c.queue(text)
}

// queueHeader queues the header, once (R4).
func (c *Communicator) queueHeader() {
	if !c.state.HeaderSent {
		c.state.HeaderSent = true
		c.queue(wire.Header)
	}
}

func (c *Communicator) queue(text string) {
	if c.channel() != nil {
		c.rare.texts = append(c.rare.texts, text)
		return
	}
	c.out.queueMessage(c.spare(), text)
}

// spare returns the reader's inline buffer if messages may be queued in it: it has no
// pending bytes, and no write runs concurrently with reads.
func (c *Communicator) spare() []byte {
	if c.in.isIdle() && !c.isUnbuffered() {
		return c.in.inline[:]
	}
	return nil
}

// flush writes the queued messages in one write, and the header too if the peer's has
// arrived (R1). On a stream without a buffer, where the peer may write before it reads,
// the write runs concurrently with the next read (R28).
func (c *Communicator) flush(concurrently bool) error {
	if c.state.HeaderReceived {
		c.queueHeader()
	}
	if ch := c.channel(); ch != nil {
		return c.channelFlush(ch)
	}
	if c.out.size() == 0 {
		return nil
	}
	if err := c.joinWrite(); err != nil {
		return err
	}
	out, bytes := c.out.take(c.in.inline[:])
	if c.rare != nil {
		c.rare.trace.sent(c.role, bytes)
	}
	if concurrently && out != nil { // unbuffered streams never use inline
		c.startWrite(out)
		return nil
	}
	// Without a call in between: the stack of this Write stays with a half-open negotiation.
	n, err := c.stream.Write(bytes)
	size := len(bytes)
	if err == nil {
		err = flushStream(c.stream)
	}
	if out != nil {
		out.release()
	}
	return c.recordWrite(written{n, err}.clamp(size))
}

// startWrite writes a flight in a goroutine. A panic ends the stream, so that the read that runs
// concurrently returns.
func (c *Communicator) startWrite(f *flight) {
	f.done = make(chan written, 1) // not kept: a channel must not leave a synctest bubble
	c.rare.writing = f
	stream := c.stream
	go func() {
		var w written
		defer func() {
			if panicked := recordPanic(recover()); panicked != nil {
				c.endStream()
				w.err = panicked
			}
			f.done <- w
		}()
		w = write(stream, f.bytes)
	}()
}

// finish writes the queued messages and waits until all are written.
func (c *Communicator) finish() error {
	if err := c.flush(false); err != nil {
		return err
	}
	return c.joinWrite()
}

// joinWrite waits for the concurrent write, if there is one.
func (c *Communicator) joinWrite() error {
	if c.rare == nil || c.rare.writing == nil {
		return nil
	}
	return c.recordWrite(c.rare.join())
}

func (r *rare) join() written {
	f := r.writing
	w := <-f.done
	r.writing = nil
	f.release()
	return w
}

// recordWrite records the result of a write. A responder ignores that its peer has stopped
// reading while an agreement may still follow (R17).
func (c *Communicator) recordWrite(w written) error {
	c.out.sent += int32(w.n)
	if w.err == nil {
		return nil
	}
	err := &CommunicatorError{"write", w.err}
	if !c.ignoresWriteErrs || !c.state.MayIgnoreWriteError() || !isUndelivered(w.err) {
		return err
	}
	c.ensureRare().writeErr = err
	return nil
}

// ignoredWriteErr returns the write error that was ignored, if any (R17).
func (c *Communicator) ignoredWriteErr() error {
	if c.rare == nil {
		return nil
	}
	return c.rare.writeErr
}

// recordOffending keeps a message that ends the negotiation, and returns err.
func (c *Communicator) recordOffending(text []byte, err error) error {
	c.ensureRare().offending = wire.AppendMessage(nil, string(text))
	return err
}

func (c *Communicator) traceReceived(message []byte) {
	if c.rare != nil && len(message) > 0 {
		c.rare.trace.received(c.role, message)
	}
}
