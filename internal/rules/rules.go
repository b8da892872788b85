// Package rules makes the decisions of multistream-select 1.0, for both roles.
//
// Its functions are pure: they depend on bytes, names and a small [State], and know no
// stream, clock or lock. The roles of package multiselect surround them with reads and
// writes. Each decision cites its rule in docs/protocol.md. Other packages decide about the
// codec and the form of names (wire), early data (internal/guard) and time
// (internal/watchdog).
package rules

import "github.com/multiselect/multiselect/wire"

// State is the state of one side of a conversation on which decisions depend. The zero
// value is the start of a conversation.
type State struct {
	Sent, Received int32 // bytes of messages, without headers and lists (R27)
	Proposals      int32 // made by an initiator; answered by a responder, a refused "ls" included
	Lists          int32 // lists sent by a responder, or refused because they do not fit (R21, R23)

	HeaderSent     bool // by this side, or queued
	HeaderReceived bool // from the peer, complete and valid
	Answered       bool // a responder has refused a name or answered "ls"
	LastWasNA      bool // the last answer of a responder is a refusal
}

// Fault is a reason to end the conversation although its messages are valid.
type Fault uint8

const (
	NoFault          Fault = iota
	TooManyProposals       // one more than the limit (R27)
	TooMuchSent            // more bytes than the limit (R27)
	TooMuchReceived        // more bytes than the limit (R27)
	EarlyAnswer            // bytes that arrived before the question (R14)
)

// Receive counts a message of the given size in bytes against the limit (R27).
func (s *State) Receive(size, maxBytes int) Fault {
	if s.Received += int32(size); int(s.Received) > maxBytes {
		return TooMuchReceived
	}
	return NoFault
}

// Send counts a message of the given size in bytes against the limit (R27).
func (s *State) Send(size, maxBytes int) Fault {
	if s.Sent += int32(size); int(s.Sent) > maxBytes {
		return TooMuchSent
	}
	return NoFault
}

// MustFlush reports whether a side must write before its next read: pending bytes have arrived
// and are not consumed, queued ones wait to be written. A side never waits for
// its peer while bytes of its own are queued (R11). A responder queues its header with its
// first answer, so that both are sent in one write (R1); it sends the header alone if no
// bytes of the peer's next message have arrived.
func MustFlush(pending, queued int) bool { return pending == 0 || queued > 0 }

// Readable returns the number of bytes that a side may read next, none of which may belong to the
// protocol (R12): to the end of the message that has begun to arrive, or of the shortest one that
// can be agreed on, after the header if inHeader. The pending bytes have arrived already.
func Readable(pending []byte, inHeader bool, shortest, maxMessage int) int {
	if inHeader {
		return len(wire.HeaderFrame) + shortest - len(pending)
	}
	prefix, body, _ := wire.Length(pending, maxMessage)
	return max(shortest, prefix+body, len(pending)+1) - len(pending)
}
