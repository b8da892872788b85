package multiselect_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// asked returns which handler a name leads to, "" if to none. Handlers are
// named by what they write.
func asked(t *testing.T, m *multiselect.Muxer, name string) string {
	t.Helper()
	s := streamtest.NewScript(say(wire.Header, name))
	protocol, h, err := m.Negotiate(context.Background(), s)
	if known := m.Handler(name) != nil; known != (err == nil) {
		t.Errorf("%q: Handler finds one: %v; Negotiate: %v", name, known, err)
	}
	if err != nil {
		if want := say(wire.Header, wire.NA); string(s.Written) != want {
			t.Errorf("%q: said %q, want %q", name, s.Written, want)
		}
		return ""
	}
	if want := say(wire.Header, name); protocol != name || string(s.Written) != want {
		t.Errorf("%q: selected %q and said %q", name, protocol, s.Written)
	}
	s.Written = nil
	h(context.Background(), protocol, s)
	return string(s.Written)
}

func named(name string) multiselect.Handler {
	return func(_ context.Context, _ string, stream io.ReadWriteCloser) { io.WriteString(stream, name) }
}

func contains(part string) func(string) bool {
	return func(protocol string) bool { return strings.Contains(protocol, part) }
}

// Exact names go first, then majors, then the longest prefix, then functions
// in their order, whatever the order of registration (R15).
func TestMatcherPrecedence(t *testing.T) {
	add := []func(m *multiselect.Muxer) error{
		func(m *multiselect.Muxer) error {
			return m.AddMatcher(multiselect.MatchFunc("first", contains("chat")), named("func 1"))
		},
		func(m *multiselect.Muxer) error {
			return m.AddMatcher(multiselect.MatchFunc("second", contains("c")), named("func 2"))
		},
		func(m *multiselect.Muxer) error {
			return m.AddMatcher(multiselect.MatchPrefix("/chat"), named("short prefix"))
		},
		func(m *multiselect.Muxer) error {
			return m.AddMatcher(multiselect.MatchPrefix("/chat/1"), named("long prefix"))
		},
		func(m *multiselect.Muxer) error {
			return m.AddMatcher(multiselect.MatchMajor("/chat/1.0.0"), named("major"))
		},
		func(m *multiselect.Muxer) error { return m.AddHandler("/chat/1.2.0", named("exact")) },
	}
	reversed := slices.Clone(add)
	slices.Reverse(reversed)
	slices.Reverse(reversed[4:]) // the functions are asked in their order
	for _, order := range [][]func(*multiselect.Muxer) error{add, reversed} {
		m := new(multiselect.Muxer)
		for _, add := range order {
			if err := add(m); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]string{
			"/chat/1.2.0":     "exact",
			"/chat/1.2.1":     "major",
			"/chat/1":         "major",
			"/chat/1.2.0-rc1": "long prefix",
			"/chat/2.0.0":     "short prefix",
			"/chats":          "short prefix",
			"/a/chat":         "func 1",
			"/c":              "func 2",
			"/x":              "",
			"/CHAT/1.2.0":     "",
		} {
			if got := asked(t, m, name); got != want {
				t.Errorf("%q leads to %q, want %q", name, got, want)
			}
		}
	}
}

func TestMatchMajor(t *testing.T) {
	m := new(multiselect.Muxer)
	if err := m.AddMatcher(multiselect.MatchMajor("/foo/1.2.0"), named("foo 1")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"/foo/1": true, "/foo/1.7": true, "/foo/1.0.3": true, "/foo/1.2.0": true, "/foo/1.99.100": true,
		"/foo/2.0.0": false, "/foo/1.2.0-rc1": false, "/foo/1.2.0.0": false, "/foo/01.2.0": false, "/foo/1.02.0": false,
		"/foo/10.0.0": false, "/foo/": false, "/foo": false, "foo/1.2.0": false, "/foo/1.": false, "/Foo/1.0.0": false,
	} {
		if got := asked(t, m, name) == "foo 1"; got != want {
			t.Errorf("%q is accepted: %v", name, got)
		}
	}
}

// No matcher can be talked into one of the texts with a meaning, or into a
// name that could not be registered (R9).
func TestMatcherReserved(t *testing.T) {
	m := &multiselect.Muxer{NoList: true}
	everything := func(string) bool { return true }
	if err := m.AddMatcher(multiselect.MatchFunc("everything", everything), named("all")); err != nil {
		t.Fatal(err)
	}
	if err := m.AddMatcher(multiselect.MatchMajor("/multistream/1.2.0"), named("major")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"": "", "na": "", "ls": "", wire.Header: "", "a\nb": "", "\n": "",
		"/multistream/1.0.1": "major", "x": "all", "\xff": "all", " ": "all", "Na": "all",
	} {
		if got := asked(t, m, name); got != want {
			t.Errorf("%q leads to %q, want %q", name, got, want)
		}
	}
}

