package multiselect_test

import (
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
)

// Here there is too much of something, or nothing at all.

func TestResponderLimits(t *testing.T) {
	conform(t, multiselect.Responder, responderUsages, limitCases)
}

func TestInitiatorSaysNothing(t *testing.T) {
	conform(t, multiselect.Initiator, initiatorUsages[:2], unsaidCases)
}

func TestInitiatorSaysEachOnce(t *testing.T) {
	conform(t, multiselect.Initiator, initiatorUsages[:2], onceCases)
}

// refusals is the talk in which a name is refused that often, each time before
// it is proposed again.
func refusals(count int, name string) string {
	return `
		> /multistream/1.0.0
		< /multistream/1.0.0
		` + strings.Repeat("> "+name+"\n< na\n", count)
}

// overLimit is what the responder says of a peer that asks too much.
var overLimit = &failure{
	cause: multiselect.ErrLimit, phase: multiselect.PhaseProposal,
	blame: multiselect.BlamePeer, leftover: true,
}

var limitCases = []conversation{
	{
		id: "R18", why: "the last proposal that is allowed is accepted", long: true,
		talk: refusals(127, "/nope") + `
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA,
	},
	{
		id: "R18", why: "the 129th proposal ends it", long: true,
		talk:  refusals(128, "/nope") + "> /foo/1.0.0\n",
		fails: overLimit,
	},
	{
		id: "R18", why: "300 proposals in one write", long: true, talk: `
		> /multistream/1.0.0
		` + strings.Repeat("> /nope\n", 300) + `
		> /foo/1.0.0
		< /multistream/1.0.0
		` + strings.Repeat("< na\n", 128),
		fails: overLimit,
	},
	{
		id: "R18", why: "300 proposals in one write, without limits", long: true,
		limits: multiselect.Limits{MaxProposals: -1, MaxBytes: 1 << 20}, talk: `
		> /multistream/1.0.0
		` + strings.Repeat("> /nope\n", 300) + `
		> /foo/1.0.0
		>! "hello"
		< /multistream/1.0.0
		` + strings.Repeat("< na\n", 300) + `
		< /foo/1.0.0
	`, agreed: protocolA,
	},
	{
		id: "R18", why: "more bytes than are allowed", long: true,
		talk:  refusals(63, largest) + "> " + largest + "\n",
		fails: overLimit,
	},
}

// largest fills a message of 1024 bytes, 1026 with their length.
var largest = "/" + strings.Repeat("x", 1022)

// unsendable is what an initiator says before it has said anything.
func unsendable(cause error) *failure {
	return &failure{cause: cause, blame: multiselect.BlameLocal}
}

var unsaidCases = []conversation{
	{id: "I34", why: "no protocols", protocols: []string{}, fails: unsendable(multiselect.ErrNoProtocols)},
	{id: "I35", why: "an empty name", protocols: []string{protocolA, ""}, fails: unsendable(multiselect.ErrInvalidName)},
	{id: "I35", why: "a newline", protocols: []string{protocolA, "/a\nb"}, fails: unsendable(multiselect.ErrInvalidName)},
	{id: "I35", why: "na", protocols: []string{protocolA, "na"}, fails: unsendable(multiselect.ErrInvalidName)},
	{id: "I35", why: "ls", protocols: []string{protocolA, "ls"}, fails: unsendable(multiselect.ErrInvalidName)},
	{
		id: "I35", why: "the header", protocols: []string{protocolA, "/multistream/1.0.0"},
		fails: unsendable(multiselect.ErrInvalidName),
	},
	{
		id: "I35", why: "longer than the limit", protocols: []string{protocolA, largest + "x"},
		fails: unsendable(multiselect.ErrInvalidName),
	},
	{id: "I35", why: "more than the limit", protocols: serviceNames(129), fails: unsendable(multiselect.ErrLimit)},
}

var onceCases = []conversation{
	{id: "I36", why: "a name that is listed twice is proposed once", protocols: []string{protocolA, protocolA, protocolB}, talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		> /bar/2.0.0
		< na
	`, fails: &failure{cause: multiselect.ErrNotSupported, phase: multiselect.PhaseProposal, protocols: both}},
	{id: "I36", why: "and its answer counts for all", protocols: []string{protocolA, protocolA, protocolB, protocolA}, talk: `
		> /multistream/1.0.0
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		> /bar/2.0.0
		< /bar/2.0.0
	`, agreed: protocolB},
}

