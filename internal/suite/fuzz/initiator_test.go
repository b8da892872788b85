package fuzz_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Forms of FuzzInitiator.
const (
	fuzzSelectOneOf   = iota
	fuzzSelectOver    // SelectOn
	fuzzSelectShaken  // Handshake, then SelectOn
	fuzzSteps         // List, then TrySelect for each
	fuzzListAndSelect // ListAndTrySelect, then TrySelect
	fuzzForms
)

// askThrough asks in one of the forms and returns what came of it.
func askThrough(form byte, cl *multiselect.Client, s *streamtest.Script, names []string) (selected string, list wire.List, err error) {
	ctx := context.Background()
	c := multiselect.NewCommunicator(s)
	switch form {
	case fuzzSelectOneOf:
		selected, err = cl.SelectOneOf(ctx, s, names...)
		return selected, list, err
	case fuzzSelectOver, fuzzSelectShaken:
		if form == fuzzSelectShaken {
			err = cl.Handshake(ctx, c)
		}
		if err == nil {
			selected, err = cl.SelectOn(ctx, c, names...)
		}
		return selected, list, err
	case fuzzSteps:
		if list, err = cl.List(ctx, c); err != nil && !errors.Is(err, multiselect.ErrNotSupported) {
			return "", list, err
		}
	case fuzzListAndSelect:
		if list, err = cl.ListAndTrySelect(ctx, c, names[0]); !errors.Is(err, multiselect.ErrNotSupported) {
			return names[0], list, err
		}
		names = names[1:]
	}
	for _, name := range names {
		if err = cl.TrySelect(ctx, c, name); !errors.Is(err, multiselect.ErrNotSupported) {
			return name, list, err
		}
	}
	return "", list, err
}

// FuzzInitiator lets a responder say anything, in pieces of any size.
func FuzzInitiator(f *testing.F) {
	for i, said := range initiatorSeeds() {
		for form := range byte(fuzzForms) {
			f.Add(form, byte(i), []byte(said), []byte(nil))
			f.Add(form, byte(i+1), []byte(said), []byte{0})
			f.Add(form, byte(i+2), []byte(said), []byte{19, 2})
		}
	}
	f.Fuzz(func(t *testing.T, form, options byte, said, sizes []byte) {
		if len(said) > 4096 {
			t.Skip("the checks of each Read go through all that was read")
		}
		form %= fuzzForms
		names := [][]string{
			{"/foo/1.0.0", "/bar/2.0.0"}, {"/foo/1.0.0", "x", "/bar/2.0.0"}, {"x"}, {longName, "y"},
		}[options%4]
		limits := multiselect.Limits{MaxMessage: 1024, MaxBytes: 64 << 10, MaxListBytes: 64 << 10, MaxListNames: 1000}
		if options&4 != 0 {
			limits = multiselect.Limits{MaxMessage: 205, MaxBytes: 25, MaxListBytes: 50, MaxListNames: 2}
		}
		model := &initiatorModel{questions: names, limits: limits, alone: form == fuzzSelectShaken}
		if form == fuzzSteps || form == fuzzListAndSelect {
			model.questions = append([]string{wire.LS}, names...)
			model.together = int(form-fuzzSteps) * 2
		}
		model.begin()
		s := streamtest.NewScript(cut(string(said), sizes)...)
		told := 0
		s.OnRead = func(p []byte) {
			heard := len(said) - len(s.Rest())
			model.hear(string(said[told:heard]))
			if told = heard; model.over() {
				t.Fatalf("a Read after %q, which had decided it: %q %v", said[:told], model.selected, model.err)
			}
			if string(s.Written) != model.said {
				t.Fatalf("it reads after %q and said %q, want %q", said[:told], s.Written, model.said)
			}
			checkInitiatorCap(t, p, model)
		}
		selected, list, err := askThrough(form, &multiselect.Client{Limits: limits}, s, names)
		model.hear(string(said[told : len(said)-len(s.Rest())]))
		want := model.progress
		if s.Rest() == "" {
			want = want.atEnd(model.heard)
		}
		checkAsked(t, form, s, selected, err, want)
		if err == nil && !reflect.DeepEqual(list, model.list) {
			t.Fatalf("list %q, want %q", list, model.list)
		}
	})
}

// checkInitiatorCap: a Read may ask for the echo and no more, or for as much as
// the answer announces.
func checkInitiatorCap(t *testing.T, p []byte, model *initiatorModel) {
	shortest, limit := 0, model.limits.MaxMessage
	if model.settled < model.asked {
		question := model.questions[model.settled]
		shortest = len(frame(question))
		if question == wire.LS {
			shortest, limit = 2, model.limits.MaxListBytes
		}
	}
	checkCap(t, p, model.heard, model.pos, shortest, limit)
}

// checkAsked is checkEnd for an initiator, whose steps keep a stream that the
// peer refused on.
func checkAsked(t *testing.T, form byte, s *streamtest.Script, selected string, err error, want progress) {
	t.Helper()
	if err == nil || !errors.Is(err, multiselect.ErrNotSupported) || form < fuzzSteps {
		if err != nil {
			selected = ""
		}
		checkEnd(t, s, selected, err, want)
		return
	}
	if !errors.Is(want.err, multiselect.ErrNotSupported) || string(s.Written) != want.said || len(s.Ended) != 0 {
		t.Fatalf("refused; said %q, want %q and %v; ended %q", s.Written, want.said, want.err, s.Ended)
	}
}

// initiatorSeeds are the cases of an initiator under test in the reference.
func initiatorSeeds() []string {
	h, a, b, na := wire.HeaderFrame, messages("/foo/1.0.0"), messages("/bar/2.0.0"), messages(wire.NA)
	list := string(wire.AppendList(nil, []string{"/foo/1.0.0", "/foo/bar1", "/bar/2.0.0"}))
	return []string{
		"", h, h[:7], h + a, h + a + "hello", h + na + b, h + na + na, h + na, h + na + b[:4], messages("/multistream/1.1.0") + a,
		a, na, h + h + a, h + messages("/zzz"), h + messages("NA"), h + messages("na "), h + list, h + messages("/foo/1.0.0 "), h + "\x0a/foo/1.0.0",
		h + messages(""), h + "\x00", h + "\x81\x08" + strings.Repeat("b", 1025), h + "\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		h + strings.Repeat("\x80", 64), h + messages(wire.LS), h + list + a, h + list + na + b, h + na + a, h + na + na + na,
		h + messages("/foo/1.0.0\n/bar/2.0.0\n") + a, h + messages("/foo/1.0.0\n/bar/2.0.0") + na + b, h + "\x01\n" + a,
		h + "\x1a\x02\x0b/foo/1.0.0\n\x0b/bar/2.0.0\n" + a, h + messages(strings.Repeat("/a/1.0.0\n", 100)) + a,
		h + "\xff\xff\x03", h + "\xff\xff\xff\x7f", h + a + a, h + na + "\x0b/ba" + "r/2.0.0\n", h + messages("x"), h + na + messages("x") + "!",
		h + messages(longName), h + na + messages("y"), h + na + h + b,
	}
}
