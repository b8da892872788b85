package rules

import "github.com/multiselect/multiselect/wire"

// Ask counts a question of the given size, an "ls" or a proposal. Bytes that are pending
// before it answer no question (R14).
func (s *State) Ask(size, pending, maxBytes int) Fault {
	if pending > 0 {
		return EarlyAnswer
	}
	return s.Send(size, maxBytes)
}

// Propose counts a proposal of the given size (R27, R14).
func (s *State) Propose(size, pending, maxProposals, maxBytes int) Fault {
	if int(s.Proposals) >= maxProposals {
		return TooManyProposals
	}
	if f := s.Ask(size, pending, maxBytes); f != NoFault {
		return f
	}
	s.Proposals++
	return NoFault
}

// Verdict is the meaning of an answer to a proposal.
type Verdict uint8

const (
	Incomplete Verdict = iota // not decided: bytes are missing, or the codec must read them
	Refused                   // "na": another protocol may be proposed
	Agreed                    // the echo: from here on the stream is the protocol's
	Violated                  // any other answer: the conversation ends
)

// Judge returns the meaning of the text that answers a proposal. Only the exact echo agrees
// (R13), and only "na" refuses. If another text counted as a refusal, each later answer
// would be read as the answer to the wrong question (R14).
func Judge(answer []byte, proposed string) Verdict {
	switch {
	case string(answer) == proposed: // without a copy
		return Agreed
	case string(answer) == wire.NA:
		return Refused
	}
	return Violated
}

// JudgeFrame recognizes the two usual answers as complete messages on the wire: the echo
// and "na". All other bytes are Incomplete, also other messages: the codec and [Judge] decide.
func JudgeFrame(message []byte, proposed string) Verdict {
	switch {
	case string(message) == NAFrame:
		return Judge(message[1:len(message)-1], proposed)
	case len(message) == len(proposed)+2 && IsEcho(message, proposed):
		return Agreed
	}
	return Incomplete
}

// IsEcho reports whether a message, which must have the size of the proposal, is the
// proposal (R13). It compares without a call, since names are short.
func IsEcho(message []byte, proposed string) bool {
	last := len(message) - 1
	if int(message[0]) != last || message[last] != '\n' {
		return false
	}
	text := message[1:last]
	proposed = proposed[:len(text)]
	for i := range text {
		if text[i] != proposed[i] {
			return false
		}
	}
	return true
}

// JudgeList returns the meaning of the text that answers "ls" (R22): Agreed with the list, in any
// dialect, Refused, or Violated. A repeated header or "ls", which is also a list of one name, is a
// violation. A list with too many names is a violation whose error wraps [wire.ErrTooLarge] (R21).
func JudgeList(answer []byte, maxNames int) (wire.List, Verdict, error) {
	switch string(answer) {
	case wire.NA:
		return wire.List{}, Refused, nil
	case wire.Header, wire.LS:
		return wire.List{}, Violated, wire.ErrNotList
	}
	list, err := wire.ParseList(answer, maxNames)
	if err != nil {
		return wire.List{}, Violated, err
	}
	return list, Agreed, nil
}

// Proposed returns the state of a lazy initiator, which sends the header and its only
// proposal, a message of the given size, before it reads (R30).
func Proposed(size int) State {
	return State{HeaderSent: true, Proposals: 1, Sent: int32(size)}
}

// AnswerEnd returns the offset after which no byte belongs to the answer of a lazy
// initiator (R12). That is echoEnd for the echo; any other message that has begun to
// arrive may end later.
func AnswerEnd(arrived []byte, echoEnd, maxMessage int) int {
	const header = len(wire.HeaderFrame)
	if len(arrived) <= header || !HasHeader(arrived) {
		return echoEnd
	}
	prefix, body, _ := wire.Length(arrived[header:], maxMessage)
	return max(echoEnd, header+prefix+body)
}