// I11: the peer answers a question that was not asked yet. It has to be there
// when it would be asked, so nothing is cut here.
func TestInitiatorIsAnsweredTooEarly(t *testing.T) {
	t.Parallel()
	for _, u := range initiatorUsages {
		tc := conversation{talk: `
			> /multistream/1.0.0
			> /foo/1.0.0
			< /multistream/1.0.0
			< na
			< /bar/2.0.0
		`, fails: unexpected("")}
		tc.fails.received = "\x0b/bar"
		if u.steps {
			tc.fails.protocols = nil // nothing in the step that failed
		}
		for _, via := range transports {
			t.Run(u.name+"/"+via.name, func(t *testing.T) {
				newExchange(t, &tc, multiselect.Initiator, u, via).run(tapped)
			})
		}
	}
}

// I34, I35: a step that finds nothing that can be said leaves the stream as it
// is, and the next one goes on with it.
func TestInitiatorStepsSayNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range unsaidCases {
		if tc.id != "I35" || tc.fails.cause != multiselect.ErrInvalidName {
			continue
		}
		name := tc.protocols[1]
		tc.agreed, tc.talk = protocolA, `
			> /multistream/1.0.0
			> /foo/1.0.0
			< /multistream/1.0.0
			< /foo/1.0.0
		`
		want := tc.fails
		tc.fails = nil
		u := usage{name: "TrySelect", over: func(x *exchange, c *multiselect.Communicator) (string, error) {
			if err := want.check(x.client.TrySelect(background, c, name), x.usage, x.role, true); err != nil {
				x.errorf("TrySelect: %v", err)
			}
			_, err := x.client.ListAndTrySelect(background, c, name)
			if err := want.check(err, x.usage, x.role, true); err != nil {
				x.errorf("ListAndTrySelect: %v", err)
			}
			return protocolA, x.client.TrySelect(background, c, protocolA)
		}}
		for _, via := range transports {
			t.Run(tc.why+"/"+via.name, func(t *testing.T) { newExchange(t, &tc, multiselect.Initiator, u, via).run(tapped) })
		}
	}
}

// A failure ends a stream by a reset, where there is one, and with the code,
// where that can be said.
func TestFailuresReset(t *testing.T) {
	t.Parallel()
	for _, cases := range [][]conversation{leftCases, strangerCases, brokenCases, limitCases} {
		resetAll(t, multiselect.Responder, responderUsages, cases)
	}
	for _, cases := range [][]conversation{abandonedCases, strangeAnswerCases, wrongAnswerCases} {
		resetAll(t, multiselect.Initiator, initiatorUsages, cases)
	}
	resetAll(t, multiselect.Initiator, initiatorUsages[:2], unsaidCases)
}

func resetAll(t *testing.T, role multiselect.Role, usages []usage, cases []conversation) {
	for _, tc := range cases {
		if tc.fails == nil || tc.then == resets {
			continue
		}
		for _, u := range usages {
			if u.steps && tc.fails.cause == multiselect.ErrNotSupported {
				continue // which ends no stream
			}
			t.Run(tc.id+" "+tc.why+"/"+u.name, func(t *testing.T) {
				x := newExchange(t, &tc, role, u, overNetPipe)
				x.run(func(tp *tap) (any, string) { return resetTap{tp}, "reset" })
				x.run(func(tp *tap) (any, string) { return codeTap{tp}, "reset 0x1001" })
			})
		}
	}
}
