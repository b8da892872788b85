// Package rules makes every decision of multistream-select 1.0, for both roles.
//
// Its functions are pure: they look at bytes, names and a small [State], and
// know no stream, clock, lock or error type. The roles of package multiselect
// surround them with reads and writes, and anything else that has to judge a
// conversation calls them too. Each decision cites its rule in
// docs/protocol.md. The same decisions are elsewhere only where another package
// owns the value: the codec and the form of names (R5 to R9) in package wire,
// early data (R29) in internal/guard, time (R24) in internal/watchdog.
package rules

import "github.com/multiselect/multiselect/wire"

// State is the part of a conversation on which decisions depend, as one side
// sees it. The zero value is the start of a conversation.
type State struct {
	Sent, Received int32 // bytes of messages, without headers and lists (R27)
	Proposals      int32 // proposals that were made, or that were answered
	Lists          int32 // lists that a responder was asked for and sent or refused

	HeaderSent     bool // by this side, or queued
	HeaderReceived bool // from the peer, whole and valid
	Answered       bool // a responder has refused a name or answered "ls"
	LastWasNA      bool // the last answer of a responder is a refusal
}

// Fault is a reason to end the conversation that lies in its course and not in
// its bytes.
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

// MustFlush reports whether a side must write its queued bytes before it reads on. A side never waits for its peer while bytes of its own are queued
// (R11). A responder's header is not queued by itself: while a message of the
// peer is arriving, the header waits and leaves with the answer, in one write
// (R1). So a lone header is sent exactly when nothing else has arrived.
func MustFlush(pending, queued int) bool { return pending == 0 || queued > 0 }

// Readable returns how many bytes a side may read next without touching a byte
// that may belong to the protocol (R12): to the end of the header and the
// shortest message that can be agreed on, to the end of the message that has
// begun to arrive, or to the end of the shortest one. The pending bytes have
// arrived and begin with the header if inHeader.
func Readable(pending []byte, inHeader bool, shortest, maxMessage int) int {
	if inHeader {
		return len(wire.HeaderFrame) + shortest - len(pending)
	}
	prefix, body, _ := wire.Length(pending, maxMessage)
	return max(shortest, prefix+body, len(pending)+1) - len(pending)
}
