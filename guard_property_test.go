package multiselect

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// The claim of R29, put to the test: early data that the guard lets out, behind
// a proposal that was refused, reaches no handler, whatever the payload, the
// writes, the chunks and the names that the responder knows.

// admitter decides write by write, as a lazy stream does.
type admitter func(write []byte) bool

func guarded() admitter {
	var g guard
	return func(write []byte) (ok bool) {
		g, ok = g.after(write)
		return ok
	}
}

// admitting makes an admitter of a rule for all data at once.
func admitting(admits func(data []byte) bool) func() admitter {
	return func() admitter {
		var data []byte
		return func(write []byte) bool {
			data = append(data, write...)
			return admits(data)
		}
	}
}

// sent returns what a lazy stream puts on the wire: header, proposal, and the
// writes up to the first that is not admitted. That one waits for the answer,
// which is "na", so it never leaves, and nor does anything behind it.
func (a *adversary) sent(admits admitter) []byte {
	data := wire.AppendMessage([]byte(wire.HeaderFrame), a.proposal)
	for rest, i := a.payload, 0; len(rest) > 0; i++ {
		n := len(rest)
		if len(a.writes) > 0 {
			n = min(n, 1+int(a.writes[i%len(a.writes)]))
		}
		if !admits(rest[:n]) {
			break
		}
		data = append(data, rest[:n]...)
		rest = rest[n:]
	}
	return data
}

func (a *adversary) meets(f *framing, sent []byte, known []string) (reached string) {
	return f.respond(&arriving{data: sent, chunks: a.chunks, end: a.end}, known)
}

// within returns the names for which the claim is made. A responder that needs no
// newline is excluded by the claim's last condition as far as it knows names
// without a slash: TestGuardExcludes shows why.
func within(f *framing, known []string) []string {
	if !f.bare {
		return known
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return name[0] != '/' })
}

// check meets every responder.
func (a *adversary) check(t *testing.T) {
	sent := a.sent(guarded())
	for i := range framings {
		f := &framings[i]
		if reached := a.meets(f, sent, within(f, a.known)); reached != "" {
			t.Fatalf("%s: %q reaches %q", f.name, sent, reached)
		}
	}
	if reached := respondOurs(&arriving{data: sent, chunks: a.chunks, end: a.end}, a.known); reached != "" {
		t.Fatalf("our own responder: %q reaches %q", sent, reached)
	}
}

func TestGuardedReachesNobody(t *testing.T) {
	early, whole := 0, 0
	for a := range adversaries(guardCases) {
		a.check(t)
		n := len(a.sent(guarded())) - len(a.sent(func([]byte) bool { return false }))
		early += min(n, 1)
		if n == len(a.payload) {
			whole++
		}
	}
	t.Logf("of %d payloads %d left whole, and %d at least in part", guardCases, whole, early)
	if whole < guardCases/20 || early < guardCases/2 {
		t.Error("too little has left to prove anything")
	}
}

func FuzzGuard(f *testing.F) {
	for a := range adversaries(100) {
		f.Add(a.payload, a.writes, a.chunks, uint8(255), false)
	}
	for _, attack := range attacks {
		f.Add([]byte(attack.payload), []byte{0}, []byte{3}, uint8(1), true)
	}
	f.Fuzz(func(t *testing.T, payload, writes, chunks []byte, known uint8, reset bool) {
		a := &adversary{proposal: "/refused", payload: payload, writes: writes, chunks: chunks, end: io.EOF}
		if reset {
			a.end = errReset
		}
		for i, name := range adversaryNames {
			if known>>i&1 == 1 {
				a.known = append(a.known, name)
			}
		}
		a.check(t)
	})
}

// attacks are what the rules that one might think of first let through.
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

// admits1024 guards against a responder with a limit of 1024 bytes and minimal
// lengths, and lets everything pass that such a one stops at.
func admits1024(data []byte) bool {
	_, n, err := wire.ConsumeMessage(data, 1024)
	return n == 0 || err != nil
}

// control is a guard with something left out, and who is reached then.
type control struct {
	name    string
	admits  func(data []byte) bool
	reaches string // the numbers of the framings
}

