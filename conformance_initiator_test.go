package multiselect_test

import (
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Here the library is the initiator, and the peer answers.

func TestInitiatorAgrees(t *testing.T) {
	conform(t, multiselect.Initiator, initiatorUsages, agreedCases)
}

func TestInitiatorIsLeft(t *testing.T) {
	conform(t, multiselect.Initiator, initiatorUsages, abandonedCases)
}

func TestInitiatorMeetsStrangers(t *testing.T) {
	conform(t, multiselect.Initiator, initiatorUsages, strangeAnswerCases)
}

func TestInitiatorMeetsWrongAnswers(t *testing.T) {
	conform(t, multiselect.Initiator, initiatorUsages, wrongAnswerCases)
}

var agreedCases = []conversation{
	{id: "I04", why: "the header comes before anything is said", talk: `
		< /multistream/1.0.0
		> /multistream/1.0.0
		> /foo/1.0.0
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA},
	{id: "I06", why: "the header is held for the answer", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "I07", why: "data behind the answer", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA},
	{id: "I07", why: "data that looks like the negotiation", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< /foo/1.0.0
		< na
		< /bar/2.0.0
		< /multistream/1.0.0
	`, agreed: protocolA},
	{id: "I09", why: "refused, then accepted", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		> /bar/2.0.0
		< /bar/2.0.0
		<! "hello"
	`, agreed: protocolB},
	{id: "I09", why: "the same, the header in a write of its own", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0

		< na
		> /bar/2.0.0
		< /bar/2.0.0
	`, agreed: protocolB},
	{id: "I10", why: "the order of preference is kept", protocols: []string{"/e", "/d", "/a", "/c", "/b"}, talk: `
		> /multistream/1.0.0
		> /e
		< /multistream/1.0.0
		< na
		> /d
		< na
		> /a
		< na
		> /c
		< na
		> /b
		< /b
	`, agreed: "/b"},
	{id: "I32", why: "a peer that proposes the same looks like one that agrees", talk: `
		< /multistream/1.0.0
		< /foo/1.0.0
		> /multistream/1.0.0
		> /foo/1.0.0
	`, agreed: protocolA},
	{id: "I52", why: "an answer of 1024 bytes", protocols: []string{"/" + strings.Repeat("x", 1022)}, talk: `
		> /multistream/1.0.0
		> /` + strings.Repeat("x", 1022) + `
		< /multistream/1.0.0
		< /` + strings.Repeat("x", 1022) + `
		<! "hello"
	`, agreed: "/" + strings.Repeat("x", 1022)},
}

var both = []string{protocolA, protocolB}

// The peer refuses, or goes away; that is nobody's fault.
var abandonedCases = []conversation{
	{id: "I11", why: "all is refused", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		> /bar/2.0.0
		< na
	`, fails: &failure{cause: multiselect.ErrNotSupported, phase: multiselect.PhaseProposal, protocols: both}},
	{id: "I13", why: "the end at once", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
	`, then: leaves, fails: &failure{cause: io.EOF, protocols: both[:1]}},
	{id: "I13", why: "a reset at once", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
	`, then: resets, fails: &failure{cause: syscall.ECONNRESET, protocols: both[:1]}},
	{id: "I13", why: "the end within the header", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		<! "\x13/multi"
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, received: "\x13/multi", protocols: both[:1]}},
	{id: "I13", why: "the end after the header", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal, protocols: both[:1]}},
	{id: "I13", why: "the end within the answer", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		<! "\x0b/foo/"
	`, then: leaves, fails: &failure{
		cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal,
		received: "\x0b/foo/", protocols: both[:1],
	}},
	{id: "I13", why: "the end after a refusal", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		> /bar/2.0.0
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal, protocols: both}},
}

// stranger is notHeader for an initiator.
func stranger(received string) *failure {
	f := notHeader(received)
	f.protocols = both[:1]
	return f
}

