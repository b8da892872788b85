package rules

// End is the way in which the bytes of a peer have ended before an agreement.
type End uint8

const (
	EndHere      End = iota // this side has ended it: a timeout, a Close, an impossible Read
	EndPeer                 // the stream has ended or was reset
	EndMalformed            // a message is malformed or too large
)

// HasGivenUp reports whether such an end means that the initiator has given up:
// after a refusal its leaving is an outcome, and neither side's fault (R18).
// Bytes that are no message are early data of a lazy initiator then.
func (s *State) HasGivenUp(e End) bool { return s.LastWasNA && e != EndHere }

// MayIgnoreWriteError reports whether a responder may go on after a write failed
// because its peer has stopped reading. The peer may have sent its proposal and
// its data before, so an agreement still counts. After a refusal or a list the
// peer must have received the answer to know what is agreed (R17).
func (s *State) MayIgnoreWriteError() bool { return !s.Answered }
