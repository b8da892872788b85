package multiselect_test

import (
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
)

// Here the library is the responder, and the peer speaks something else, or
// badly. The responder selects nothing, says no more, and ends the stream.

func TestResponderMeetsStrangers(t *testing.T) {
	conform(t, multiselect.Responder, responderUsages, strangerCases)
}

func TestResponderMeetsBrokenMessages(t *testing.T) {
	conform(t, multiselect.Responder, responderUsages, brokenCases)
}

// notHeader: the first wrong byte of the header is the last of received.
func notHeader(received string) *failure {
	return &failure{cause: multiselect.ErrNotMultistream, blame: multiselect.BlamePeer, received: received}
}

func malformed(received string) *failure {
	return &failure{
		cause: multiselect.ErrMalformed, phase: multiselect.PhaseProposal,
		blame: multiselect.BlamePeer, received: received,
	}
}

func tooLarge(received string) *failure {
	f := malformed(received)
	f.cause = multiselect.ErrTooLarge
	return f
}

var strangerCases = []conversation{
	{id: "R31", why: "no header", talk: `
		> /foo/1.0.0
	`, fails: notHeader("\x0b")},
	{id: "R32", why: "header 1.1.0", talk: `
		> /multistream/1.1.0
		> /foo/1.0.0
	`, fails: notHeader("\x13/multistream/1.1")},
	{id: "R33", why: "header 2.0.0", talk: `
		> /multistream/2.0.0
		> /foo/1.0.0
	`, fails: notHeader("\x13/multistream/2")},
	{id: "R34", why: "ls without a header", talk: `
		> ls
	`, fails: notHeader("\x03")},
	{id: "R36", why: "a header without newline", talk: `
		>! "\x12/multistream/1.0.0"
		> /foo/1.0.0
	`, fails: notHeader("\x12")},
	{id: "R36", why: "a header with something in place of the newline", talk: `
		>! "\x13/multistream/1.0.0 "
		> /foo/1.0.0
	`, fails: notHeader("\x13/multistream/1.0.0 ")},
	{id: "R39", why: "an HTTP client", talk: `
		>! "GET / HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n"
	`, fails: notHeader("G")},
	{id: "R40", why: "a TLS client", talk: `
		>! "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
	`, fails: notHeader("\x16")},
	{id: "R63", why: "a header whose length is not minimal", talk: `
		>! "\x93\x00/multistream/1.0.0\n"
		> /foo/1.0.0
	`, fails: notHeader("\x93")},
}

var brokenCases = []conversation{
	{id: "R41", why: "a message of no bytes", talk: `
		> /multistream/1.0.0
		>! "\x00"
		> /foo/1.0.0
		< /multistream/1.0.0
	`, fails: malformed("\x00")},
	{id: "R41", why: "a message of no bytes, when the header is answered", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		>! "\x00"
	`, fails: malformed("\x00")},
	{id: "R43", why: "no newline at the end", talk: `
		> /multistream/1.0.0
		>! "\x04/foo"
		< /multistream/1.0.0
	`, fails: malformed("\x04/foo")},
	{id: "R59", why: "a message of 1025 bytes", talk: `
		> /multistream/1.0.0
		> /` + strings.Repeat("x", 1023) + `
		< /multistream/1.0.0
	`, fails: tooLarge("\x81\x08")},
	{id: "R60", why: "a huge length", talk: `
		> /multistream/1.0.0
		>! "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
		< /multistream/1.0.0
	`, fails: tooLarge("\xff\xff")},
	{id: "R62", why: "a length without end", talk: `
		> /multistream/1.0.0
		>! "` + strings.Repeat(`\x80`, 4096) + `"
		< /multistream/1.0.0
	`, fails: tooLarge("\x80\x80")},
	{id: "R64", why: "a proposal whose length is not minimal", talk: `
		> /multistream/1.0.0
		>! "\x8b\x00/foo/1.0.0\n"
		< /multistream/1.0.0
	`, fails: malformed("\x8b\x00")},
}
