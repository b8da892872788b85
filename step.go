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

// usualFlight returns the name in what nearly all negotiations consist of, there
// and back: the header and one message, of less than 128 bytes. It returns nil
// if that is not what has arrived, or not all. A responder who knows the name
// answers with the same bytes: there is only one way to write them (R6).
func usualFlight(arrived []byte) (name []byte) {
	const length = len(wire.HeaderFrame) // where the proposal's stands
	last := len(arrived) - 1
	if last <= length+1 || int(arrived[length]) != last-length || arrived[length] >= 0x80 ||
		arrived[last] != '\n' || string(arrived[:length]) != wire.HeaderFrame {
		return nil
	}
	return arrived[length+1 : last]
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
