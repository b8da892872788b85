package rules

// End is the way in which the bytes of a peer have ended before an agreement.
type End uint8

const (
	EndHere      End = iota // on this side: a timeout, a Close, an impossible count of Read
	EndPeer                 // the stream has ended or was reset
	EndMalformed            // a message is malformed or too large
)

// HasGivenUp reports whether such an end means that the initiator has given up, which after
// a refusal is neither side's fault (R18). Malformed bytes are then the early data of a
// lazy initiator.
func (s *State) HasGivenUp(e End) bool { return s.LastWasNA && e != EndHere }

// HasListed reports whether such an end follows a list, which is what the peer has asked for (R19).
func (s *State) HasListed(e End) bool { return s.Answered && !s.LastWasNA && e == EndPeer }

// MayIgnoreWriteError reports whether a responder may continue after a write has failed
// because its peer has stopped reading. The peer may have sent its proposal and its data
// before, so an agreement still counts. After a refusal or a list the peer needs the answer
// to know which protocol is agreed (R17).
func (s *State) MayIgnoreWriteError() bool { return !s.Answered }
