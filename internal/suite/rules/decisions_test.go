package rules_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

func TestMustFlush(t *testing.T) {
	for _, tt := range []struct {
		pending, queued int
		want            bool
	}{
		{0, 0, true},   // a responder's header may be due (R11)
		{0, 20, true},  // a proposal
		{3, 4, true},   // an answer, while the next proposal is arriving
		{3, 0, false},  // the header waits for the answer (R1)
		{19, 0, false}, // the peer's header is arriving
	} {
		if got := rules.MustFlush(tt.pending, tt.queued); got != tt.want {
			t.Errorf("MustFlush(%d, %d) = %v", tt.pending, tt.queued, got)
		}
	}
}

func TestReadable(t *testing.T) {
	const inHeader, limit = true, 1024
	for _, tt := range []struct {
		pending  string
		inHeader bool
		shortest int
		want     int
	}{
		{"", inHeader, 12, 32},
		{"", inHeader, 0, 20}, // nothing can follow the header without a question
		{wire.HeaderFrame[:7], inHeader, 12, 25},
		{wire.HeaderFrame, inHeader, 12, 12},
		{wire.HeaderFrame + "\x0b/foo/1.0", inHeader, 12, 3},

		{"", !inHeader, 12, 12},
		{"", !inHeader, 2, 2},
		{"\x0b", !inHeader, 12, 11},
		{"\x0b/foo", !inHeader, 12, 7},
		{"\x0b/foo", !inHeader, 3, 7},       // the message that has begun is longer than the shortest one
		{"\x03na", !inHeader, 12, 9},        // and shorter: only another negotiating message follows it
		{"\x0b/foo/1.0.0", !inHeader, 3, 1}, // its last byte
		{"\x80", !inHeader, 3, 2},           // to the end of the shortest one while the length is incomplete
		{"\x80", !inHeader, 1, 1},           // at least one byte
		{"\x80\x01", !inHeader, 3, 128},     // a length of two bytes
		{"\x80\x08a", !inHeader, 3, 1023},   // as announced, which allocates nothing (R26)
		{"\x00", !inHeader, 3, 2},           // malformed
		{"\x00ab", !inHeader, 3, 1},         // malformed
		{"\xff\xff\xff", !inHeader, 3, 1},   // too large
	} {
		if got := rules.Readable([]byte(tt.pending), tt.inHeader, tt.shortest, limit); got != tt.want {
			t.Errorf("Readable(%q, in header %v, shortest %d) = %d, want %d", tt.pending, tt.inHeader, tt.shortest, got, tt.want)
		}
	}
}

// A peer that sends a message and then the protocol never has a byte of that read,
// however the message is cut, if no shorter message could be agreed on (R12).
func TestReadableEndsWithMessage(t *testing.T) {
	for _, name := range []string{"x", "/foo/1.0.0", strings.Repeat("x", 126), strings.Repeat("x", 127), strings.Repeat("x", 1023)} {
		message := wire.AppendMessage(nil, name)
		flight := append([]byte(wire.HeaderFrame), message...)
		for n := range flight {
			if got := rules.Readable(flight[:n], true, len(message), 1024); n+got != len(flight) {
				t.Errorf("%d bytes of header and message have arrived, %d are read, want %d", n, got, len(flight)-n)
			}
		}
		for n := range message {
			for _, shortest := range []int{2, len(message)} {
				if got := rules.Readable(message[:n], false, shortest, 1024); got < 1 || n+got > len(message) {
					t.Errorf("%d bytes of %d have arrived, the shortest has %d: %d are read", n, len(message), shortest, got)
				}
			}
		}
	}
}

