package rules

import "github.com/multiselect/multiselect/wire"

// IsHeader reports whether the text of a message is the header, byte for byte (R2).
func IsHeader(text string) bool { return text == wire.Header }

// CanBeHeader reports whether the bytes that have arrived are the beginning of the header, or the
// header and more. Called after every read, it finds the first byte that differs (R3).
func CanBeHeader(arrived []byte) bool {
	n := min(len(arrived), len(wire.HeaderFrame))
	return string(arrived[:n]) == wire.HeaderFrame[:n]
}

// The header in two parts of sizes that compilers compare without a call.
const (
	headerFront = "\x13/multistream/1."
	headerBack  = "0.0\n"
)

// HasHeader reports whether b, which must have at least the length of [wire.HeaderFrame],
// begins with the header (R2).
func HasHeader(b []byte) bool {
	return string(b[:len(headerFront)]) == headerFront &&
		string(b[len(headerFront):len(wire.HeaderFrame)]) == headerBack
}
