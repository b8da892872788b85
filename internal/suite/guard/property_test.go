package guard_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/guard"
	"github.com/multiselect/multiselect/wire"
)

// This file tests the claim of R29: after a refused proposal, early data that the guard
// lets out reaches no handler, for any payload, any split into writes and reads, and any
// set of names that the responder knows.

// admitFunc decides on one write after the other, as a lazy stream does. After the first
// write that it does not admit, it must not be called again.
type admitFunc func(write []byte) bool

// admitGuarded returns an admitFunc that asks the guard.
func admitGuarded() admitFunc {
	var g guard.State
	return func(write []byte) (ok bool) {
		g, ok = g.After(write)
		return ok
	}
}

// admitBy returns an admitFunc that applies a rule to all data so far.
func admitBy(rule func(data []byte) bool) admitFunc {
	var data []byte
	return func(write []byte) bool {
		data = append(data, write...)
		return rule(data)
	}
}

// sent returns the bytes that a lazy stream sends: the header, the proposal, and the
// writes before the first one that admit rejects. That write waits for the answer, which
// is "na"; so it is never sent, nor is any later write (R30).
func (s *scenario) sent(admit admitFunc) []byte {
	data := wire.AppendMessage([]byte(wire.HeaderFrame), s.proposal)
	for rest, i := s.payload, 0; len(rest) > 0; i++ {
		n := len(rest)
		if len(s.writes) > 0 {
			n = min(n, 1+int(s.writes[i%len(s.writes)]))
		}
		if !admit(rest[:n]) {
			break
		}
		data = append(data, rest[:n]...)
		rest = rest[n:]
	}
	return data
}

// reader returns the stream on which a responder receives sent.
func (s *scenario) reader(sent []byte) *chunkedReader {
	return &chunkedReader{data: sent, chunks: s.chunks, end: s.end}
}

// coveredNames returns the names of known to which the claim applies. Its last condition
// excludes names without a slash on a responder for which the newline is optional;
// TestGuardExcludes shows why.
func coveredNames(f *framing, known []string) []string {
	if !f.newlineOptional {
		return known
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return name[0] != '/' })
}

// checkUnreached fails the test if the guarded data of s reaches a handler on any
// responder.
func (s *scenario) checkUnreached(t *testing.T) {
	sent := s.sent(admitGuarded())
	for i := range framings {
		f := &framings[i]
		if reached := f.respond(s.reader(sent), coveredNames(f, s.known)); reached != "" {
			t.Fatalf("%s: %q reaches %q", f.name, sent, reached)
		}
	}
	if reached := respondOurs(s.reader(sent), s.known); reached != "" {
		t.Fatalf("our own responder: %q reaches %q", sent, reached)
	}
}

// TestGuardedReachesNobody plays all scenarios.
func TestGuardedReachesNobody(t *testing.T) {
	early, whole := 0, 0
	for s := range scenarios(numScenarios) {
		s.checkUnreached(t)
		n := len(s.sent(admitGuarded())) - len(s.sent(admitBy(admitNothing)))
		early += min(n, 1)
		if n == len(s.payload) {
			whole++
		}
	}
	t.Logf("of %d payloads, %d were sent whole and %d at least in part", numScenarios, whole, early)
	if whole < numScenarios/20 || early < numScenarios/2 {
		t.Error("too little was sent to prove anything")
	}
}

// FuzzGuard lets the fuzzer choose payload, writes, reads and names.
func FuzzGuard(f *testing.F) {
	for s := range scenarios(100) {
		f.Add(s.payload, s.writes, s.chunks, uint8(255), false)
	}
	for _, attack := range attacks {
		f.Add([]byte(attack.payload), []byte{0}, []byte{3}, uint8(1), true)
	}
	f.Fuzz(func(t *testing.T, payload, writes, chunks []byte, known uint8, reset bool) {
		s := &scenario{proposal: "/refused", payload: payload, writes: writes, chunks: chunks, end: io.EOF}
		if reset {
			s.end = errReset
		}
		for i, name := range knownNames {
			if known>>i&1 == 1 {
				s.known = append(s.known, name)
			}
		}
		s.checkUnreached(t)
	})
}

// attacks are payloads that obvious, simpler rules let out, each with a framing on which
// it reaches a handler. The rules are those of controls.
var attacks = []struct{ framing, rule, payload string }{
	{"ours, go, nim, zig", "none", "\x0b/bar/2.0.0\nDELETE"},
	{"5 bytes, not minimal (jvm)", "1024 bytes, minimal", "\x8b\x00/bar/2.0.0\nDELETE"},
	{"10 bytes, not minimal (py, erlang)", "1024 bytes, minimal", "\x8b\x00/bar/2.0.0\nDELETE"},
	{"trims (js)", "1024 bytes, minimal", "\x8b\x00/bar/2.0.0\nDELETE"},
	{"skips zero, splits lines (cpp)", "1024 bytes, minimal", "\x8b\x00/bar/2.0.0\nDELETE"},
	{"16383 bytes (rust, litep2p)", "1024 bytes, minimal", "\x81\x08" + strings.Repeat("x", 1024) + "\n\x0b/bar/2.0.0\nDELETE"},
	{"no limit (c)", "1024 bytes, minimal", "\x81\x08" + strings.Repeat("x", 1024) + "\n\x0b/bar/2.0.0\nDELETE"},
	{"skips zero, splits lines (cpp)", "1024 bytes, minimal", "\x00\x0b/bar/2.0.0\nDELETE"},
	{"skips zero, splits lines (cpp)", "zero ends it", "\x00\x0b/bar/2.0.0\nDELETE"},
	{"wraps at 32 bits", "lengths of 5 bytes", "\x8b\x80\x80\x80\x10/bar/2.0.0\nDELETE"},
	{"needs no newline (dotnet)", "any start", "\x0a/bar/2.0.0DELETE"},
}

