package multiselect

import (
	"fmt"

	"github.com/multiselect/multiselect/wire"
)

// channelHeader is header over a message channel: the first message is the
// header or it is not.
func (c *Communicator) channelHeader(ch MessageChannel) error {
	text, err := c.channelNext(ch, int(c.limit))
	if err != nil {
		return err
	}
	if !IsValidHandshake(string(text)) {
		return c.unexpected(text, ErrNotMultistream)
	}
	c.headerReceived = true
	return nil
}

// channelNext is next over a message channel.
func (c *Communicator) channelNext(ch MessageChannel, limit int) ([]byte, error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	// The limits of this package count the newline, which is not sent here.
	text, err := ch.ReadMessage(limit - 1)
	switch {
	case err != nil:
		return nil, readError(err, c.got)
	case len(text) >= limit:
		return nil, &CommunicatorError{"read", fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLarge, len(text)+1, limit)}
	}
	c.got += int32(wire.MessageSize(len(text)))
	if c.ext.trace != nil {
		c.received(wire.AppendMessage(nil, text))
	}
	return []byte(text), nil
}

// texts takes a flight apart again, for a channel that frames by itself.
func texts(flight []byte) (texts []string) {
	for len(flight) > 0 {
		text, n, err := wire.Consume(flight, wire.MaxList)
		if err != nil || n == 0 {
			break // only a list beyond all limits, which was not queued
		}
		texts = append(texts, string(text))
		flight = flight[n:]
	}
	return texts
}
