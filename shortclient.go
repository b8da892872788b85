package multiselect

import (
	"context"
	"io"
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// prepare arranges for the end of the stream, where that is wanted, and reports whether
// that, and what may be proposed next, are good for the short way.
func (cl *Client) prepare(ctx context.Context, c *Communicator, stream io.ReadWriteCloser, protocols []string) bool {
	return areShort(protocols[1:]) && c.armOn(stream, ctx, &cl.Limits)
}

// goOn is the rest of [Client.SelectOneOf], from where its first exchange has come to.
func (cl *Client) goOn(ctx context.Context, c *Communicator, stream io.ReadWriteCloser, protocols []string, come passage, n int, err error) (string, error) {
	running := c
	defer abandon(&running)
	c.claim(stream)
	if come == atBegin {
		running = nil
		return cl.unusual(ctx, c, protocols)
	}
	header, size := len(wire.HeaderFrame), len(wire.HeaderFrame)+wire.MessageSize(len(protocols[0]))
	switch {
	case come == atRead:
		err = c.proposed(header, size, written{n, err})
	case n == header+len(naFrame) && isHeader(&c.small) && string(c.small[header:n]) == naFrame:
		c.refusal(header, size)
		err = nil // it comes again
	default:
		err = c.shortAnswer(header, size, protocols[0], n, err, nil)
	}
	tried := 1
	for err == nil && c.left == leftNever && tried < len(protocols) {
		protocol := protocols[tried]
		tried++
		if slices.Contains(protocols[:tried-1], protocol) {
			continue
		}
		asked := frame(&c.small, 0, len(protocol))
		copy(asked[1:], protocol)
		n, failed := stream.Write(asked)
		if n < len(asked) || failed != nil {
			err = c.proposed(0, len(asked), written{n, failed})
			break
		}
		n, failed = stream.Read(asked) // not beyond the echo, as in the first exchange
		if n == len(naFrame) && string(asked[:len(naFrame)]) == naFrame {
			c.refusal(0, len(asked))
			continue
		}
		err = c.shortAnswer(0, len(asked), protocol, n, failed, nil)
	}
	if c.left == leftAgreed && c.settle() {
		running = nil
		communicators.Put(c)
		return protocols[tried-1], nil
	}
	c.leaveShort(Initiator, &cl.Limits)
	running = nil
	return cl.run(ctx, c, protocols, tried, err)
}

// unusual is [Client.SelectOneOf] where the first exchange was not made: on a stream
// without a buffer, or on the long way.
func (cl *Client) unusual(ctx context.Context, c *Communicator, protocols []string) (string, error) {
	running := c
	defer abandon(&running)
	if !isShort(&cl.Limits) || traceOf(ctx) != nil || len(protocols) == 0 || !areShort(protocols) || !cl.Unbuffered && !isUnbuffered(c.stream) {
		running = nil
		return cl.run(ctx, c, protocols, 0, nil)
	}
	tried, err := 0, c.arm(ctx, &cl.Limits)
	for err == nil && c.left == leftNever && tried < len(protocols) {
		protocol := protocols[tried]
		tried++
		if slices.Contains(protocols[:tried-1], protocol) {
			continue
		}
		header := c.headerSize()
		asked := frame(&c.small, header, len(protocol))
		if header > 0 {
			asked = firstFrame(&c.small, len(protocol))
		}
		copy(asked[header+1:], protocol)
		beside := writeBeside(c.stream, asked)
		n, failed := c.stream.Read(asked) // not beyond the echo, as in the first exchange
		err = c.shortAnswer(header, len(asked), protocol, n, failed, beside)
	}
	if c.left == leftAgreed && c.settle() {
		running = nil
		communicators.Put(c)
		return protocols[tried-1], nil
	}
	c.extend().unbuffered = true
	c.leaveShort(Initiator, &cl.Limits)
	running = nil
	return cl.run(ctx, c, protocols, tried, err)
}

// isEcho reports whether a message, which has the right size, is a proposal said
// back.
func isEcho(message []byte, protocol string) bool {
	last := len(message) - 1
	return int(message[0]) == last && message[last] == '\n' && isSame(message[1:last], protocol)
}

// refusal takes note of a proposal that is written, and of "na", which is all that has
// come.
func (c *Communicator) refusal(header, size int) {
	c.headerSent, c.headerReceived = true, true
	c.phase = PhaseProposal
	c.flights++
	c.sent += int32(size)
	c.got += int32(header + len(naFrame))
	c.tally.proposals++
	c.tally.sent += int32(size - header)
	c.tally.received += int32(len(naFrame))
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
