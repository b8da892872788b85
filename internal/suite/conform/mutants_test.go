package conform_test

import (
	"context"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// The tester is tested: each mutant is a party that is right but for one thing.
// The case that has to catch it is in the table, and all that do in a file, which
// -update writes and a person reads. Time is fake, so that a party that hangs
// costs nothing and no verdict depends on the machine.

var update = flag.Bool("update", false, "write testdata/mutants.txt and docs/conformance-trace.md")

var fake = conform.Options{Strict: true, Quiet: 10 * time.Millisecond, Timeout: time.Second}

// caughtBy returns the ids of the cases that a report holds against the party.
func caughtBy(t *testing.T, report *conform.Report, err error) (ids []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Verdict == conform.VerdictError {
			t.Errorf("%s: the tester fails: %s", r.Case.ID, r.Reason)
		}
		if r.Verdict == conform.VerdictFail {
			ids = append(ids, r.Case.ID)
		}
	}
	return ids
}

func testResponder(t *testing.T, change func(*responderModel)) (ids []string) {
	synctest.Test(t, func(t *testing.T) {
		report, err := conform.RunResponder(t.Context(), conform.Responder{
			Dial: func(context.Context) (io.ReadWriteCloser, error) {
				ours, theirs := newMemory()
				m := rightResponder()
				change(m)
				go m.serve(ours)
				return theirs, nil
			},
			Protocols: served,
			Timeout:   patience,
		}, fake)
		ids = caughtBy(t, report, err)
		time.Sleep(24 * time.Hour) // until the last one has given up
	})
	return ids
}

// skipUnderRace skips a test that plays the cases hundreds of times in fake time. The race
// detector sees the same code in the tests of our own parties, on sockets.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if streamtest.Race {
		t.Skip("takes five times as long with the race detector; ./check runs this without it")
	}
}

func TestResponderMutants(t *testing.T) {
	skipUnderRace(t)
	golden := readGolden(t)
	if ids := testResponder(t, func(*responderModel) {}); len(ids) > 0 {
		t.Fatalf("the right responder is caught by %q", ids)
	}
	for _, m := range responderMutants {
		t.Run(m.name, func(t *testing.T) {
			golden.check(t, "responder: "+m.name, m.caught, testResponder(t, m.change), nil)
		})
	}
	golden.write(t)
}

// golden is testdata/mutants.txt: a line for each mutant, "NAME = CASE CASE …".
type golden map[string]string

const goldenPath = "testdata/mutants.txt"

func readGolden(t *testing.T) golden {
	text, err := os.ReadFile(goldenPath)
	if err != nil && !*update {
		t.Fatal(err)
	}
	g := make(golden)
	for line := range strings.Lines(string(text)) {
		if name, ids, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
			g[name] = ids
		}
	}
	return g
}

// check holds what a mutant was caught by against what is expected.
func (g golden) check(t *testing.T, name, must string, ids, usual []string) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id != must && slices.Contains(usual, id) })
	if !slices.Contains(ids, must) {
		t.Errorf("%s does not catch it; what does: %q", must, ids)
	}
	got := strings.Join(ids, " ")
	if *update {
		g[name] = got
	}
	if g[name] != got {
		t.Errorf("caught by\n%s, want\n%s", got, g[name])
	}
}

func (g golden) write(t *testing.T) {
	if !*update {
		return
	}
	var names []string
	for name := range g {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("# What catches which mutant. Written by go test -run Mutants -update; read before it is committed.\n")
	for _, name := range names {
		b.WriteString(name + " = " + g[name] + "\n")
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenPath, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