// admitNothing is the rule of an eager initiator.
func admitNothing([]byte) bool { return false }

// admitStrict is a rule against strict responders only: it admits data that contains
// no message for a responder with minimal lengths and a limit of 1024 bytes.
func admitStrict(data []byte) bool {
	_, n, err := wire.ConsumeMessage(data, 1024)
	return n == 0 || err != nil
}

// control is a rule weaker than the guard.
type control struct {
	name    string
	admits  func(data []byte) bool
	reaches string // indexes of the framings on which early data reaches a handler
}

var controls = []control{
	{"none", func([]byte) bool { return true }, "012345678"},
	{"1024 bytes, minimal", admitStrict, "12345678"},
	{"any end", clauses{lengthBytes: 4, anyEnd: true}.admits, "01234567"},
	{"any start", clauses{lengthBytes: 4, anyStart: true}.admits, "8"},
	{"lengths of 5 bytes", clauses{lengthBytes: 5}.admits, "5"},
	{"zero ends it", clauses{lengthBytes: 4, zeroEnds: true}.admits, "68"},
	{"all clauses", allClauses.admits, ""},
}

// TestGuardControls is the negative control of TestGuardedReachesNobody: without the
// guard, and without any single clause of it, the scenarios do reach handlers.
func TestGuardControls(t *testing.T) {
	for _, control := range controls {
		found := make([]string, len(framings))
		for s := range scenarios(max(numScenarios/20, 3000)) {
			sent := s.sent(admitBy(control.admits))
			for i := range framings {
				f := &framings[i]
				if found[i] == "" && f.respond(s.reader(sent), coveredNames(f, s.known)) != "" {
					found[i] = fmt.Sprintf("%.60q", sent[len(wire.HeaderFrame):])
				}
			}
		}
		reaches := ""
		for i, example := range found {
			if example != "" {
				reaches += fmt.Sprint(i)
				t.Logf("%s: %s: %s", control.name, framings[i].name, example)
			}
		}
		if reaches != control.reaches {
			t.Errorf("%s: reaches handlers on the framings %q, want %q", control.name, reaches, control.reaches)
		}
	}
}

// TestGuardStopsAttacks checks that each attack of docs/protocol.md succeeds against its
// rule and fails against the guard.
func TestGuardStopsAttacks(t *testing.T) {
	for _, attack := range attacks {
		f := &framings[slices.IndexFunc(framings, func(f framing) bool { return f.name == attack.framing })]
		i := slices.IndexFunc(controls, func(c control) bool { return c.name == attack.rule })
		s := &scenario{proposal: "/refused", payload: []byte(attack.payload), end: errReset}
		known := knownNames[:1]
		if reached := f.respond(s.reader(s.sent(admitBy(controls[i].admits))), known); reached != known[0] {
			t.Errorf("%s with the rule %q: %.40q reaches %q", f.name, attack.rule, attack.payload, reached)
		}
		for _, s.writes = range [][]byte{nil, {0}} {
			if reached := f.respond(s.reader(s.sent(admitGuarded())), known); reached != "" {
				t.Errorf("%s: %.40q reaches %q", f.name, attack.payload, reached)
			}
		}
	}
}

// TestGuardExcludes documents the case that the claim excludes: a responder for which
// the newline is optional, with a name that has no slash. To cover it, the guard could
// not let out any complete message. Of the framings only dotnet's is of this kind, and
// the names of libp2p begin with a slash.
func TestGuardExcludes(t *testing.T) {
	s := &scenario{proposal: "/refused", payload: []byte("\x07svc/raw"), end: errReset}
	sent := s.sent(admitGuarded())
	for i := range framings {
		f := &framings[i]
		if reached := f.respond(s.reader(sent), []string{"svc/raw"}); (reached != "") != f.newlineOptional {
			t.Errorf("%s: %q reaches %q", f.name, sent, reached)
		}
	}
}

// TestGuardExhaustively plays every payload of up to five bytes, or the number in
// MULTISELECT_GUARD_BYTES, over an alphabet of bytes with a meaning. No payload that the
// guard lets out may reach a handler; as a control, some that it stops must.
func TestGuardExhaustively(t *testing.T) {
	const symbols = "\x00\x01\x02\x03\x80\x82\x83/b\n"
	size := exhaustiveBytes
	if n, err := strconv.Atoi(os.Getenv("MULTISELECT_GUARD_BYTES")); err == nil {
		size = n
	}
	known := []string{"/b", "b"}
	s := &scenario{end: io.EOF}
	reached := func(early []byte) bool {
		data := append([]byte(wire.HeaderFrame+"\x03/x\n"), early...)
		return slices.ContainsFunc(framings, func(f framing) bool {
			return f.respond(s.reader(data), coveredNames(&f, known)) != ""
		})
	}
	var sent, stopped, dangerous int
	var extend func(g guard.State, early []byte)
	extend = func(g guard.State, early []byte) {
		leaf := true // only payloads without a continuation are played; these contain the others
		for i := 0; i < len(symbols) && len(early) < size; i++ {
			longer := append(early, symbols[i])
			next, ok := g.After(longer[len(early):])
			if ok {
				leaf = false
				extend(next, longer)
				continue
			}
			stopped++
			if reached(longer) {
				dangerous++
			}
		}
		if !leaf {
			return
		}
		sent++
		if reached(early) {
			t.Fatalf("%q reaches a handler", early)
		}
	}
	extend(guard.State{}, make([]byte, 0, size))
	t.Logf("%d payloads were sent and %d stopped; %d of these would have reached a handler", sent, stopped, dangerous)
	if dangerous == 0 {
		t.Error("the guard stopped no payload that would have reached a handler")
	}
}
