package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

const (
	header = wire.HeaderFrame
	na     = rules.NAFrame
	ls     = "\x03ls\n"
	a, b   = "\x02a\n", "\x03/b\n"
)

// conversations are between both roles.
var conversations = []struct {
	name              string
	questions, serves []string
	limit             func(i, r *limits) // from the defaults
	flights           []string
	agreed            string
	list              []string
	initiator         error // the end of a conversation without an agreement
	faults            [2]rules.Fault
}{
	{
		name: "agreed", questions: []string{"/b"}, serves: []string{"/b"}, agreed: "/b",
		flights: []string{"> " + header + b, "< " + header + b},
	},
	{
		name: "refused, then agreed", questions: []string{"a", "/x", "/b"}, serves: []string{"/b"}, agreed: "/b",
		flights: []string{"> " + header + a, "< " + header + na, "> \x03/x\n", "< " + na, "> " + b, "< " + b},
	},
	{
		name: "everything refused", questions: []string{"a"}, initiator: errRefused,
		flights: []string{"> " + header + a, "< " + header + na},
	},
	{
		name: "a list, then agreed", questions: []string{"ls", "a"}, serves: []string{"/b", "a"}, agreed: "a", list: []string{"/b", "a"},
		flights: []string{"> " + header + ls, "< " + header + "\x08" + b + a + "\n", "> " + a, "< " + a},
	},
	{
		name: "a list that does not fit", questions: []string{"ls", "a"}, serves: []string{"/b", "a"}, agreed: "a",
		limit:   func(_, r *limits) { r.listNames = 1 },
		flights: []string{"> " + header + ls, "< " + header + na, "> " + a, "< " + a},
	},
	{
		name: "a list too many", questions: []string{"ls", "ls", "a"}, serves: []string{"a"}, agreed: "a",
		limit:   func(_, r *limits) { r.lists = 1 },
		flights: []string{"> " + header + ls, "< " + header + "\x04" + a + "\n", "> " + ls, "< " + na, "> " + a, "< " + a},
	},
	{
		name: "the initiator accepts a shorter list", questions: []string{"ls"}, serves: []string{"/b", "a"}, initiator: wire.ErrTooLarge,
		limit:   func(i, _ *limits) { i.listNames = 1 },
		flights: []string{"> " + header + ls, "< " + header + "\x08" + b + a + "\n"},
	},
	{
		name: "too many proposals for the initiator", questions: []string{"/x", "/b"}, serves: []string{"/b"},
		limit: func(i, _ *limits) { i.proposals = 1 }, faults: [2]rules.Fault{rules.TooManyProposals, rules.NoFault},
		flights: []string{"> " + header + "\x03/x\n", "< " + header + na},
	},
	{
		name: "too many proposals for the responder", questions: []string{"/x", "/b"}, serves: []string{"/b"},
		limit: func(_, r *limits) { r.proposals = 1 }, faults: [2]rules.Fault{rules.NoFault, rules.TooManyProposals},
		flights: []string{"> " + header + "\x03/x\n", "< " + header + na, "> " + b},
	},
	{
		name: "too many bytes for the initiator to send", questions: []string{"/x", "/b"}, serves: []string{"/b"},
		limit: func(i, _ *limits) { i.bytes = 7 }, faults: [2]rules.Fault{rules.TooMuchSent, rules.NoFault},
		flights: []string{"> " + header + "\x03/x\n", "< " + header + na},
	},
	{
		name: "too many bytes for the initiator to receive", questions: []string{"x", "/b"}, serves: []string{"/b"},
		limit: func(i, _ *limits) { i.bytes = 7 }, faults: [2]rules.Fault{rules.TooMuchReceived, rules.NoFault}, agreed: "/b",
		flights: []string{"> " + header + "\x02x\n", "< " + header + na, "> " + b, "< " + b},
	},
	{
		name: "too many bytes for the responder to receive", questions: []string{"/x", "/b"}, serves: []string{"/b"},
		limit: func(_, r *limits) { r.bytes = 7 }, faults: [2]rules.Fault{rules.NoFault, rules.TooMuchReceived},
		flights: []string{"> " + header + "\x03/x\n", "< " + header + na, "> " + b},
	},
	{
		name: "too many bytes for the responder to send", questions: []string{"x", "y", "/b"}, serves: []string{"/b"},
		limit: func(_, r *limits) { r.bytes = 7 }, faults: [2]rules.Fault{rules.NoFault, rules.TooMuchSent},
		flights: []string{"> " + header + "\x02x\n", "< " + header + na, "> \x02y\n"},
	},
	{
		name: "long names", questions: []string{strings.Repeat("x", 200), "/b"}, serves: []string{"/b"}, agreed: "/b",
		flights: []string{"> " + header + "\xc9\x01" + strings.Repeat("x", 200) + "\n", "< " + header + na, "> " + b, "< " + b},
	},
}

func TestConversations(t *testing.T) {
	for _, tt := range conversations {
		t.Run(tt.name, func(t *testing.T) {
			var flights []string
			i, r := pair(&flights, tt.questions, tt.serves)
			if tt.limit != nil {
				tt.limit(&i.limits, &r.limits)
			}
			for before := -1; before < len(flights); {
				before = len(flights)
				i.step()
				r.step()
			}
			if !slices.Equal(flights, tt.flights) {
				t.Errorf("the flights are %q, want %q", flights, tt.flights)
			}
			if r.agreed != tt.agreed || i.agreed != tt.agreed && tt.faults[0] == rules.NoFault || !slices.Equal(i.list, tt.list) {
				t.Errorf("agreed %q and %q, list %q; want %q, %q", i.agreed, r.agreed, i.list, tt.agreed, tt.list)
			}
			if !errors.Is(i.err, tt.initiator) || r.err != nil || [2]rules.Fault{i.fault, r.fault} != tt.faults {
				t.Errorf("ends %v, %v, %v, %v; want %v, %v", i.err, r.err, i.fault, r.fault, tt.initiator, tt.faults)
			}
		})
	}
}

