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
// and where the negotiation fails, for run to go on.
func (m *Muxer) short(ctx context.Context, c *Communicator) (found *node, done bool, err error) {
	running := c
	defer abandon(&running)
	if m.Limits.Budget >= 0 || ctx.Done() != nil {
		err = c.arm(ctx, &m.Limits)
	}
	header, have := len(wire.HeaderFrame), 0
	for err == nil && found == nil {
		// Up to the end of the shortest message that could be agreed on, or of the
		// one that has begun to arrive (R12).
		end := header + m.shortest()
		if have > header {
			end = header + 1 + int(c.small[header])
		}
		if end > smallBuffer {
			break
		}
		n, failed := c.stream.Read(c.small[have:end])
		if n <= 0 || n > end-have {
			err = c.tookNothing(n, failed)
			break
		}
		have += n
		text, missing := usualFlight(c.small[:have], header)
		if missing > 0 {
			continue
		}
		if text == nil {
			break
		}
		answer := c.small[:have] // the echo (R6)
		if found = m.table.lookup(text); found == nil {
			if !m.mayRefuse(c, text) {
				break
			}
			c.keepRefused(text)
			answer = append(c.small[:header], naFrame...)
		}
		n, failed = c.stream.Write(answer)
		if found != nil && n == have && failed == nil && c.succeed() {
			running = nil
			return found, true, nil
		}
		err = c.replied(have, header, len(answer), written{n, failed})
		header, have = 0, 0
	}
	c.leaveShort(Responder, &m.Limits, have, leftQuiet)
	running = nil
	return found, false, err
}

// mayRefuse reports whether the answer to a text that is not registered is "na",
// and can be given on the short way.
func (m *Muxer) mayRefuse(c *Communicator, text []byte) bool {
	return replyTo(text, false, false, !m.NoList) == replyNA && m.matchers.Load() == nil &&
		c.tally.proposals < mostShort && (c.headerReceived || !isUnbuffered(c.stream))
}

// replied takes note of an answer to what has arrived, and of how its write ended.
func (c *Communicator) replied(have, header, size int, w written) error {
	c.got += int32(have)
	c.headerReceived = true
	c.tolerant = !c.lastWasNA
	c.tally.proposals++
	c.tally.received += int32(have - header)
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
	if w.err == nil && w.n < size {
		w.err = io.ErrShortWrite
	}
	return c.wrote(w)
}

// heard takes note of an answer to a proposal.
func (c *Communicator) heard(have, header int) {
	c.got += int32(have)
	c.headerReceived = true
	c.tally.received += int32(have - header)
}

// succeed ends a call that has agreed on a protocol. It reports false if there is
// more to do than to give everything back.
func (c *Communicator) succeed() bool {
	if c.ext != nil || c.deadline != 0 && !c.watch.remove(c) {
		return false
	}
	c.deadline = 0
	if c.got != 0 || inBubble(c.start) {
		c.release()
		return true
	}
	c.stream, c.start = nil, 0 // nothing else was touched
	communicators.Put(c)
	return true
}

// leaveShort goes on on the long way. The first bytes of small have arrived and
// are not answered.
func (c *Communicator) leaveShort(role Role, l *Limits, have int, where left) {
	c.role = role
	c.tolerant = role == Responder && !c.lastWasNA
	c.limit = int16(l.message())
	if c.headerReceived {
		c.phase = PhaseProposal
	}
	c.left = where
	c.buf = c.small[:]
	c.w = int32(have)
	c.got += int32(have)
	c.recognise()
}

// short is [Client.SelectOneOf] on the short way. It returns how many protocols
// were proposed, and reports false where it ends, and where the negotiation
// fails, for run to go on.
func (cl *Client) short(ctx context.Context, c *Communicator, protocols []string) (tried int, done bool, err error) {
	running := c
	defer abandon(&running)
	if cl.Limits.Budget >= 0 || ctx.Done() != nil {
		err = c.arm(ctx, &cl.Limits)
	}
	header, have, where := len(wire.HeaderFrame), 0, leftQuiet
	for err == nil && where == leftQuiet && tried < len(protocols) {
		protocol := protocols[tried]
		tried++
		if tried > 1 && slices.Contains(protocols[:tried-1], protocol) {
			continue
		}
		flight := appendShort(c.small[:0], header, protocol)
		n, failed := c.stream.Write(flight)
		if n != len(flight) || failed != nil {
			err = c.proposed(header, len(flight), written{n, failed})
			break
		}
		// The echo is no shorter than "na", and after that the peer says nothing
		// before it is asked: nothing of the protocol's can be read here (R12).
		have, failed = c.stream.Read(flight)
		if have <= 0 || have > len(flight) {
			c.proposed(header, n, written{n, nil})
			err = c.tookNothing(have, failed)
			have = 0
			break
		}
		verdict := violated
		if text, _ := usualFlight(c.small[:have], header); text != nil {
			verdict = judge(text, protocol)
		}
		if verdict == agreed && c.succeed() {
			running = nil
			return tried, true, nil
		}
		c.proposed(header, n, written{n, nil})
		switch verdict {
		case agreed:
			where = leftAgreed
		case violated:
			where = leftAsked
			continue
		}
		c.heard(have, header)
		header, have = 0, 0
	}
	c.leaveShort(Initiator, &cl.Limits, have, where)
	running = nil
	return tried, false, err
}

func appendShort(flight []byte, header int, protocol string) []byte {
	flight = append(flight, wire.HeaderFrame[:header]...)
	flight = append(flight, byte(len(protocol)+1))
	flight = append(flight, protocol...)
	return append(flight, '\n')
}