var strangeAnswerCases = []conversation{
	{id: "I14", why: "header 1.1.0, and then nothing", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.1.0
	`, fails: stranger("\x13/multistream/1.1")},
	{id: "I14", why: "header 1.1.0, and the echo", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.1.0
		< /foo/1.0.0
	`, fails: stranger("\x13/multistream/1.1")},
	{id: "I14", why: "header 2.0.0", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/2.0.0
	`, fails: stranger("\x13/multistream/2")},
	{id: "I16", why: "the echo without a header", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /foo/1.0.0
	`, fails: stranger("\x0b")},
	{id: "I17", why: "na without a header", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< na
	`, fails: stranger("\x03")},
	{id: "I29", why: "a header whose length has no end", talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		<! "` + strings.Repeat(`\x80`, 4096) + `"
	`, fails: stranger("\x80")},
}

// unexpected is an answer that is neither the echo nor na.
func unexpected(answer string) *failure {
	return &failure{
		cause: multiselect.ErrUnexpectedAnswer, phase: multiselect.PhaseProposal,
		blame: multiselect.BlamePeer, received: messages(answer), protocols: both[:1],
	}
}

// brokenAnswer is malformed or tooLarge for an initiator.
func brokenAnswer(f *failure) *failure {
	f.protocols = both[:1]
	return f
}

// answered is the talk in which the first proposal gets a certain answer.
func answered(line string) string {
	return `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		` + line + `
	`
}

var wrongAnswerCases = []conversation{
	{id: "I19", why: "another protocol", talk: answered(`< /zzz`), fails: unexpected("/zzz")},
	{id: "I19", why: "the protocol that comes next", talk: answered(`< /bar/2.0.0`), fails: unexpected(protocolB)},
	{id: "I21", why: "na in upper case", talk: answered(`< NA`), fails: unexpected("NA")},
	{id: "I21", why: "na and a space", talk: answered(`< "na "`), fails: unexpected("na ")},
	{id: "I22", why: "a list", talk: answered("<\n    /foo/1.0.0"), fails: unexpected("\x0b/foo/1.0.0\n")},
	{id: "I23", why: "the echo and a space", talk: answered(`< "/foo/1.0.0 "`), fails: unexpected("/foo/1.0.0 ")},
	{id: "I23", why: "the echo and a newline", talk: answered(`< "/foo/1.0.0\n"`), fails: unexpected("/foo/1.0.0\n")},
	{
		id: "I25", why: "the echo without newline", talk: answered(`<! "\x0a/foo/1.0.0"`),
		fails: brokenAnswer(malformed("\x0a/foo/1.0.0")),
	},
	{id: "I26", why: "an empty answer", talk: answered(`< ""`), fails: unexpected("")},
	{id: "I26", why: "an answer of no bytes", talk: answered(`<! "\x00"`), fails: brokenAnswer(malformed("\x00"))},
	{
		id: "I28", why: "an answer of 1025 bytes", talk: answered(`< /` + strings.Repeat("x", 1023)),
		fails: brokenAnswer(tooLarge("\x81\x08")),
	},
	{
		id: "I29", why: "a huge length", talk: answered(`<! "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"`),
		fails: brokenAnswer(tooLarge("\xff\xff")),
	},
	{
		id: "I29", why: "a length without end", talk: answered(`<! "` + strings.Repeat(`\x80`, 4096) + `"`),
		fails: brokenAnswer(tooLarge("\x80\x80")),
	},
	{
		id: "I29", why: "a length that is not minimal", talk: answered(`<! "\x8b\x00/foo/1.0.0\n"`),
		fails: brokenAnswer(malformed("\x8b\x00")),
	},
	{id: "I42", why: "the header said again", talk: answered(`< ` + wire.Header), fails: unexpected(wire.Header)},
	{
		id: "I42", why: "the header said again, and the echo", talk: answered("< " + wire.Header + "\n< /foo/1.0.0"),
		fails: unexpected(wire.Header),
	},
}