// answers are what a peer has sent before the initiator begins.
var answers = []struct {
	name, peer string
	questions  []string
	agreed     string
	err        error
	fault      rules.Fault
	unread     string
}{
	{name: "silence", questions: []string{"a"}},
	{name: "a part of the header", peer: header[:5], questions: []string{"a"}},
	{name: "no header", peer: a, questions: []string{"a"}, err: errHeader},
	{name: "data after the echo (R12)", peer: header + a + "data", questions: []string{"a"}, agreed: "a", unread: "data"},
	{name: "another answer (R14)", peer: header + "\x02x\n", questions: []string{"a"}, err: errAnswer},
	{name: "a header again (R4)", peer: header + header, questions: []string{wire.Header + "x"}, err: errAnswer},
	{name: "a message without a newline", peer: header + "\x02ab", questions: []string{"a"}, err: wire.ErrMalformed},
	{name: "an early answer (R14)", peer: header + na + "\x02x\n", questions: []string{"/long", "a"}, fault: rules.EarlyAnswer},
	{name: "an early answer to ls", peer: header + na + na, questions: []string{"/long", "ls"}, fault: rules.EarlyAnswer, unread: "\n"},
	{name: "ls answered ls (R22)", peer: header + ls, questions: []string{"ls"}, err: wire.ErrNotList},
	{name: "ls refused (R19)", peer: header + na, questions: []string{"ls"}, err: errRefused},
}

// An initiator and a peer that has sent everything before.
func TestInitiatorAlone(t *testing.T) {
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			var flights []string
			i, _ := pair(&flights, tt.questions, nil)
			*i.incoming = []byte(tt.peer)
			i.step()
			if i.agreed != tt.agreed || !errors.Is(i.err, tt.err) || i.fault != tt.fault || string(*i.incoming) != tt.unread {
				t.Errorf("agreed %q, %v, fault %d, unread %q", i.agreed, i.err, i.fault, *i.incoming)
			}
		})
	}
}

// requests are what a peer has sent before the responder begins.
var requests = []struct {
	name, peer    string
	agreed        string
	sent          string
	err           error
	unread        string
	gaveUp        bool // now, if the stream ends or its bytes are malformed (R18)
	ignoresWrites bool // now (R17)
}{
	{name: "silence", ignoresWrites: true},
	{name: "a lone header (R11)", peer: header, sent: header, ignoresWrites: true},
	{name: "the beginning of a proposal (R1)", peer: header + a[:1], ignoresWrites: true},
	{name: "no header (R3)", peer: "GET / HTTP/1.1", err: errHeader, ignoresWrites: true},
	{name: "data after the proposal (R12)", peer: header + a + "data", agreed: "a", sent: header + a, unread: "data", ignoresWrites: true},
	{name: "a refusal", peer: header + "\x02x\n", sent: header + na, gaveUp: true},
	{name: "a list", peer: header + ls, sent: header + "\x08" + b + a + "\n"},
	{name: "a list after a refusal", peer: header + "\x02x\n" + ls, sent: header + na + "\x08" + b + a + "\n"},
	{name: "a refusal after a list", peer: header + ls + "\x02x\n", sent: header + "\x08" + b + a + "\n" + na, gaveUp: true},
	{name: "early data of a lazy initiator", peer: header + "\x02x\n" + "\x00", sent: header + na, err: wire.ErrMalformed, gaveUp: true},
	{name: "malformed before a refusal", peer: header + "\x00ab", err: wire.ErrMalformed, ignoresWrites: true},
	{name: "a header again (R4)", peer: header + header + a, agreed: "a", sent: header + na + a, gaveUp: true},
	{name: "an empty name (R10)", peer: header + "\x01\n" + "\x02x\n" + a, agreed: "a", sent: header + na + na + a, gaveUp: true},
}

// A responder and a peer that has sent everything before, and then leaves.
func TestResponderAlone(t *testing.T) {
	for _, tt := range requests {
		t.Run(tt.name, func(t *testing.T) {
			var flights []string
			_, r := pair(&flights, nil, []string{"/b", "a"})
			*r.incoming = []byte(tt.peer)
			r.step()
			var sent string
			for _, flight := range flights {
				sent += strings.TrimPrefix(flight, "< ")
			}
			sent += string(r.queued)
			if r.agreed != tt.agreed || !errors.Is(r.err, tt.err) || sent != tt.sent || string(*r.incoming) != tt.unread {
				t.Errorf("agreed %q, %v, sent %q, unread %q", r.agreed, r.err, sent, *r.incoming)
			}
			if r.HasGivenUp(rules.EndPeer) != tt.gaveUp || r.HasGivenUp(rules.EndMalformed) != tt.gaveUp || r.HasGivenUp(rules.EndHere) {
				t.Errorf("HasGivenUp = %v", r.HasGivenUp(rules.EndPeer))
			}
			if r.MayIgnoreWriteError() != tt.ignoresWrites {
				t.Errorf("MayIgnoreWriteError = %v", r.MayIgnoreWriteError())
			}
		})
	}
}