func TestHasGivenUp(t *testing.T) {
	for _, tt := range []struct {
		lastWasNA bool
		end       rules.End
		want      bool
	}{
		{true, rules.EndPeer, true},
		{true, rules.EndMalformed, true}, // early data
		{true, rules.EndHere, false},
		{false, rules.EndPeer, false},
		{false, rules.EndMalformed, false},
		{false, rules.EndHere, false},
	} {
		s := rules.State{LastWasNA: tt.lastWasNA, Answered: true}
		if got := s.HasGivenUp(tt.end); got != tt.want {
			t.Errorf("after na %v, HasGivenUp(%d) = %v", tt.lastWasNA, tt.end, got)
		}
	}
}

func TestHasListed(t *testing.T) {
	for _, tt := range []struct {
		s    rules.State
		end  rules.End
		want bool
	}{
		{rules.State{Answered: true}, rules.EndPeer, true},
		{rules.State{Answered: true, LastWasNA: true}, rules.EndPeer, false}, // after a refusal
		{rules.State{Answered: true}, rules.EndMalformed, false},
		{rules.State{Answered: true}, rules.EndHere, false},
		{rules.State{}, rules.EndPeer, false},
	} {
		if got := tt.s.HasListed(tt.end); got != tt.want {
			t.Errorf("%+v, end %d: HasListed = %v", tt.s, tt.end, got)
		}
	}
}

func TestMayIgnoreWriteError(t *testing.T) {
	var s rules.State
	if !s.MayIgnoreWriteError() {
		t.Error("at the start: the proposal may be among the bytes that have arrived (R17)")
	}
	if s.Answer(rules.ReplyEcho, 1, 0); !s.MayIgnoreWriteError() {
		t.Error("after an agreement")
	}
	s = rules.State{}
	if s.Answer(rules.ReplyNA, 1, 100); s.MayIgnoreWriteError() {
		t.Error("after a refusal")
	}
	for _, fits := range []bool{true, false} {
		s = rules.State{}
		if s.AnswerList(fits); s.MayIgnoreWriteError() {
			t.Errorf("after a list, sent %v", fits)
		}
	}
}

func TestJudgeFrame(t *testing.T) {
	const a = "\x0b/foo/1.0.0\n"
	for _, tt := range []struct {
		frame, proposed string
		want            rules.Verdict
	}{
		{a, "/foo/1.0.0", rules.Agreed},
		{"\x03na\n", "/foo/1.0.0", rules.Refused},
		{"\x03na\n", "na", rules.Agreed}, // never proposed (R9)
		{"\x03na\n", "xy", rules.Refused},
		{"\x02x\n", "x", rules.Agreed},
		{a, "/bar/1.0.0", rules.Incomplete},
		{a, "/foo/1.0", rules.Incomplete},
		{a[:11], "/foo/1.0.0", rules.Incomplete},
		{a + "x", "/foo/1.0.0", rules.Incomplete},
		{"\x0a/foo/1.0.0\n", "/foo/1.0.0", rules.Incomplete},
		{"\x0b/foo/1.0.0x", "/foo/1.0.0", rules.Incomplete},
		{"\x8b\x00/foo/1.0.0\n", "/foo/1.0.0", rules.Incomplete},
		{"", "/foo/1.0.0", rules.Incomplete},
		{"", "", rules.Incomplete},
		{"\x03na", "/foo/1.0.0", rules.Incomplete},
		{"\x04na\n", "/foo/1.0.0", rules.Incomplete},
		{"\x03ls\n", "/foo/1.0.0", rules.Incomplete},
	} {
		if got := rules.JudgeFrame([]byte(tt.frame), tt.proposed); got != tt.want {
			t.Errorf("JudgeFrame(%q, %q) = %d, want %d", tt.frame, tt.proposed, got, tt.want)
		}
	}
}

// An echo with any bit changed is none.
func TestIsEcho(t *testing.T) {
	for _, name := range []string{"x", "/foo/1.0.0", strings.Repeat("n", 126)} {
		message := wire.AppendMessage(nil, name)
		if !rules.IsEcho(message, name) {
			t.Errorf("IsEcho(%q) = false", message)
		}
		for i := range message {
			for bit := range 8 {
				changed := bytes.Clone(message)
				changed[i] ^= 1 << bit
				if rules.IsEcho(changed, name) {
					t.Errorf("IsEcho(%q) = true", changed)
				}
			}
		}
	}
}