var controls = []control{
	{"none", func([]byte) bool { return true }, "012345678"},
	{"1024 bytes, minimal", admits1024, "12345678"},
	{"any end", clauses{lengthBytes: 4, anyEnd: true}.admits, "01234567"},
	{"any start", clauses{lengthBytes: 4, anyStart: true}.admits, "8"},
	{"lengths of 5 bytes", clauses{lengthBytes: 5}.admits, "5"},
	{"zero ends it", clauses{lengthBytes: 4, zeroEnds: true}.admits, "68"},
	{"all clauses", allClauses.admits, ""},
}

// Without the guard, and without any one of its clauses, the same cases find
// somebody to reach.
func TestGuardControls(t *testing.T) {
	for _, control := range controls {
		found := make([]string, len(framings))
		for a := range adversaries(max(guardCases/20, 3000)) {
			sent := a.sent(admitting(control.admits)())
			for i := range framings {
				f := &framings[i]
				if found[i] == "" && a.meets(f, sent, within(f, a.known)) != "" {
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
			t.Errorf("%s: %q are reached, want %q", control.name, reaches, control.reaches)
		}
	}
}

// The attacks of docs/protocol.md work, and the guard stops them.
func TestGuardStopsAttacks(t *testing.T) {
	for _, attack := range attacks {
		f := &framings[slices.IndexFunc(framings, func(f framing) bool { return f.name == attack.framing })]
		i := slices.IndexFunc(controls, func(c control) bool { return c.name == attack.rule })
		a := &adversary{proposal: "/refused", payload: []byte(attack.payload), end: errReset}
		known := adversaryNames[:1]
		if reached := a.meets(f, a.sent(admitting(controls[i].admits)()), known); reached != known[0] {
			t.Errorf("%s with the rule %q: %.40q reaches %q", f.name, attack.rule, attack.payload, reached)
		}
		for _, a.writes = range [][]byte{nil, {0}} {
			if reached := a.meets(f, a.sent(guarded()), known); reached != "" {
				t.Errorf("%s: %.40q reaches %q", f.name, attack.payload, reached)
			}
		}
	}
}

// TestGuardExcludes is what the claim does not cover, so that nobody thinks it
// does: a responder that needs no newline and knows names without a slash. (To
// cover it, no message could be completed at all.) Of the nine framings it is
// dotnet's, and in libp2p names begin with a slash.
func TestGuardExcludes(t *testing.T) {
	a := &adversary{proposal: "/refused", payload: []byte("\x07svc/raw"), end: errReset}
	sent := a.sent(guarded())
	for i := range framings {
		f := &framings[i]
		if reached := a.meets(f, sent, []string{"svc/raw"}); (reached != "") != f.bare {
			t.Errorf("%s: %q reaches %q", f.name, sent, reached)
		}
	}
}

// Every payload of five bytes (or as many as MULTISELECT_GUARD_BYTES says), of
// those that mean something: all that the guard lets out, and, for control, what
// reaches somebody of what it does not.
func TestGuardExhaustively(t *testing.T) {
	const symbols = "\x00\x01\x02\x03\x80\x82\x83/b\n"
	size := guardBytes
	if n, err := strconv.Atoi(os.Getenv("MULTISELECT_GUARD_BYTES")); err == nil {
		size = n
	}
	known := []string{"/b", "b"}
	a := &adversary{end: io.EOF}
	reached := func(early []byte) bool {
		data := append([]byte(wire.HeaderFrame+"\x03/x\n"), early...)
		return slices.ContainsFunc(framings, func(f framing) bool {
			return a.meets(&f, data, within(&f, known)) != ""
		})
	}
	var left, stopped, dangerous int
	var extend func(g guard, early []byte)
	extend = func(g guard, early []byte) {
		leaf := true // what can be continued is a part of what continues it
		for i := 0; i < len(symbols) && len(early) < size; i++ {
			longer := append(early, symbols[i])
			next, ok := g.after(longer[len(early):])
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
		left++
		if reached(early) {
			t.Fatalf("%q reaches somebody", early)
		}
	}
	extend(guard{}, make([]byte, 0, size))
	t.Logf("%d payloads left, %d were stopped; at %d of them somebody would have been reached", left, stopped, dangerous)
	if dangerous == 0 {
		t.Error("the guard has stopped nothing that would have reached anybody")
	}
}
