package multiselect_test

import (
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
)

// Here the library is the responder, and the peer proposes.

func TestResponderAccepts(t *testing.T) {
	conform(t, multiselect.Responder, responderUsages, acceptedCases)
}

func TestResponderRefuses(t *testing.T) {
	conform(t, multiselect.Responder, responderUsages, refusedCases)
}

func TestResponderIsLeft(t *testing.T) { conform(t, multiselect.Responder, responderUsages, leftCases) }

var acceptedCases = []conversation{
	{id: "R03", why: "plain success, header and proposal one after the other", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		> /foo/1.0.0
		< /foo/1.0.0
		>! "hello"
	`, agreed: protocolA},
	{id: "R03", why: "the same in two writes, without waiting for the header", talk: `
		> /multistream/1.0.0

		> /foo/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
		>! "hello"
	`, agreed: protocolA},
	{id: "R04", why: "success in one write", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
		>! "hello"
	`, agreed: protocolA},
	{id: "R10", why: "data behind the proposal, and the end", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		>! "hello"
		< /multistream/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA, then: leavesNow},
	{id: "R12", why: "data that looks like the negotiation", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		> /bar/2.0.0
		> na
		> ls
		> /multistream/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R13", why: "the echo stands before what the handler says at once", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R53", why: "a known name without a slash", talk: `
		> /multistream/1.0.0
		> svc/raw
		>! "hello"
		< /multistream/1.0.0
		< svc/raw
	`, agreed: plainName},
	{id: "R50", why: "a name whose length is a newline is echoed as it came", talk: `
		> /multistream/1.0.0
		> /foo/bar1
		>! "hello"
		< /multistream/1.0.0
		< /foo/bar1
	`, agreed: newlineName},
	{id: "R56", why: "a length of two bytes", talk: `
		> /multistream/1.0.0
		> ` + twoByteName + `
		>! "hello"
		< /multistream/1.0.0
		< ` + twoByteName + `
	`, agreed: twoByteName},
	{id: "R71", why: "a request and half-close: the reply arrives", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		> /foo/1.0.0
		>! "request"
		< /foo/1.0.0
	`, agreed: protocolA, then: leavesNow},
}

var refusedCases = []conversation{
	{id: "R15", why: "refused, then accepted", talk: `
		> /multistream/1.0.0
		> /nope
		< /multistream/1.0.0
		< na
		> /foo/1.0.0
		>! "hello"
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R16", why: "a pipelined proposal is refused, the next accepted", talk: `
		> /multistream/1.0.0
		> /nope
		> /foo/1.0.0
		>! "hello"
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R17", why: "the token of simultaneous connect is a name like others", talk: `
		> /multistream/1.0.0
		> /libp2p/simultaneous-connect
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R37", why: "the header said again is a name like others", talk: `
		> /multistream/1.0.0
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R45", why: "a known name and a newline more", talk: `
		> /multistream/1.0.0
		> "/foo/1.0.0\n"
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R46", why: "a known name and a space, tab, carriage return, NUL", talk: `
		> /multistream/1.0.0
		> "/foo/1.0.0 "
		> "/foo/1.0.0\t"
		> "/foo/1.0.0\r"
		> "/foo/1.0.0\x00"
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< na
		< na
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R48", why: "near misses", talk: `
		> /multistream/1.0.0
		> /FOO/1.0.0
		> /foo/1.0.0/
		> /foo/1.0
		> /foo/1.0.00
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< na
		< na
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R51", why: "unknown names whose versions are not semantic", talk: `
		> /multistream/1.0.0
		> /a
		< /multistream/1.0.0
		< na
		> /x/1.0
		< na
		> /x/1.0.0-rc1
		< na
		> /x/v1.2.3
		< na
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R52", why: "an unknown name without a slash, an empty one, and na", talk: `
		> /multistream/1.0.0
		> nope
		> ""
		> na
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< na
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R54", why: "a name that is not UTF-8", talk: `
		> /multistream/1.0.0
		> "/\xff\xfe"
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R58", why: "a message of 1024 bytes", talk: `
		> /multistream/1.0.0
		> /` + strings.Repeat("x", 1022) + `
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R73", why: "an initiator that does not wait is refused, and its data is not", talk: `
		> /multistream/1.0.0
		> /nope
		> /bar/2.0.0
		>! "data"
		< /multistream/1.0.0
		< na
		< /bar/2.0.0
	`, agreed: protocolB},
}

// The peer goes away; that is nobody's fault.
var leftCases = []conversation{
	{id: "R20", why: "the end after a refusal", talk: `
		> /multistream/1.0.0
		> /nope
		< /multistream/1.0.0
		< na
	`, then: leaves, fails: &failure{cause: multiselect.ErrGaveUp, phase: multiselect.PhaseProposal}},
	{id: "R20", why: "something else after a refusal", talk: `
		> /multistream/1.0.0
		> /nope
		< /multistream/1.0.0
		< na
		>! "\x00GET / HTTP/1.1\r\n"
	`, fails: &failure{cause: multiselect.ErrGaveUp, phase: multiselect.PhaseProposal, received: "\x00"}},
	{id: "R21", why: "the end after the header", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal}},
	{id: "R21", why: "the end within the header", talk: `
		>! "\x13/multi"
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, received: "\x13/multi"}},
	{id: "R22", why: "the end at once", talk: ``, then: leaves, fails: &failure{cause: io.EOF}},
	{id: "R23", why: "a reset at once", talk: ``, then: resets, fails: &failure{cause: syscall.ECONNRESET}},
	{id: "R67", why: "the end within a proposal", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		>! "\x0b/foo/"
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal, received: "\x0b/foo/"}},
	{id: "R67", why: "the end within a length", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		>! "\xca"
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal, received: "\xca"}},
}
