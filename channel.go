package multiselect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// MessageChannel is a transport that preserves the boundaries of messages, such as a queue or
// a WebSocket. It carries texts without length and newline. A text may be any string of bytes.
//
// On the data channels of WebRTC, libp2p peers send the bytes of a stream: messages with length
// and newline, several of them in one message of the channel. An initiator to such a peer needs a
// stream over the data channel, whose Read returns the rest of a message first. A responder
// recognizes such a peer by its header, and then sends its own messages with length and newline.
// With HeaderFirst of [Muxer] it has sent its header as a text by then, and cannot serve it.
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

// channelStream is the stream of a Communicator over a channel. Only its Close is called,
// unless the peer sends the bytes of a stream.
type channelStream struct {
	MessageChannel
	received string // the rest of the last message that carries bytes of a stream
}

func (s *channelStream) Read(p []byte) (n int, err error) {
	if s.received == "" {
		s.received, err = s.ReadMessage(wire.MaxList)
	}
	n = copy(p, s.received)
	s.received = s.received[n:]
	return n, err
}

func (s *channelStream) Write(p []byte) (int, error) {
	return len(p), s.WriteMessages(string(p))
}

var errEarlyData = fmt.Errorf("%w: data of the protocol in one message of the channel with the proposal", errors.ErrUnsupported)

// checkChannel fails if a message of the channel had bytes after the agreement: nothing could
// return them to the owner of the channel.
func (c *Communicator) checkChannel() error {
	if s, ok := c.stream.(*channelStream); ok && s.received != "" {
		return errEarlyData
	}
	return nil
}

// channelHeader is takeHeader over a message channel (R2). It is not done if the peer sends
// the bytes of a stream: then the Communicator reads and writes these from here on.
func (c *Communicator) channelHeader(ch MessageChannel) (done bool, err error) {
	text, err := c.channelRead(ch, max(int(c.maxMessage), len(wire.HeaderFrame)))
	if err != nil {
		return false, err
	}
	if s, ok := c.stream.(*channelStream); ok && c.role == Responder && strings.HasPrefix(text, wire.HeaderFrame) {
		s.received = text
		c.rare.channel = nil
		return false, nil
	}
	c.recordText(text)
	if !rules.IsHeader(text) {
		return false, c.recordOffending([]byte(text), ErrNotMultistream)
	}
	c.state.HeaderReceived = true
	return true, nil
}

// channelNext is takeMessage over a message channel.
func (c *Communicator) channelNext(ch MessageChannel, limit int) ([]byte, error) {
	text, err := c.channelRead(ch, limit)
	if err != nil {
		return nil, err
	}
	c.recordText(text)
	return []byte(text), nil
}

func (c *Communicator) channelRead(ch MessageChannel, limit int) (string, error) {
	if err := c.flush(false); err != nil { // before each read (R11)
		return "", err
	}
	// The limits of this package count the newline, which is not sent here.
	text, err := ch.ReadMessage(limit - 1)
	switch {
	case err != nil:
		return "", readError(err, c.in.total)
	case len(text) >= limit:
		return "", &CommunicatorError{"read", fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLarge, len(text)+1, limit)}
	}
	return text, nil
}

func (c *Communicator) recordText(text string) {
	c.in.total += int32(wire.MessageSize(len(text)))
	if c.rare.trace != nil {
		c.traceReceived(wire.AppendMessage(nil, text))
	}
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