func TestMatcherRegistration(t *testing.T) {
	always := func(string) bool { return true }
	for _, tt := range []struct {
		what    string
		matcher multiselect.Matcher
		handler multiselect.Handler
		want    error
	}{
		{"zero", multiselect.Matcher{}, apitest.NoHandler, multiselect.ErrInvalidName},
		{"no version", multiselect.MatchMajor("/foo"), apitest.NoHandler, multiselect.ErrInvalidName},
		{"four numbers", multiselect.MatchMajor("/foo/1.2.3.4"), apitest.NoHandler, multiselect.ErrInvalidName},
		{"header", multiselect.MatchMajor(wire.Header), apitest.NoHandler, multiselect.ErrInvalidName},
		{"empty prefix", multiselect.MatchPrefix(""), apitest.NoHandler, multiselect.ErrInvalidName},
		{"newline", multiselect.MatchPrefix("/a\n"), apitest.NoHandler, multiselect.ErrInvalidName},
		{"too long", multiselect.MatchPrefix(strings.Repeat("x", 1024)), apitest.NoHandler, multiselect.ErrInvalidName},
		{"nil function", multiselect.MatchFunc("f", nil), apitest.NoHandler, multiselect.ErrNoHandler},
		{"nil handler", multiselect.MatchPrefix("/a"), nil, multiselect.ErrNoHandler},
		{"same major", multiselect.MatchMajor("/taken/1.9"), apitest.NoHandler, multiselect.ErrConflict},
		{"same prefix", multiselect.MatchPrefix("/taken/"), apitest.NoHandler, multiselect.ErrConflict},
		{"same label", multiselect.MatchFunc("taken", always), apitest.NoHandler, multiselect.ErrConflict},
		{"other major", multiselect.MatchMajor("/taken/2.0.0"), apitest.NoHandler, nil},
		{"longer prefix", multiselect.MatchPrefix("/taken/1"), apitest.NoHandler, nil},
		{"label like a prefix", multiselect.MatchFunc("/taken/", always), apitest.NoHandler, nil},
		{"the longest", multiselect.MatchPrefix(strings.Repeat("x", 1023)), apitest.NoHandler, nil},
	} {
		m := new(multiselect.Muxer)
		for _, taken := range []multiselect.Matcher{
			multiselect.MatchMajor("/taken/1.0.0"), multiselect.MatchPrefix("/taken/"), multiselect.MatchFunc("taken", always),
		} {
			if err := m.AddMatcher(taken, apitest.NoHandler); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.AddMatcher(tt.matcher, tt.handler); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
	}
}

func TestMatcherRemoval(t *testing.T) {
	m := new(multiselect.Muxer)
	if m.RemoveMatcher(multiselect.MatchPrefix("/a")) {
		t.Error("a new Muxer has a matcher to remove")
	}
	all := []multiselect.Matcher{
		multiselect.MatchMajor("/a/1.0.0"), multiselect.MatchPrefix("/a"), multiselect.MatchFunc("a", contains("a")),
	}
	for _, matcher := range all {
		if err := m.AddMatcher(matcher, named(matcher.String())); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		remove multiselect.Matcher
		then   string
	}{
		{multiselect.MatchMajor("/a/1"), "/a*"}, // the same major, said differently
		{multiselect.MatchPrefix("/a"), "*a"},
		{multiselect.MatchFunc("a", nil), ""},
	} {
		if !m.RemoveMatcher(step.remove) || m.RemoveMatcher(step.remove) {
			t.Errorf("%v can be removed once", step.remove)
		}
		if got := asked(t, m, "/a/1.2.3"); got != step.then {
			t.Errorf("without %v the name leads to %q, want %q", step.remove, got, step.then)
		}
	}
}

func TestMatcherString(t *testing.T) {
	for _, tt := range []struct {
		matcher multiselect.Matcher
		want    string
	}{
		{multiselect.MatchMajor("/foo/1.2.3"), "/foo/1.*"},
		{multiselect.MatchPrefix("/foo/"), "/foo/*"},
		{multiselect.MatchFunc("odd ones", nil), "*odd ones"},
	} {
		if got := tt.matcher.String(); got != tt.want {
			t.Errorf("String = %q, want %q", got, tt.want)
		}
	}
}

// A matcher is asked without a lock held: it may change the muxer that asks.
func TestMatcherChangesMuxer(t *testing.T) {
	m := new(multiselect.Muxer)
	var self multiselect.Matcher
	self = multiselect.MatchFunc("self", func(protocol string) bool {
		if !m.RemoveMatcher(self) {
			t.Error("a matcher cannot remove itself")
		}
		if err := m.AddMatcher(multiselect.MatchPrefix("/later/"), named("prefix")); err != nil {
			t.Error(err)
		}
		if err := m.AddHandler(protocol, named("exact")); err != nil {
			t.Error(err)
		}
		for range m.Handlers() {
			m.Protocols()
		}
		return true
	})
	if err := m.AddMatcher(self, named("self")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"self", "exact"} {
		if got := asked(t, m, "/x/1"); got != want {
			t.Errorf("leads to %q, want %q", got, want)
		}
	}
	if got := asked(t, m, "/later/1"); got != "prefix" {
		t.Errorf("leads to %q, want the prefix that was added meanwhile", got)
	}
}
