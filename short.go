package multiselect

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// The short way. Nearly all negotiations consist of short messages that arrive
// as they were sent: header and proposal, the echo of both, or "na" and the next
// proposal. This file is for those and for nothing else: no list, no matcher, no
// trace, no channel, no limit that could be reached. Whatever is not usual goes
// on where the short way leaves it, in the loops of client.go and negotiate.go.
// The decisions are those of step.go.
//
// What it saves is little beside a system call. But a negotiation runs after
// one, with cold caches, where every function, branch and field counts several
// times.

const (
	// mostShort is how many proposals may take the short way. No limit is reached
	// before.
	mostShort = 32
	// mostShortName fits into small, with the header.
	mostShortName = smallBuffer - len(wire.HeaderFrame) - 2
	naFrame       = "\x03" + wire.NA + "\n"
)

// isShort reports whether a negotiation can begin on the short way.
func isShort(ctx context.Context, l *Limits) bool {
	return l.Message <= 0 && l.Proposals <= 0 && l.Bytes <= 0 && traceOf(ctx) == nil
}

// areShort reports whether all protocols can be proposed on the short way: they
// pass [wire.CheckName] (R9), fit into small, and "na" is no longer than an echo.
func areShort(protocols []string) bool {
	for _, p := range protocols {
		if len(p) <= len(wire.NA) || len(p) > mostShortName || p == wire.Header || strings.IndexByte(p, '\n') >= 0 {
			return false
		}
	}
	return len(protocols) > 0 && len(protocols) <= mostShort
}

// left says where the short way was left.
type left uint8

const (
	leftNever  left = iota // it was not taken
	leftQuiet              // nothing is unanswered
	leftAsked              // the last proposal is not answered
	leftAgreed             // a protocol is agreed on
)

// short is [Muxer.Negotiate] on the short way. It reports false where that ends,
// and where the negotiation fails, for run to go on. What it does between two
// reads is a function of its own, because the stack that a read waits on is what
// a half-open negotiation costs.
func (m *Muxer) short(ctx context.Context, c *Communicator) (found *node, done bool, err error) {
	running := c
	defer abandon(&running)
	if m.Unbuffered || m.HeaderFirst || !isShort(ctx, &m.Limits) {
		running = nil
		return nil, false, nil
	}
	if m.Limits.Budget >= 0 || ctx.Done() != nil {
		err = c.arm(ctx, &m.Limits)
	}
	for next := turnRead; next == turnRead && err == nil; {
		room := m.shortRoom(c)
		if room == nil {
			break
		}
		n, failed := c.stream.Read(room)
		if err = c.took(n, len(room), failed); err != nil {
			break
		}
		if found, next, err = m.shortTurn(c); next == turnAgreed {
			if c.succeed() {
				running = nil
				return found, true, nil
			}
			c.replied(int(c.w), written{n: int(c.w)})
		}
	}
	c.leaveShort(Responder, &m.Limits)
	running = nil
	return found, false, err
}

// shortRoom returns where to read to, at most to the end of the shortest message
// that could be agreed on, or of the one that has begun to arrive (R12). It
// returns nil if that is too much for the short way.
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

// turn is what a responder on the short way does next.
type turn uint8

const (
	turnRead   turn = iota // go on reading
	turnAgreed             // be done: the echo is written, and no note taken
	turnLeave              // leave the short way
)

