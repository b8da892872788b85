package multiselect

import (
	"context"
	"io"

	"github.com/multiselect/multiselect/wire"
)

// short is [Muxer.Negotiate] as far as the short way goes. It returns the
// Communicator if there is more to do, on the long way. All that is waited for on the
// short way is waited for here: the stack that a read waits on is what a half-open
// negotiation costs.
func (m *Muxer) short(ctx context.Context, stream io.ReadWriteCloser) (found *node, c *Communicator, err error) {
	c = communicators.Get().(*Communicator)
	running := c
	defer func() {
		if running != nil {
			running.abandonOn(stream)
		}
	}()
	if !m.Unbuffered && !m.HeaderFirst && isShort(&m.Limits) && traceOf(ctx) == nil && (m.Limits.Timeout < 0 && ctx.Done() == nil || c.armOn(stream, ctx, &m.Limits)) {
		// At most to the end of the shortest message that could be agreed on, then of
		// the one that has begun to arrive (R12). What is long or broken has an end
		// beyond small, or behind what has arrived, and leaves here.
		header, w := len(wire.HeaderFrame), 0
		for end := header + m.shortest(); w < end && end <= smallBuffer; {
			n, failed := stream.Read(c.small[w:end])
			if n == end-w && (header == 0 || isHeader(&c.small)) {
				message := c.small[header:end]
				if int(message[0]) != len(message)-1 {
					w, end = end, header+1+int(message[0])
					continue
				}
				if found = m.table.lookupMessage(message); found != nil {
					n, failed = stream.Write(c.small[:end]) // the echo (R6)
					if n == end && failed == nil && (c.stream == nil || c.settle()) {
						running = nil
						communicators.Put(c)
						return found, nil, nil
					}
				}
			}
			c.claim(stream)
			end, err = m.shortTurn(c, found, w, end, n, failed)
			header, w = c.headerSize(), int(c.w)
		}
		c.claim(stream)
		m.leave(c, w)
	}
	c.claim(stream)
	running = nil
	return found, c, err
}

// isHeader reports whether the header has arrived.
func isHeader(b *[smallBuffer]byte) bool {
	return string(b[:16]) == headerFront && string(b[16:len(wire.HeaderFrame)]) == headerBack
}

// shortTurn takes what a read of the short way has brought behind the first w bytes,
// and answers it; or it takes note of how the answer's write ended, if the name was
// found. It returns up to where to read then (R12), 0 to leave the short way.
func (m *Muxer) shortTurn(c *Communicator, found *node, w, end, n int, failed error) (int, error) {
	c.catchUp(w)
	if found != nil {
		c.catchUp(end)
		return 0, c.replied(end, written{n, failed})
	}
	header := c.headerSize()
	var text []byte
	if last := end - 1; n == end-w && int(c.small[header]) == last-header && c.small[last] == '\n' && (header == 0 || isHeader(&c.small)) {
		c.catchUp(end)
		text = c.small[header+1 : last] // it is not in the table
	} else {
		if err := c.took(n, end-w, failed); err != nil {
			return 0, err
		}
		var missing int
		arrived := c.small[:c.w]
		text, missing = usualFlight(arrived, header)
		if missing > 0 || len(arrived) < header && headerPossible(arrived) {
			return m.shortEnd(c), nil
		}
		if text == nil || m.table.lookup(text) != nil {
			return 0, nil // the name may have come to the table while the read waited (R16)
		}
	}
	if !m.mayRefuse(c, text) {
		return 0, nil
	}
	return m.refuseShort(c, header, len(text))
}

// refuseShort says "na" to the proposal that is in small, and returns up to where to
// read then.
func (m *Muxer) refuseShort(c *Communicator, header, size int) (int, error) {
	if f := c.roomForRefused(size); f != nil {
		f.bytes = append(f.bytes, c.small[header:c.w]...)
	}
	c.lastWasNA = true
	c.tally.sent += int32(len(naFrame))
	answer := c.small[:header+copy(c.small[header:], naFrame)]
	n, failed := c.stream.Write(answer)
	if n != len(answer) || failed != nil {
		if err := c.replied(len(answer), written{n, failed}); err != nil {
			return 0, err
		}
		return m.shortEnd(c), nil
	}
	c.heard()
	c.tolerant, c.headerSent = false, true
	c.tally.proposals++
	c.flights++
	c.sent += int32(n)
	return m.shortest(), nil
}

// catchUp takes note of what has arrived on the short way.
func (c *Communicator) catchUp(w int) {
	c.got += int32(w) - c.w
	c.w = int32(w)
}

// shortEnd returns up to where to read: the end of the message that has begun to
// arrive, or of the shortest that can be agreed on.
func (m *Muxer) shortEnd(c *Communicator) int {
	header := c.headerSize()
	if int(c.w) > header {
		return header + 1 + int(c.small[header])
	}
	return header + m.shortest()
}

// leave leaves the short way, with the header taken if it is there.
func (m *Muxer) leave(c *Communicator, w int) {
	c.catchUp(w)
	if header := c.headerSize(); header > 0 && w >= header && isHeader(&c.small) {
		c.r = int32(header)
		c.headerReceived = true
		c.phase = PhaseProposal
	}
	c.leaveShort(Responder, &m.Limits)
}

// mayRefuse reports whether the answer to a text that is not registered is "na",
// and can be given on the short way.
func (m *Muxer) mayRefuse(c *Communicator, text []byte) bool {
	return replyTo(text, false, false, !m.NoList) == replyNA && m.matchers.Load() == nil && !m.OneShot &&
		c.tally.proposals < mostShort && (c.headerReceived || !isUnbuffered(c.stream))
}
