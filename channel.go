package multiselect

import (
	"fmt"
	"io"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// MessageChannel is a transport that preserves the boundaries of messages, such as a
// WebRTC data channel or a queue. It carries texts without length and newline. A text may
// be any string of bytes.
type MessageChannel interface {
	// ReadMessage returns the text of the next message. It must fail with an error that
	// wraps [ErrTooLarge] for a text of more than limit bytes, and should do so before it
	// has received the whole text.
	ReadMessage(limit int) (string, error)
	// WriteMessages sends the texts in order, in one write where possible. It must
	// return without waiting for the peer to read them.
	WriteMessages(texts ...string) error
	// Close closes the channel. It must unblock ReadMessage and WriteMessages.
	Close() error
}

// channelStream is the stream of a Communicator over a channel. Only its Close is called.
type channelStream struct {
	io.ReadWriter
	MessageChannel
}

// channelHeader is takeHeader over a message channel (R2).
func (c *Communicator) channelHeader(ch MessageChannel) error {
	text, err := c.channelNext(ch, max(int(c.maxMessage), len(wire.HeaderFrame)))
	if err != nil {
		return err
	}
	if !rules.IsHeader(string(text)) {
		return c.recordOffending(text, ErrNotMultistream)
	}
	c.state.HeaderReceived = true
	return nil
}

// channelNext is takeMessage over a message channel.
func (c *Communicator) channelNext(ch MessageChannel, limit int) ([]byte, error) {
	if err := c.flush(false); err != nil { // before each read (R11)
		return nil, err
	}
	// The limits of this package count the newline, which is not sent here.
	text, err := ch.ReadMessage(limit - 1)
	switch {
	case err != nil:
		return nil, readError(err, c.in.total)
	case len(text) >= limit:
		return nil, &CommunicatorError{"read", fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLarge, len(text)+1, limit)}
	}
	c.in.total += int32(wire.MessageSize(len(text)))
	if c.rare.trace != nil {
		c.traceReceived(wire.AppendMessage(nil, text))
	}
	return []byte(text), nil
}

// channelFlush is flush over a message channel.
func (c *Communicator) channelFlush(ch MessageChannel) error {
	texts := c.rare.texts
	if len(texts) == 0 {
		return nil
	}
	c.rare.texts = nil
	c.out.writes++
	var flight []byte
	for _, text := range texts {
		flight = wire.AppendMessage(flight, text)
	}
	c.rare.trace.sent(c.role, flight)
	return c.recordWrite(written{len(flight), ch.WriteMessages(texts...)})
}
