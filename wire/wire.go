// Package wire is the codec of multistream-select 1.0: it converts between values
// and bytes, on byte slices, without I/O, clocks or policy.
//
// A message on the wire is a length, a text and a newline:
//
//	\x13 /multistream/1.0.0 \n
//	 |    |                  |
//	 |    text               mandatory, included in the length
//	 length of text and newline, an unsigned varint, minimal
//
// [AppendMessage] encodes a message. [ConsumeMessage] decodes the first message of a
// buffer, and [Length] returns the size of a message as soon as its length has
// arrived. [AppendList] and [ParseList] encode and decode the answer to "ls".
//
// Encoding does not validate, because a conformance suite has to send invalid
// messages too. [CheckName] checks whether a name can be proposed; package
// multiselect calls it for every name that it registers or proposes.
//
// All functions may be called concurrently. The rule numbers (R1 to R32) are those of
// docs/protocol.md. Package transcript has a notation for conversations.
package wire

import (
	"errors"
	"fmt"
)

// The three reserved messages. They cannot be names of protocols.
const (
	Header = "/multistream/1.0.0" // the first message of both sides
	NA     = "na"                 // the answer "not available"
	LS     = "ls"                 // the request for a list of protocols
)

// HeaderFrame is the encoded header, with its length and newline.
const HeaderFrame = "\x13" + Header + "\n"

// The limits of the format in bytes, newline included and length excluded. Callers usually pass
// smaller ones.
const (
	MaxMessage = 1<<14 - 1 // of a message, whose length has at most two bytes (R7)
	MaxList    = 1<<21 - 1 // of an answer to "ls", whose length may have three (R21)
)

var (
	// ErrMalformed is wrapped by the errors for bytes that are no message.
	ErrMalformed = errors.New("malformed message")
	// ErrTooLarge is wrapped by the errors for a message or a list above the limit.
	ErrTooLarge = errors.New("message too large")

	errEmpty     = fmt.Errorf("%w: length is zero", ErrMalformed)
	errMinimal   = fmt.Errorf("%w: length is not minimal", ErrMalformed)
	errNoNewline = fmt.Errorf("%w: no newline at the end", ErrMalformed)
)

// AppendMessage appends the message with a text to b and returns the extended slice.
// It adds the length and the newline. It does not check the text.
func AppendMessage(b []byte, text string) []byte {
	b = appendUvarint(b, len(text)+1)
	b = append(b, text...)
	return append(b, '\n')
}

// MessageSize returns the size in bytes of a message whose text has n bytes, with its
// length and newline.
func MessageSize(n int) int { return prefixSize(n+1) + n + 1 }

// Length decodes the length at the start of b. It returns the number of bytes of the length itself
// and the number of bytes that follow it, newline included. Both are 0, without an error, while the
// length is incomplete. The limit is the largest number of following bytes: above [MaxMessage] it
// allows a third length byte, and it is at most [MaxList]. The error wraps [ErrMalformed] or
// [ErrTooLarge].
// It enforces R6 (minimal), R7 (at most two bytes, or three for a list) and R8 (never zero).
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

// ConsumeMessage decodes the message at the start of b. It returns the text, which aliases b, and
// the size n of the message in bytes. If b holds only a part of a message, n is 0 and err is nil.
// The limit bounds the text and its newline, without the length. The error wraps [ErrMalformed] or
// [ErrTooLarge]. It enforces R5 (the newline is mandatory) and the rules of [Length].
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

// prefixSize returns the size in bytes of the minimal varint of n.
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
