package multiselect

import (
	"context"

	"github.com/multiselect/multiselect/wire"
)

// turn is what a responder on the short way does next.
type turn uint8

const (
	turnRead   turn = iota // go on reading
	turnAgreed             // be done: the echo is written, everything given back
	turnLeave              // leave the short way
)

// short is [Muxer.Negotiate] on the short way up to the first answer, as long as
// every read brings what it has asked for. Whatever else comes is for shortTurns
// or, behind turnLeave, for run. It does not call them itself: the stack that a
// read waits on is what a half-open negotiation costs.
func (m *Muxer) short(ctx context.Context, c *Communicator) (found *node, next turn, err error) {
	running := c
	defer func() {
		if running != nil {
			running.abandon()
		}
	}()
	if m.Unbuffered || m.HeaderFirst || !isShort(&m.Limits) || traceOf(ctx) != nil {
		running = nil
		return nil, turnLeave, nil
	}
	if m.Limits.Budget >= 0 || ctx.Done() != nil {
		err = c.arm(ctx, &m.Limits)
	}
	// At most to the end of the shortest message that could be agreed on, then of
	// the one that has begun to arrive (R12). What is long or broken has an end
	// beyond small, or behind what has arrived, and leaves here.
	const header = len(wire.HeaderFrame)
	for end := header + m.shortest(); err == nil && int(c.w) < end && end <= smallBuffer; end = header + 1 + int(c.small[header]) {
		room := c.small[c.w:end]
		n, failed := c.stream.Read(room)
		if err = c.took(n, len(room), failed); n != len(room) || !isHeader(&c.small) {
			break
		}
		if int(c.small[header]) != end-header-1 || c.small[end-1] != '\n' {
			continue
		}
		if found = m.table.lookup(c.small[header+1 : end-1]); found == nil {
			break
		}
		n, failed = c.stream.Write(c.small[:end]) // the echo (R6)
		if n == end && failed == nil && c.succeed() {
			running = nil
			return found, turnAgreed, nil
		}
		next, err = turnLeave, c.replied(end, written{n, failed})
		break
	}
	if next == turnLeave || err != nil {
		next = turnLeave
		c.leaveShort(Responder, &m.Limits)
	}
	running = nil
	return found, next, err
}

// isHeader reports whether the header has arrived.
func isHeader(b *[smallBuffer]byte) bool {
	return string(b[:16]) == headerFront && string(b[16:len(wire.HeaderFrame)]) == headerBack
}

// shortTurns goes on where short has ended: it answers, and reads.
func (m *Muxer) shortTurns(c *Communicator) (found *node, next turn, err error) {
	running := c
	defer func() {
		if running != nil {
			running.abandon()
		}
	}()
	for err == nil {
		if found, next, err = m.shortTurn(c); next == turnAgreed {
			running = nil
			return found, turnAgreed, nil
		}
		if next == turnLeave || err != nil {
			break
		}
		room := m.shortRoom(c)
		if room == nil {
			break
		}
		n, failed := c.stream.Read(room)
		err = c.took(n, len(room), failed)
	}
	c.leaveShort(Responder, &m.Limits)
	running = nil
	return found, turnLeave, err
}

// shortRoom returns where to read to (R12), or nil if that is too much for the
// short way.
func (m *Muxer) shortRoom(c *Communicator) []byte {
	header := c.headerSize()
	end := header + m.shortest()
	if int(c.w) > header {
		end = header + 1 + int(c.small[header])
	}
	if end > smallBuffer {
		return nil
	}
	return c.small[c.w:end]
}

// shortTurn answers what has arrived, if it is complete and usual.
func (m *Muxer) shortTurn(c *Communicator) (found *node, next turn, err error) {
	header := c.headerSize()
	text, missing := usualFlight(c.small[:c.w], header)
	if missing > 0 {
		return nil, turnRead, nil
	}
	if text == nil {
		return nil, turnLeave, nil
	}
	if found = m.table.lookup(text); found != nil {
		n, err := c.stream.Write(c.small[:c.w]) // the echo (R6)
		if n == int(c.w) && err == nil && c.succeed() {
			return found, turnAgreed, nil
		}
		return found, turnLeave, c.replied(int(c.w), written{n, err})
	}
	if !m.mayRefuse(c, text) {
		return nil, turnLeave, nil
	}
	c.keepRefused(text)
	c.tally.sent += int32(len(naFrame))
	answer := c.small[:header+copy(c.small[header:], naFrame)]
	n, err := c.stream.Write(answer)
	return nil, turnRead, c.replied(len(answer), written{n, err})
}

// mayRefuse reports whether the answer to a text that is not registered is "na",
// and can be given on the short way.
func (m *Muxer) mayRefuse(c *Communicator, text []byte) bool {
	return replyTo(text, false, false, !m.NoList) == replyNA && m.matchers.Load() == nil && !m.OneShot &&
		c.tally.proposals < mostShort && (c.headerReceived || !isUnbuffered(c.stream))
}
