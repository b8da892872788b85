package multiselect

import (
	"io"

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
// times. So each role has its most usual case in one piece, the first proposal of
// a name that is known, and turns of their own for what else is short.

const (
	// mostShort is how many proposals may take the short way. No limit is reached
	// before.
	mostShort = 32
	// mostShortName fits into small, with the header.
	mostShortName = smallBuffer - len(wire.HeaderFrame) - 2
	naFrame       = "\x03" + wire.NA + "\n"
)

// headerBytes are copied without a call.
var headerBytes = [len(wire.HeaderFrame)]byte([]byte(wire.HeaderFrame))

// isShort reports whether a negotiation can begin on the short way, if it has no
// trace.
func isShort(l *Limits) bool { return l.Message <= 0 && l.Proposals <= 0 && l.Bytes <= 0 }

// areShort reports whether all protocols can be proposed on the short way: they
// pass [wire.CheckName] (R9), fit into small, and "na" is no longer than an echo.
func areShort(protocols []string) bool {
	for _, p := range protocols {
		if !isShortName(p) {
			return false
		}
	}
	return len(protocols) > 0 && len(protocols) <= mostShort
}

func isShortName(p string) bool {
	if len(p) <= len(wire.NA) || len(p) > mostShortName || p == wire.Header {
		return false
	}
	for i := range len(p) { // a call would cost more
		if p[i] == '\n' {
			return false
		}
	}
	return true
}

// left says where the short way was left.
type left uint8

const (
	leftNever  left = iota // it was not taken
	leftQuiet              // nothing is unanswered
	leftAsked              // the last proposal is not answered
	leftAgreed             // a protocol is agreed on
)

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
	if c.ext != nil || c.deadline != 0 || c.flights != 0 {
		return c.succeedLate()
	}
	c.stream, c.w, c.got = nil, 0, 0 // without a flight on record nothing else was touched
	communicators.Put(c)
	return true
}

// succeedLate is succeed for a call that has a budget, or has had more to say.
func (c *Communicator) succeedLate() bool {
	if c.ext != nil || c.deadline != 0 && !c.watch.remove(c) {
		return false
	}
	c.deadline = 0
	if c.flights == 0 && !inBubble(c.start) {
		c.start = 0
		return c.succeed()
	}
	c.release()
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
