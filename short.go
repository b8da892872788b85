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
// times. So each role has its most usual case in one piece, in [Client.SelectOneOf]
// and [Muxer.short]: the first proposal of a name that is known. Of the Communicator
// only small is in use there. While it does not know its stream nothing else of it
// was touched, and it can be given back as it is; what is less usual begins with
// claim or armOn.

const (
	// mostShort is how many proposals may take the short way, or one more. No limit is
	// reached before.
	mostShort = 32
	// mostShortName fits into small, with the header.
	mostShortName = smallBuffer - len(wire.HeaderFrame) - 2
	naFrame       = "\x03" + wire.NA + "\n"
)

// headerBytes are copied without a call.
var headerBytes = [len(wire.HeaderFrame)]byte([]byte(wire.HeaderFrame))

// isShort reports whether a negotiation can begin on the short way, if it has no
// trace.
func isShort(l *Limits) bool { return l.MaxMessage <= 0 && l.MaxProposals <= 0 && l.MaxBytes <= 0 }

// areShort reports whether all protocols can be proposed on the short way: they
// pass [wire.CheckName] (R9), fit into small, and "na" is no longer than an echo.
func areShort(protocols []string) bool {
	for _, p := range protocols {
		if !isShortName(p) {
			return false
		}
	}
	return len(protocols) <= mostShort
}

func isShortName(p string) bool {
	if !isShortSize(p) {
		return false
	}
	for i := range len(p) { // a call would cost more
		if p[i] == '\n' {
			return false
		}
	}
	return true
}

// isShortSize is isShortName but for newlines.
func isShortSize(p string) bool {
	return len(wire.NA) < len(p) && len(p) <= mostShortName && p != wire.Header
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

// settle makes ready to be given back after an agreement. It reports false if there
// is more to do than that. While there is no stream on record nothing was touched.
func (c *Communicator) settle() bool {
	if c.ext != nil || c.deadline != 0 && !c.watch.remove(c) {
		return false
	}
	c.deadline = 0
	c.forget()
	return true
}

// isSame compares without a call: names are short.
func isSame(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	b = b[:len(a)]
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// passage is how far the first exchange of a call has come.
type passage uint8

const (
	atBegin passage = iota // nothing was done
	atRead                 // the proposal's Write has ended
	atTake                 // the answer's Read has ended
)

// firstFrame puts the header and a message into small, all but the text.
func firstFrame(small *[smallBuffer]byte, text int) []byte {
	*(*[len(wire.HeaderFrame)]byte)(small[:]) = headerBytes
	return frame(small, len(wire.HeaderFrame), text)
}

// frame puts a message into small, all but the text.
func frame(small *[smallBuffer]byte, header, text int) []byte {
	small[header] = byte(text + 1)
	small[header+1+text] = '\n'
	return small[:header+text+2]
}

// fill puts a name into the frame of a message, at b. It reports false if there is a
// newline in it, and copies without a call.
func fill(b []byte, name string) bool {
	b = b[:len(name)]
	for i := range b {
		if name[i] == '\n' {
			return false
		}
		b[i] = name[i]
	}
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
