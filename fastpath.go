package multiselect

import (
	"math"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// The fast path. Most negotiations consist of short messages that arrive as they were sent: the
// header and a proposal, and the echo of both. [Client.SelectOneOf] and Muxer.negotiateFirst make
// this first exchange in line, in the inline buffer of a Communicator. While the stream is not
// recorded, no other field has changed, and the Communicator can return to its pool as it is. Every
// other case continues in the loop of the role, client.go or muxer_negotiate.go, from the state
// that recordFirst and recordExchange record. The initiator's loop makes further exchanges of short
// messages in the inline buffer, too. A call with a trace never takes the fast path.
//
// The fast path saves little compared with a system call. But a negotiation runs after one, with
// cold caches, where each function, branch and field costs several times as much as in a loop.

const (
	// maxFast is the number of proposals on the fast path after the first. It is below all limits.
	maxFast = 32
	// maxFastName is the length of the longest name that fits inline, with the header.
	maxFastName = inlineSize - len(wire.HeaderFrame) - 2
)

// headerBytes is copied without a call.
var headerBytes = [len(wire.HeaderFrame)]byte([]byte(wire.HeaderFrame))

// isFast reports whether the limits allow the fast path: none that it could reach is set.
func isFast(l *Limits) bool { return l.MaxMessage <= 0 && l.MaxProposals <= 0 && l.MaxBytes <= 0 }

// areFastNames reports whether all names can be proposed on the fast path: they are valid
// (R9), fit inline, and are longer than "na", so that a Read up to the end of the echo
// never passes the end of the negotiation (R12).
func areFastNames(protocols []string) bool {
	for _, p := range protocols {
		if !isFastName(p) {
			return false
		}
	}
	return len(protocols) <= maxFast
}

func isFastName(p string) bool {
	if !hasFastLength(p) {
		return false
	}
	for i := range len(p) { // a call would cost more
		if p[i] == '\n' {
			return false
		}
	}
	return true
}

// hasFastLength is isFastName without the search for newlines.
func hasFastLength(p string) bool {
	return len(wire.NA) < len(p) && len(p) <= maxFastName && p != wire.Header
}

// firstFrame writes the header and a message to inline, without the text.
func firstFrame(inline *[inlineSize]byte, text int) []byte {
	*(*[len(wire.HeaderFrame)]byte)(inline[:]) = headerBytes
	return frame(inline, len(wire.HeaderFrame), text)
}

// frame writes a message to inline, after the first bytes and without the text.
func frame(inline *[inlineSize]byte, first, text int) []byte {
	inline[first] = byte(text + 1)
	inline[first+1+text] = '\n'
	return inline[:first+text+2]
}

// fill copies a name to b, without a call. It reports false if the name contains a newline (R9).
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

// leaveFirst prepares for the loop of the role after a first exchange in line.
func (c *Communicator) leaveFirst(role Role, l *Limits) {
	c.role = role
	c.maxMessage = int16(l.maxMessage())
	c.fast = true
	c.recordUnbuffered(false)
}

// tryRelease clears the Communicator for its pool after an agreement on the fast path. It
// reports false if that takes more, as the end of a call does.
func (c *Communicator) tryRelease() bool {
	if c.rare != nil || !c.stopTimer() {
		return false
	}
	c.clear()
	return true
}

// recordFastWrite records a write of size bytes on the fast path.
func (c *Communicator) recordFastWrite(size, n int, err error) error {
	c.state.HeaderSent = true
	c.out.writes++
	return c.recordWrite(written{n, err}.clamp(size))
}

// recordFastMessage records and consumes the first w bytes inline: a whole message, and the
// header before it if that is yet to be received.
func (c *Communicator) recordFastMessage(w int) {
	c.in.total += int32(w) - c.in.w
	c.in.r, c.in.w = 0, 0
	c.state.Receive(w-c.headerSize(), math.MaxInt) // below the limits
	c.state.HeaderReceived = true
	c.phase = PhaseProposal
}

// headerSize returns the size in bytes of the header if it is yet to be received.
func (c *Communicator) headerSize() int {
	if c.state.HeaderReceived {
		return 0
	}
	return len(wire.HeaderFrame)
}

// exchange makes a proposal that fits inline and reads the answer, in one Write and one
// Read. No bytes may be pending. After the verdict Incomplete, the codec must read the
// answer: the proposal is recorded, and the bytes that have arrived are pending.
func (c *Communicator) exchange(protocol string) (rules.Verdict, error) {
	c.in.reset()
	asked := frame(&c.in.inline, 0, len(protocol))
	copy(asked[1:], protocol)
	n, err := c.stream.Write(asked)
	if n != len(asked) || err != nil {
		return rules.Incomplete, c.recordProposal(0, len(asked), n, err)
	}
	n, err = c.stream.Read(asked) // not after the echo (R12)
	return c.recordExchange(0, len(asked), protocol, n, err)
}

// recordProposal records a proposal and the result of its write.
func (c *Communicator) recordProposal(header, size, n int, err error) error {
	c.state.Propose(size-header, 0, math.MaxInt, math.MaxInt) // below the limits
	return c.recordFastWrite(size, n, err)
}

// recordExchange records a proposal that was written, and the result of the Read of its
// answer to inline. Both begin with the header, whose size is given, or 0 without it.
func (c *Communicator) recordExchange(header, size int, protocol string, n int, err error) (rules.Verdict, error) {
	c.recordProposal(header, size, size, nil)
	if header < n && n <= size && (header == 0 || rules.HasHeader(c.in.inline[:])) {
		if v := rules.JudgeFrame(c.in.inline[header:n], protocol); v != rules.Incomplete {
			c.recordFastMessage(n)
			return v, nil // the next Read returns the error again
		}
	}
	c.in.recordInline(0)
	return rules.Incomplete, c.in.record(n, size, err)
}
