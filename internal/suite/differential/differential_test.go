// Package differential_test plays the exchange in line against the general loop. Both
// are ways through the same two roles, which must not differ in anything that a caller
// or a peer can observe: see fastpath.go of the root package.
//
// A seed decides a plan: the configuration of one side, and everything that its stream
// does. The plan is played once in line, where that applies, and twice in the general
// loop, on streams in memory; then the outcomes are compared.
//
// A plain go test plays 100,000 plans, and a tenth of them under the race detector. More
// of them are for a job outside of CI:
//
//	DIFFERENTIAL_PLANS=10000000 go test -run TestDifferential -timeout 1h ./internal/suite/differential
//
// A failure prints the plan and its seed. This plays only the plan of seed 4711:
//
//	DIFFERENTIAL_SEED=4711 go test -run TestDifferential ./internal/suite/differential
//
// With both variables set, the plans of consecutive seeds are played, from that one on.
package differential_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

const (
	plansEnv = "DIFFERENTIAL_PLANS" // the number of plans
	seedEnv  = "DIFFERENTIAL_SEED"  // the first seed
	usual    = 100_000              // plans

	maxFailed = 5 // plans that differ, after which the test ends
)

// allowed are the differences that are no faults, each with its reason. A plan may
// differ in line if an entry applies to it.
var allowed = []*allowance{
	{
		reason: "The shortest name is removed, or the first name is added, while the first Read waits. " +
			"In line, the next Read ends with the message that has begun to arrive. The general loop asks again " +
			"for the shortest name, which is longer now, and reads on to its end. Both obey R12, and what is " +
			"registered when the answer is decided counts in both (R16).",
		applies: func(p *plan, inLine, general outcome) bool {
			a, b, reads := firstDifference(inLine.events, general.events)
			return len(p.steps) > 0 && p.steps[0].change != noChange && reads == 1 &&
				a.call == "read" && b.call == "read" && a.size < b.size
		},
	},
}

// allowance is an entry of allowed.
type allowance struct {
	reason  string
	applies func(p *plan, inLine, general outcome) bool
	plans   int // to which it applied
}

func TestDifferential(t *testing.T) {
	first, plans := uint64(0), uint64(usual)
	if streamtest.Race {
		plans /= 10
	}
	if seed := number(t, seedEnv); seed != nil {
		first, plans = *seed, 1
	}
	if n := number(t, plansEnv); n != nil {
		plans = *n
	}
	failed := 0
	for seed := first; seed < first+plans && failed < maxFailed; seed++ {
		if p := newPlan(seeded(seed)); !check(t, p) {
			t.Errorf("%s=%d plays this plan again:\n%s", seedEnv, seed, p)
			failed++
		}
	}
	for _, a := range allowed {
		t.Logf("%d plans may differ: %s", a.plans, a.reason)
		if plans >= usual && failed == 0 && a.plans == 0 {
			t.Errorf("no plan needs this allowance: %s", a.reason)
		}
	}
}

// number returns the number in an environment variable, or nil if it is not set.
func number(t *testing.T, name string) *uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &n
}

// check plays a plan in all ways and reports whether they agree.
func check(t *testing.T, p *plan) bool {
	t.Helper()
	var faults []string
	want := play(p, traced, nil)
	for _, w := range []way{inLine, onCommunicator} {
		got := play(p, w, nil)
		if found := differences(got, want); len(found) > 0 && !(w == inLine && isAllowed(p, got, want)) {
			faults = append(faults, fmt.Sprintf("%s, and not %s:\n%s", w, traced, strings.Join(found, "\n")))
		}
		if p.isUntimed() && got.measured {
			faults = append(faults, fmt.Sprintf("%s, the time of a call without a limit was measured", w))
		}
		if wantEndings := min(len(got.failure.text), 1); got.endings != wantEndings {
			faults = append(faults, fmt.Sprintf("%s, the stream was ended %d times, want %d", w, got.endings, wantEndings))
		}
	}
	for _, fault := range faults {
		t.Error(fault)
	}
	return len(faults) == 0
}

// firstDifference returns the first calls that differ, and the number of Reads before
// them.
func firstDifference(a, b []event) (inA, inB event, reads int) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i], b[i], reads
		}
		if a[i].call == "read" {
			reads++
		}
	}
	return inA, inB, reads
}

func isAllowed(p *plan, inLine, general outcome) bool {
	for _, a := range allowed {
		if a.applies(p, inLine, general) {
			a.plans++
			return true
		}
	}
	return false
}

// FuzzDifferential lets a fuzzer decide the plans.
func FuzzDifferential(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{1})
	f.Add([]byte(strings.Repeat("\x01\x02\x03\x05\x07", 20)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p := newPlan(&choices{data: data}); !check(t, p) {
			t.Errorf("the plan:\n%s", p)
		}
	})
}
