package rules

import "github.com/multiselect/multiselect/wire"

// Reply is a responder's answer to one message.
type Reply uint8

const (
	ReplyNA   Reply = iota // "na": the initiator may propose another protocol
	ReplyEcho              // the proposal, byte for byte: agreed
	ReplyList              // the names that may be proposed
)

// NAFrame is a refusal on the wire.
const NAFrame = "\x03" + wire.NA + "\n"

// ReplyTo returns the answer to a message. The text "ls" is answered with a list if lists is true
// (R19). A name that is registered at this moment (R16) is echoed (R13), unless more bytes have
// been read: they may be the protocol's and cannot be returned to the stream (R12). Any other text
// is answered with one "na": unknown names of any form (R10), another header (R4), "na" itself.
func ReplyTo(text []byte, registered, more, lists bool) Reply {
	switch {
	case string(text) == wire.LS && lists:
		return ReplyList
	case registered && !more:
		return ReplyEcho
	}
	return ReplyNA
}

// MayList reports whether a responder may send one more list (R23).
func (s *State) MayList(maxLists int) bool { return int(s.Lists) < maxLists }

// Answer counts a reply other than a list. If it returns a fault, the reply must not be
// sent (R27).
func (s *State) Answer(r Reply, maxProposals, maxBytes int) Fault {
	if int(s.Proposals) >= maxProposals {
		return TooManyProposals
	}
	s.Proposals++
	if r == ReplyEcho {
		return NoFault
	}
	s.Answered, s.LastWasNA = true, true
	return s.Send(len(NAFrame), maxBytes)
}

// AnswerList counts an answer to "ls": the list if it fits, and otherwise "na", since half a list
// would be taken for the whole (R21). These answers do not count against the limit on bytes.
func (s *State) AnswerList(fits bool) {
	s.Lists++
	s.Answered, s.LastWasNA = true, !fits
}

// MustEnd reports whether a one-shot responder has sent its final answer, a refusal: it
// sends no other answer and drops all later bytes (R32).
func (s *State) MustEnd(oneShot bool) bool { return oneShot && s.LastWasNA }

// ListFits reports whether a list may be sent (R21).
func ListFits(names, size, maxNames, maxSize int) bool { return names <= maxNames && size <= maxSize }