// shortTurn answers what has arrived, if it is complete and usual.
func (m *Muxer) shortTurn(c *Communicator) (found *node, next turn, err error) {
	header := c.headerSize()
	arrived := c.small[:c.w]
	text, missing := usualFlight(arrived, header)
	if missing > 0 {
		return nil, turnRead, nil
	}
	if text == nil {
		return nil, turnLeave, nil
	}
	if found = m.table.lookup(text); found != nil {
		n, err := c.stream.Write(arrived) // the echo (R6)
		if n == len(arrived) && err == nil {
			return found, turnAgreed, nil
		}
		return found, turnLeave, c.replied(len(arrived), written{n, err})
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

// replied takes note of an answer to all that has arrived, and of how its write
// ended.
func (c *Communicator) replied(size int, w written) error {
	c.tolerant = !c.lastWasNA
	c.tally.proposals++
	c.heard()
	return c.spoke(size, w)
}

// proposed takes note of a proposal, and of how its write ended.
func (c *Communicator) proposed(header, size int, w written) error {
	c.tally.proposals++
	c.tally.sent += int32(size - header)
	return c.spoke(size, w)
}

func (c *Communicator) spoke(size int, w written) error {
	c.headerSent = true
	c.flights++
	if c.ext != nil && c.ext.writing != nil {
		return nil // it goes on, and is counted when it ends
	}
	if w.err == nil && w.n < size {
		w.err = io.ErrShortWrite
	}
	return c.wrote(w)
}

// heard takes note of all that has arrived: a message, behind the header or not.
func (c *Communicator) heard() {
	c.tally.received += c.w - int32(c.headerSize())
	c.headerReceived = true
	c.phase = PhaseProposal
	c.w = 0
}

// succeed ends a call that has agreed on a protocol. It reports false if there is
// more to do than to give everything back.
func (c *Communicator) succeed() bool {
	if c.ext != nil || c.deadline != 0 && !c.watch.remove(c) {
		return false
	}
	c.deadline = 0
	if c.flights != 0 || inBubble(c.start) {
		c.release()
		return true
	}
	c.stream, c.start, c.w, c.got = nil, 0, 0, 0 // nothing else was touched
	communicators.Put(c)
	return true
}

// leaveShort goes on on the long way.
func (c *Communicator) leaveShort(role Role, l *Limits) {
	c.role = role
	c.tolerant = role == Responder && !c.lastWasNA
	c.limit = int16(l.message())
	c.left = max(c.left, leftQuiet)
	c.buf = c.small[:]
	c.recognise()
}

// headerSize is the size of what stands before the next message of the peer.
func (c *Communicator) headerSize() int {
	if c.headerReceived {
		return 0
	}
	return len(wire.HeaderFrame)
}

// short is [Client.SelectOneOf] on the short way. It returns how many protocols
// were proposed, and reports false where it ends, and where the negotiation
// fails, for run to go on.
func (cl *Client) short(ctx context.Context, c *Communicator, protocols []string) (tried int, done bool, err error) {
	running := c
	defer abandon(&running)
	if !isShort(ctx, &cl.Limits) || !areShort(protocols) {
		running = nil
		return 0, false, nil
	}
	unbuffered := cl.Unbuffered || isUnbuffered(c.stream)
	if cl.Limits.Budget >= 0 || ctx.Done() != nil {
		err = c.arm(ctx, &cl.Limits)
	}
	for err == nil && c.left == leftNever && tried < len(protocols) {
		protocol := protocols[tried]
		tried++
		if tried > 1 && slices.Contains(protocols[:tried-1], protocol) {
			continue
		}
		header := c.headerSize()
		asked := c.shortMessage(header, protocol)
		var beside *flight
		if unbuffered {
			beside = writeBeside(c.stream, asked)
		} else if n, failed := c.stream.Write(asked); n < len(asked) || failed != nil {
			err = c.proposed(header, len(asked), written{n, failed})
			break
		}
		// The echo is no shorter than "na", and after that the peer says nothing
		// before it is asked: nothing of the protocol's can be read here (R12).
		n, failed := c.stream.Read(asked)
		verdict := violated
		if err = c.took(n, len(asked), failed); err == nil {
			if text, _ := usualFlight(c.small[:c.w], header); text != nil {
				verdict = judge(text, protocol)
			}
		}
		if beside != nil && (verdict == violated || !beside.landed()) {
			c.extend().writing = beside
			verdict = violated
		}
		if verdict == agreed && c.succeed() {
			running = nil
			return tried, true, nil
		}
		c.proposed(header, len(asked), written{n: len(asked)})
		switch verdict {
		case violated:
			c.left = leftAsked // or something else, which the long way finds out
			continue
		case agreed:
			c.left = leftAgreed
		}
		c.heard()
	}
	if unbuffered {
		c.extend().unbuffered = true
	}
	c.leaveShort(Initiator, &cl.Limits)
	running = nil
	return tried, false, err
}

// lazyAnswer is answer for a proposal that was sent with the header. It tries
// the short way first.
func (cl *Client) lazyAnswer(c *Communicator, protocol string) error {
	size := len(wire.HeaderFrame) + len(protocol) + 2
	if c.got == 0 && len(protocol) <= mostShortName && c.ext == nil {
		c.buf = c.small[:]
		n, err := c.stream.Read(c.small[:size])
		if err := c.took(n, size, err); err != nil {
			return err
		}
		text, _ := usualFlight(c.pending(), len(wire.HeaderFrame))
		if text != nil && judge(text, protocol) == agreed {
			c.r = c.w
			c.headerReceived = true
			c.phase = PhaseProposal
			return nil
		}
	}
	return cl.answer(c, protocol)
}

// shortMessage puts a proposal into small, behind the header or not.
func (c *Communicator) shortMessage(header int, protocol string) []byte {
	if header > 0 {
		copy(c.small[:], wire.HeaderFrame)
	}
	message := c.small[header : header+len(protocol)+2]
	message[0] = byte(len(protocol) + 1)
	copy(message[1:], protocol)
	message[len(message)-1] = '\n'
	return c.small[:header+len(message)]
}