func TestReceiveAndSend(t *testing.T) {
	var s rules.State
	for _, tt := range []struct {
		size           int
		received, sent rules.Fault
	}{
		{10, rules.NoFault, rules.NoFault},
		{10, rules.NoFault, rules.NoFault}, // the limit itself
		{1, rules.TooMuchReceived, rules.TooMuchSent},
	} {
		if got := s.Receive(tt.size, 20); got != tt.received {
			t.Errorf("Receive, %d bytes in all: %d", s.Received, got)
		}
		if got := s.Send(tt.size, 20); got != tt.sent {
			t.Errorf("Send, %d bytes in all: %d", s.Sent, got)
		}
	}
	if s != (rules.State{Received: 21, Sent: 21}) {
		t.Errorf("%+v", s)
	}
}

func TestProposeAndAsk(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before        rules.State
		pending       int
		ask, propose  rules.Fault
		asked, failed rules.State
	}{
		{
			name: "possible", before: rules.State{Sent: 5, Proposals: 1},
			asked: rules.State{Sent: 15, Proposals: 1}, failed: rules.State{Sent: 15, Proposals: 2},
		},
		{
			name: "an answer has arrived", before: rules.State{Sent: 5, Proposals: 1}, pending: 1,
			ask: rules.EarlyAnswer, propose: rules.EarlyAnswer,
			asked: rules.State{Sent: 5, Proposals: 1}, failed: rules.State{Sent: 5, Proposals: 1},
		},
		{
			name: "too many bytes", before: rules.State{Sent: 11, Proposals: 1},
			ask: rules.TooMuchSent, propose: rules.TooMuchSent,
			asked: rules.State{Sent: 21, Proposals: 1}, failed: rules.State{Sent: 21, Proposals: 1},
		},
		{
			name: "too many proposals", before: rules.State{Sent: 5, Proposals: 3}, propose: rules.TooManyProposals,
			asked: rules.State{Sent: 15, Proposals: 3}, failed: rules.State{Sent: 5, Proposals: 3},
		},
		{
			name: "too many proposals, and an answer has arrived", before: rules.State{Proposals: 3}, pending: 1,
			ask: rules.EarlyAnswer, propose: rules.TooManyProposals,
			asked: rules.State{Proposals: 3}, failed: rules.State{Proposals: 3},
		},
	} {
		const size, maxProposals, maxBytes = 10, 3, 20
		s := tt.before
		if f := s.Ask(size, tt.pending, maxBytes); f != tt.ask || s != tt.asked {
			t.Errorf("%s: Ask = %d, %+v", tt.name, f, s)
		}
		s = tt.before
		if f := s.Propose(size, tt.pending, maxProposals, maxBytes); f != tt.propose || s != tt.failed {
			t.Errorf("%s: Propose = %d, %+v", tt.name, f, s)
		}
	}
}

func TestAnswer(t *testing.T) {
	const maxProposals, maxBytes = 2, 8
	for _, tt := range []struct {
		replies []rules.Reply
		want    rules.Fault // of the last one
		after   rules.State
	}{
		{[]rules.Reply{rules.ReplyEcho}, rules.NoFault, rules.State{Proposals: 1}},
		{[]rules.Reply{rules.ReplyNA}, rules.NoFault, rules.State{Proposals: 1, Sent: 4, Answered: true, LastWasNA: true}},
		{
			[]rules.Reply{rules.ReplyNA, rules.ReplyEcho},
			rules.NoFault,
			rules.State{Proposals: 2, Sent: 4, Answered: true, LastWasNA: true},
		},
		{
			[]rules.Reply{rules.ReplyNA, rules.ReplyNA, rules.ReplyEcho},
			rules.TooManyProposals,
			rules.State{Proposals: 2, Sent: 8, Answered: true, LastWasNA: true},
		},
	} {
		var s rules.State
		var f rules.Fault
		for _, reply := range tt.replies {
			f = s.Answer(reply, maxProposals, maxBytes)
		}
		if f != tt.want || s != tt.after {
			t.Errorf("%v: %d, %+v; want %d, %+v", tt.replies, f, s, tt.want, tt.after)
		}
	}
	s := rules.State{Sent: 5}
	if f := s.Answer(rules.ReplyNA, maxProposals, maxBytes); f != rules.TooMuchSent {
		t.Errorf("a refusal after the limit on bytes: %d", f)
	}
}

