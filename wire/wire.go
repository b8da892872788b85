// Package wire is the codec of multistream-select 1.0: bytes to values and
// back, on byte slices, without I/O, without clocks and without policy.
//
// A message on the wire is a length, a text and a newline:
//
//	\x13 /multistream/1.0.0 \n
//	 |    |                  |
//	 |    text               always there, counted by the length
//	 length of text and newline, an unsigned varint, minimal
//
// [AppendMessage] writes one, [Consume] takes one off the front of a buffer,
// and [Length] tells how long the message will be as soon as its length has
// arrived. [AppendList] and [ParseList] do the same for the answer to "ls".
// [Transcript] is the notation in which this project writes conversations
// down.
//
// Encoding never validates: a conformance suite must be able to say nonsense.
// [CheckName] tells whether a name can be proposed at all; the multiselect
// package asks it at its edge. The rule numbers (R1…) are those of
// docs/protocol.md.
package wire

import (
	"errors"
	"fmt"
)

// The three texts with a meaning of their own.
const (
	Header = "/multistream/1.0.0" // the first message of both sides
	NA     = "na"                 // the answer "not available"
	LS     = "ls"                 // the request for a list of protocols
)

// HeaderFrame is the header as it stands on the wire.
const HeaderFrame = "\x13" + Header + "\n"

// Limits of the format itself. A caller passes its own, smaller ones.
const (
	// MaxMessage is the longest message that two length bytes can announce,
	// newline included (R7).
	MaxMessage = 1<<14 - 1
	// MaxList is the same for the three length bytes that only the answer to
	// "ls" may use (R21).
	MaxList = 1<<21 - 1
)

var (
	// ErrMalformed is wrapped by every error about bytes that are no message.
	ErrMalformed = errors.New("malformed message")
	// ErrTooLarge is wrapped when a message announces more than the limit.
	ErrTooLarge = errors.New("message too large")

	errEmpty     = fmt.Errorf("%w: length is zero", ErrMalformed)
	errMinimal   = fmt.Errorf("%w: length is not minimal", ErrMalformed)
	errNoNewline = fmt.Errorf("%w: no newline at the end", ErrMalformed)
)

// AppendMessage appends the message with the given text to b. It adds the
// length and the newline and checks nothing.
func AppendMessage(b []byte, text string) []byte {
	b = appendUvarint(b, len(text)+1)
	b = append(b, text...)
	return append(b, '\n')
}

// MessageSize returns how many bytes a message takes whose text has n bytes.
func MessageSize(n int) int { return prefixSize(n+1) + n + 1 }

// Length reads the length at the front of b. It returns how many bytes the
// length itself takes and how many follow it, newline included. Both are 0
// while the length is incomplete. A limit above [MaxMessage] allows a third
// length byte; one above [MaxList] is no different from MaxList.
//
// Enforces R6 (minimal), R7 (at most two bytes, or three for a list) and R8
// (never zero).
func Length(b []byte, limit int) (prefix, body int, err error) {
	limit = min(limit, MaxList) // also keeps prefix + body from overflowing
	for i, c := range b {
		body |= int(c&0x7f) << (7 * i)
		switch {
		case c == 0 && i == 0:
			return 0, 0, errEmpty
		case c == 0:
			return 0, 0, errMinimal
		case c >= 0x80 && i+1 < prefixSize(limit):
			continue
		case c >= 0x80:
			return 0, 0, fmt.Errorf("%w: its length has more than %d bytes", ErrTooLarge, i+1)
		case body > limit:
			return 0, 0, fmt.Errorf("%w: %d bytes announced, %d allowed", ErrTooLarge, body, limit)
		}
		return i + 1, body, nil
	}
	return 0, 0, nil
}

// Consume takes one message off the front of b. It returns its text, which
// aliases b, and how many bytes the message took. While b holds only a part
// of a message, n is 0 and err is nil. The limit counts the newline, not the
// length bytes.
//
// Enforces R5 (the newline is there), beside the rules of [Length].
func ConsumeMessage(b []byte, limit int) (text []byte, n int, err error) {
	prefix, body, err := Length(b, limit)
	n = prefix + body
	if err != nil || n == 0 || len(b) < n {
		return nil, 0, err
	}
	if b[n-1] != '\n' {
		return nil, 0, errNoNewline
	}
	return b[prefix : n-1], n, nil
}

// prefixSize returns how many bytes the minimal varint of n takes.
func prefixSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func appendUvarint(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
