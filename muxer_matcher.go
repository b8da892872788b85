package multiselect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// Matcher accepts protocols that are not registered by name. A registered name takes
// precedence over all matchers; these follow, from the most specific to the least (R15):
// [MatchMajor]; [MatchPrefix], the longest prefix first; [MatchFunc], in the order of
// registration. Matchers are called without a lock held: they may change the [Muxer].
type Matcher struct {
	kind  matcherKind
	name  string // a protocol, a prefix or a label
	match func(protocol string) bool
}

type matcherKind uint8

const (
	matchMajor matcherKind = iota
	matchPrefix
	matchFunc
)

// MatchMajor accepts all versions of a protocol with one major number. MatchMajor("/foo/1.2.0"),
// or MatchMajor("/foo/1"), accepts "/foo/1", "/foo/1.7" and "/foo/1.0.3", and neither "/foo/2.0.0"
// nor "/foo/1.2.0-rc1". A version is one, two or three numbers after the last slash. The handler
// receives the proposed version. The list of a [Muxer] contains the protocol given here.
func MatchMajor(protocol string) Matcher { return Matcher{kind: matchMajor, name: protocol} }

// MatchPrefix accepts all names that begin with prefix.
func MatchPrefix(prefix string) Matcher {
	return Matcher{kind: matchPrefix, name: prefix, match: func(protocol string) bool {
		return strings.HasPrefix(protocol, prefix)
	}}
}

// MatchFunc accepts the names for which match returns true. The label represents the function in
// [Matcher.String] and in comparisons of matchers. Since the function may accept a short name, a
// responder with a MatchFunc needs one more Read for longer ones (R12).
func MatchFunc(label string, match func(protocol string) bool) Matcher {
	return Matcher{kind: matchFunc, name: label, match: match}
}

// String returns the protocol, prefix or label, with "*" for the part that may vary.
func (m Matcher) String() string {
	switch m.kind {
	case matchMajor:
		return m.key() + ".*"
	case matchPrefix:
		return m.name + "*"
	default:
		return "*" + m.name
	}
}

// key identifies a matcher among those of its kind.
func (m Matcher) key() string {
	if m.kind == matchMajor {
		major, _ := rules.Major(m.name)
		return major
	}
	return m.name
}

func (m Matcher) check(limit int) error {
	switch _, hasVersion := rules.Major(m.name); {
	case m.kind == matchMajor && !hasVersion:
		return fmt.Errorf("%w: %q has no version", ErrInvalidName, m.name)
	case m.kind != matchFunc:
		return wire.CheckName(m.name, limit)
	case m.match == nil:
		return ErrNoHandler
	}
	return nil
}

// shortest returns the size in bytes of the shortest message that it may accept.
func (m Matcher) shortest() int {
	if m.kind == matchFunc {
		return shortestMessage + 1
	}
	return wire.MessageSize(len(m.key()))
}

// matchers is an immutable set; adding or removing a matcher makes another. The entries are
// in order of precedence (R15).
type matchers struct {
	majors   map[string]Handler // "/foo/1" → handler
	entries  []matcherEntry
	shortest int // size in bytes of the shortest message that may be accepted
}

type matcherEntry struct {
	Matcher
	handler Handler
}

// findMatcher returns the entries of m, and the position in them of a matcher that accepts
// the same names, or -1.
func (m *Muxer) findMatcher(matcher Matcher) (all []matcherEntry, i int) {
	if s := m.matchers.Load(); s != nil {
		all = s.entries
	}
	return all, slices.IndexFunc(all, func(r matcherEntry) bool { return r.kind == matcher.kind && r.key() == matcher.key() })
}

// newMatchers returns the set of the entries, which it sorts (R15), and nil if there are none.
func newMatchers(entries []matcherEntry) *matchers {
	if len(entries) == 0 {
		return nil
	}
	slices.SortStableFunc(entries, func(a, b matcherEntry) int {
		if a.kind == matchPrefix && b.kind == matchPrefix {
			return len(b.name) - len(a.name)
		}
		return int(a.kind) - int(b.kind)
	})
	s := &matchers{entries: entries, majors: make(map[string]Handler), shortest: entries[0].shortest()}
	for _, r := range entries {
		if r.kind == matchMajor {
			s.majors[r.key()] = r.handler
		}
		s.shortest = min(s.shortest, r.shortest())
	}
	return s
}

func (s *matchers) lookup(protocol string) Handler {
	if major, ok := rules.Major(protocol); ok {
		if h, ok := s.majors[major]; ok {
			return h
		}
	}
	for _, r := range s.entries[len(s.majors):] {
		if r.match(protocol) {
			return r.handler
		}
	}
	return nil
}