// A one-shot responder ends after a refusal of any kind, and no other does (R32).
func TestMustEnd(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(s *rules.State)
		want   bool
	}{
		{"before an answer", func(*rules.State) {}, false},
		{"a refusal", func(s *rules.State) { s.Answer(rules.ReplyNA, 1, 100) }, true},
		{"an agreement", func(s *rules.State) { s.Answer(rules.ReplyEcho, 1, 100) }, false},
		{"a list", func(s *rules.State) { s.AnswerList(true) }, false},
		{"a list that does not fit", func(s *rules.State) { s.AnswerList(false) }, true},
	} {
		var s rules.State
		tt.answer(&s)
		if s.MustEnd(true) != tt.want || s.MustEnd(false) {
			t.Errorf("%s: MustEnd = %v of a one-shot responder, %v of another", tt.name, s.MustEnd(true), s.MustEnd(false))
		}
	}
}

// A lazy initiator has proposed, as by Propose, and its header is sent.
func TestProposed(t *testing.T) {
	want := rules.State{HeaderSent: true}
	want.Propose(12, 0, 1, 12)
	if got := rules.Proposed(12); got != want {
		t.Errorf("Proposed(12) = %+v, want %+v", got, want)
	}
}

func TestAnswerEnd(t *testing.T) {
	const echoEnd = len(wire.HeaderFrame) + 12
	for arrived, want := range map[string]int{
		"":                                    echoEnd,
		wire.HeaderFrame:                      echoEnd,
		wire.HeaderFrame + "\x0b/foo":         echoEnd,
		wire.HeaderFrame + "\x03na\n":         echoEnd, // no data follows a refusal
		wire.HeaderFrame + "\x20/longer":      len(wire.HeaderFrame) + 33,
		wire.HeaderFrame + "\x80\x01":         len(wire.HeaderFrame) + 130,
		wire.HeaderFrame + "\x80":             echoEnd, // the length is incomplete
		wire.HeaderFrame + "\xff\x7f":         echoEnd, // too large
		"\x13/multistream/1.1.0\n\x20/longer": echoEnd,
	} {
		if got := rules.AnswerEnd([]byte(arrived), echoEnd, 1024); got != want {
			t.Errorf("AnswerEnd(%q) = %d, want %d", arrived, got, want)
		}
	}
}

func TestLists(t *testing.T) {
	var s rules.State
	for range 2 {
		if !s.MayList(2) {
			t.Errorf("MayList(2) = false after %d lists", s.Lists)
		}
		s.AnswerList(true)
	}
	if s.MayList(2) || s != (rules.State{Lists: 2, Answered: true}) {
		t.Errorf("after two lists: MayList(2) = %v, %+v", s.MayList(2), s)
	}
	if s.AnswerList(false); s != (rules.State{Lists: 3, Answered: true, LastWasNA: true}) {
		t.Errorf("after a list that did not fit: %+v", s)
	}
	if s.AnswerList(true); s.LastWasNA {
		t.Error("a list is no refusal")
	}
	for _, tt := range []struct {
		names, size int
		want        bool
	}{{3, 40, true}, {4, 40, false}, {3, 41, false}, {0, 1, true}} {
		if got := rules.ListFits(tt.names, tt.size, 3, 40); got != tt.want {
			t.Errorf("ListFits(%d, %d) = %v", tt.names, tt.size, got)
		}
	}
}
