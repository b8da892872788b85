// Package wire encodes and decodes the messages of multistream-select 1.0, on byte slices
// and without I/O.
//
// A message on the wire is a length, a text and a newline:
//
//	\x13 /multistream/1.0.0 \n
//	 |    |                  |
//	 |    text               required, counted by the length
//	 length of text and newline, an unsigned varint, minimal
//
// [AppendMessage] encodes a message, and [ConsumeMessage] decodes the first one of a
// buffer, whose size [Length] returns as soon as its length has arrived. [AppendList] and
// [ParseList] encode and decode the answer to "ls".
//
// Encoding does not validate, since a conformance suite must send invalid messages.
// [CheckName] checks the names that package multiselect registers and proposes. Rules
// (R1 and so on) are numbered as in docs/protocol.md.
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

// HeaderFrame is the header as a message on the wire.
const HeaderFrame = "\x13" + Header + "\n"

// The limits of the format, in bytes, newline included and length bytes excluded. Callers
// mostly pass smaller ones.
const (
	MaxMessage = 1<<14 - 1 // of a message, which has two length bytes at most (R7)
	MaxList    = 1<<21 - 1 // of an answer to "ls", which may have three (R21)
)

var (
	// ErrMalformed means that bytes are not a message. Errors of this package wrap it.
	ErrMalformed = errors.New("malformed message")
	// ErrTooLarge means that a message or a list exceeds the limit. Errors of this package wrap it.
	ErrTooLarge = errors.New("message too large")

	errEmpty     = fmt.Errorf("%w: length is zero", ErrMalformed)
	errMinimal   = fmt.Errorf("%w: length is not minimal", ErrMalformed)
	errNoNewline = fmt.Errorf("%w: no newline at the end", ErrMalformed)
)

// AppendMessage appends the message with the given text to b: the length, the text and the
// newline. It does not validate the text.
func AppendMessage(b []byte, text string) []byte {
	b = appendUvarint(b, len(text)+1)
	b = append(b, text...)
	return append(b, '\n')
}

// MessageSize returns the size in bytes of a message whose text has n bytes.
func MessageSize(n int) int { return prefixSize(n+1) + n + 1 }

// Length decodes the length at the start of b. It returns the number of length bytes, and of the
// bytes after them, newline included. Both are 0 while the length is incomplete. A limit above
// [MaxMessage] allows a third length byte; one above [MaxList] counts as MaxList.
//
// The length must be minimal (R6), have at most two bytes, or three for a list (R7), and must not
// be zero (R8).
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

// ConsumeMessage decodes the message at the start of b. It returns its text, which aliases
// b, and its size in bytes. While b holds only a part of a message, n is 0 and err is nil.
// The limit counts the newline and not the length bytes.
//
// The message must end with a newline (R5), and its length must be as [Length] demands.
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
