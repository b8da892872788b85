package multiselect

import (
	"context"
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// short is [Client.SelectOneOf], on the short way as far as that goes.
func (cl *Client) short(ctx context.Context, c *Communicator, protocols []string) (string, error) {
	running := c
	defer func() {
		if running != nil {
			running.abandon()
		}
	}()
	if !isShort(&cl.Limits) || traceOf(ctx) != nil || !areShort(protocols) {
		running = nil
		return cl.run(ctx, c, protocols, 0, nil)
	}
	var err error
	if cl.Limits.Budget >= 0 || ctx.Done() != nil {
		err = c.arm(ctx, &cl.Limits)
	}
	tried := 0
	if err == nil && !cl.Unbuffered && !isUnbuffered(c.stream) {
		tried = 1
		asked := c.firstMessage(protocols[0])
		n, failed := c.stream.Write(asked)
		if n >= len(asked) && failed == nil {
			// The echo is no shorter than "na", and after that the peer says nothing
			// before it is asked: nothing of the protocol's can be read here (R12).
			n, failed = c.stream.Read(asked)
			if n == len(asked) && isHeader(&c.small) && isEcho(asked[len(wire.HeaderFrame):], protocols[0]) && c.succeed() {
				running = nil
				return protocols[0], nil
			}
			err = c.shortAnswer(len(wire.HeaderFrame), len(asked), protocols[0], n, failed, nil)
		} else {
			err = c.proposed(len(wire.HeaderFrame), len(asked), written{n, failed})
		}
	}
	tried, done, err := cl.shortTurns(c, protocols, tried, err)
	running = nil
	if done {
		return protocols[tried-1], nil
	}
	return cl.run(ctx, c, protocols, tried, err)
}

// firstMessage puts the header and a proposal into small.
func (c *Communicator) firstMessage(protocol string) []byte {
	*(*[len(wire.HeaderFrame)]byte)(c.small[:]) = headerBytes
	return c.shortMessage(len(wire.HeaderFrame), protocol)
}

// shortMessage puts a proposal into small, behind the header if that is there.
func (c *Communicator) shortMessage(header int, protocol string) []byte {
	end := header + 1 + len(protocol)
	c.small[header] = byte(len(protocol) + 1)
	copy(c.small[header+1:], protocol)
	c.small[end] = '\n'
	return c.small[:end+1]
}

// isEcho reports whether a message, which has the right size, is a proposal said
// back.
func isEcho(message []byte, protocol string) bool {
	last := len(message) - 1
	return int(message[0]) == last && message[last] == '\n' && string(message[1:last]) == protocol
}

// shortTurns goes on where short has made a proposal, or none.
func (cl *Client) shortTurns(c *Communicator, protocols []string, tried int, err error) (int, bool, error) {
	unbuffered := cl.Unbuffered || isUnbuffered(c.stream)
	for err == nil && c.left == leftNever && tried < len(protocols) {
		protocol := protocols[tried]
		tried++
		if slices.Contains(protocols[:tried-1], protocol) {
			continue
		}
		header := c.headerSize()
		var asked []byte
		if header > 0 {
			asked = c.firstMessage(protocol)
		} else {
			asked = c.shortMessage(0, protocol)
		}
		var beside *flight
		if unbuffered {
			beside = writeBeside(c.stream, asked)
		} else if n, failed := c.stream.Write(asked); n < len(asked) || failed != nil {
			err = c.proposed(header, len(asked), written{n, failed})
			break
		}
		n, failed := c.stream.Read(asked) // not beyond the echo, as above
		err = c.shortAnswer(header, len(asked), protocol, n, failed, beside)
	}
	if c.left == leftAgreed && c.succeed() {
		return tried, true, nil
	}
	if unbuffered {
		c.extend().unbuffered = true
	}
	c.leaveShort(Initiator, &cl.Limits)
	return tried, false, err
}

// shortAnswer takes note of a proposal, which is written or being written, and of
// what a Read has brought.
func (c *Communicator) shortAnswer(header, size int, protocol string, n int, failed error, beside *flight) error {
	verdict := violated
	err := c.took(n, size, failed)
	if err == nil && (header == 0 || n > header && isHeader(&c.small)) {
		switch message := c.small[header:c.w]; {
		case string(message) == naFrame:
			verdict = refused
		case int(c.w) == size && isEcho(message, protocol):
			verdict = agreed
		}
	}
	if beside != nil && (verdict == violated || !beside.landed()) {
		c.extend().writing = beside
		verdict = violated
	}
	c.proposed(header, size, written{n: size})
	switch verdict {
	case violated:
		c.left = leftAsked // or something else, which the long way finds out
		return err
	case agreed:
		c.left = leftAgreed
	}
	c.heard()
	return nil
}
