package multiselect

import (
	"errors"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// This file holds every decision of the protocol, for both roles: pure
// functions on bytes and names. No stream, no clock, no lock, no table. What
// surrounds them (communicator.go, client.go, muxer.go) reads, asks, writes.

// IsValidHandshake reports whether the text of a message is the header. It is
// compared byte for byte: no other version, no white space (R2).
func IsValidHandshake(contents string) bool { return contents == wire.Header }

// headerPossible reports whether what has arrived so far can become the
// header. It is asked after every read, so that the first wrong byte is also
// the last one that is waited for (R3).
func headerPossible(arrived []byte) bool {
	n := min(len(arrived), len(wire.HeaderFrame))
	return string(arrived[:n]) == wire.HeaderFrame[:n]
}

// The header in two parts that compilers compare like numbers, without a call.
const (
	headerFront = "\x13/multistream/1."
	headerBack  = "0.0\n"
)

// usualFlight recognises what nearly all negotiations consist of, there and
// back: one short message, behind the header if that was not there before. The
// header's bytes are those in front of the message, none or all. It returns the
// text, and nil for everything that is to be looked at more closely; then missing
// says how many bytes the message lacks, if it lacks nothing else.
//
// A responder who knows the name answers with the same bytes: there is only one
// way to write them (R6).
func usualFlight(arrived []byte, header int) (text []byte, missing int) {
	if len(arrived) < header+2 || header > 0 && !(string(arrived[:16]) == headerFront && string(arrived[16:header]) == headerBack) {
		return nil, 0
	}
	last := header + int(arrived[header])
	switch {
	case arrived[header] < 2 || arrived[header] >= 0x80 || len(arrived) > last+1:
		return nil, 0
	case len(arrived) <= last:
		return nil, last + 1 - len(arrived)
	case arrived[last] != '\n':
		return nil, 0
	}
	return arrived[header+1 : last], 0
}

// reply is what a responder says to one message.
type reply uint8

const (
	replyNA   reply = iota // not available; the initiator may go on
	replyEcho              // agreed: the text is said back, byte for byte
	replyList              // the names that may be proposed
)

// replyTo decides what a responder says to the message text.
//
//   - registered: the text is a name that has a handler, at this moment.
//   - behind: bytes that follow the message have been read already. They may be
//     the protocol's, and cannot be given back, so the name is refused (R12).
//   - listing: this responder answers "ls" with a list, and has not yet done so
//     too often (R19, R23).
//
// Everything else is answered "na", exactly once: unknown names of any shape
// (R10), the header said again (R4), and "na" itself.
func replyTo(text []byte, registered, behind, listing bool) reply {
	switch {
	case string(text) == wire.LS && listing:
		return replyList
	case registered && !behind:
		return replyEcho
	}
	return replyNA
}

// verdict is what an answer means to the initiator.
type verdict uint8

const (
	refused  verdict = iota // "na": another protocol may be proposed
	agreed                  // the echo: the stream is the protocol's from here
	violated                // anything else ends the negotiation
)

// judge decides what the answer to one proposal means. Only the exact echo
// agrees (R13), only "na" refuses, and nothing else counts as a refusal (R14):
// whoever takes it for one reads every later answer as the answer to the wrong
// question.
func judge(answer []byte, proposed string) verdict {
	switch {
	case string(answer) == proposed: // no copy, whatever the length
		return agreed
	case string(answer) == wire.NA:
		return refused
	}
	return violated
}

// judgeList does the same for the answer to "ls" (R22): nil is a list, and
// [ErrNotSupported] a refusal. The header said again and the request echoed read
// as joined lists of one name, and are neither. A list with too many names is
// [ErrTooLarge] (R21).
func judgeList(answer []byte, names int) (wire.List, error) {
	switch string(answer) {
	case wire.NA:
		return wire.List{}, ErrNotSupported
	case wire.Header, wire.LS:
		return wire.List{}, ErrUnexpectedAnswer
	}
	list, err := wire.ParseList(answer, names)
	if errors.Is(err, wire.ErrNotList) {
		err = ErrUnexpectedAnswer
	}
	return list, err
}

// majorOf splits a name that ends in a version of one, two or three numbers,
// and returns the name up to the first of them: "/foo/1" for "/foo/1.4.2". No
// number has a leading zero.
func majorOf(name string) (major string, ok bool) {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return "", false
	}
	numbers := strings.Split(name[slash+1:], ".")
	for _, n := range numbers {
		if n == "" || len(n) > 1 && n[0] == '0' || strings.Trim(n, "0123456789") != "" {
			return "", false
		}
	}
	return name[:slash+1+len(numbers[0])], len(numbers) <= 3
}
