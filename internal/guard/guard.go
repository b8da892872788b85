// Package guard decides which early data a lazy stream may send: bytes of its own protocol that are
// sent before the peer has agreed to it (R29). The header and the proposal are sent first; data
// that the guard refuses waits for the answer.
//
// A responder that refuses the protocol keeps reading, and reads the early data as messages of the
// negotiation. None of them may be a proposal on which it acts. The guard therefore reads early
// data as the most liberal responder would: as messages of any size, each after a length of one to
// four bytes, minimal or not, where a length of zero is skipped. A responder acts only on a
// complete message, and most only if it ends with a newline. The guard refuses
//
//   - the byte that completes a message which ends with a newline or begins with a
//     slash, since a responder could act on that message;
//   - the fifth byte of a length, or the second byte of a length of zero, since
//     responders read such lengths in different ways.
//
// docs/protocol.md states the claim, its assumptions and the proof; the tests of this package try
// to break it.
package guard

// State is a position in early data, as the guard reads it. The zero value is the
// position after the proposal. A State is a plain value: it can be copied and compared.
type State struct {
	position    position
	lengthBytes uint8  // number of length bytes sent
	length      uint32 // value of these bytes; inside a body, the number of bytes still to come
}

// position is the part of a message to which the next byte belongs.
type position uint8

const (
	inLength position = iota
	atBody            // the first byte of the body
	inBody            // a later byte of the body
	inName            // a later byte of a body that begins with a slash
)

// maxLengthBytes is the size up to which all responders read a length as one number.
// Some of them drop the bits of longer ones that do not fit into 32 bits.
const maxLengthBytes = 4

// After reports whether all of p may be sent next, and returns the state after p, or s if p
// may not be sent.
//
// Each prefix of data that may be sent may also be sent alone. A caller accounts for a
// short write by calling After again with the bytes that were written.
func (s State) After(p []byte) (next State, ok bool) {
	if n := len(p); s == (State{}) && n > 1 && n < 0x80 && int(p[0]) == n-1 && p[1] != '/' && p[n-1] != '\n' {
		return s, true // one complete small message, the most common request
	}
	next = s
	for len(p) > 0 {
		n, ok := 1, false
		if next.position == inLength {
			ok = next.advanceLength(p[0])
		} else {
			n, ok = next.advanceBody(p)
		}
		if !ok {
			return s, false
		}
		p = p[n:]
	}
	return next, true
}

// advanceLength moves s past the next byte of a length, and reports whether that byte may be sent.
func (s *State) advanceLength(b byte) (ok bool) {
	if s.lengthBytes == 0 && b == 0 {
		return true // a length of zero: skipped by some responders, an error for the others
	}
	if s.lengthBytes == maxLengthBytes {
		return false
	}
	s.length |= uint32(b&0x7f) << (7 * s.lengthBytes)
	s.lengthBytes++
	if b < 0x80 {
		s.position = atBody
		return s.length > 0
	}
	return true
}

// advanceBody moves s past the bytes of p that belong to the body, and returns their
// number. It reports whether they may be sent.
func (s *State) advanceBody(p []byte) (n int, ok bool) {
	if s.position == atBody {
		s.position = inBody
		if p[0] == '/' {
			s.position = inName
		}
	}
	n = min(len(p), int(s.length))
	s.length -= uint32(n)
	if s.length > 0 {
		return n, true
	}
	ok = s.position == inBody && p[n-1] != '\n'
	*s = State{}
	return n, ok
}
