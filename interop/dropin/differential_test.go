package dropin

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// inputs is how many scenes TestDifferential plays. MULTISELECT_DROPIN_INPUTS sets
// another number for CI.
func inputs(t testing.TB) int {
	t.Helper()
	set := os.Getenv("MULTISELECT_DROPIN_INPUTS")
	if set == "" {
		return 50_000
	}
	n, err := strconv.Atoi(set)
	if err != nil || n <= 0 {
		t.Fatalf("MULTISELECT_DROPIN_INPUTS is %q", set)
	}
	return n
}

// tally counts outcomes, and differences by their reasons.
type tally struct {
	header, selected    int
	outcomes, explained map[string]int
	unexplained         map[string]string // kind of difference → the first scene that shows it
}

func newTally() *tally {
	return &tally{outcomes: map[string]int{}, explained: map[string]int{}, unexplained: map[string]string{}}
}

// compare plays a scene with both libraries.
func (c *tally) compare(s scene) {
	b, a := their.play(s), our.play(s)
	if passedHeader(s, a, b) {
		c.header++
	}
	if b.class == "success" || a.class == "success" {
		c.selected++
	}
	c.outcomes[s.role+": "+b.class]++
	if same(a, b) {
		return
	}
	if why := explain(s, b, a); why != "" {
		c.explained[why]++
		return
	}
	kind := fmt.Sprintf("%s, %s instead of %s, written the same: %v, unread %d instead of %d", s.role, a.class, b.class,
		a.written == b.written, a.unread, b.unread)
	c.unexplained[kind] = fmt.Sprintf("%v\n  go-multistream %v\n  ours           %v", s, b, a)
}

// same compares all but the texts of errors.
func same(a, b outcome) bool {
	a.err, b.err = nil, nil
	return a == b
}

// passedHeader reports whether the script begins with the header, and the libraries
// went on to the proposals.
func passedHeader(s scene, a, b outcome) bool {
	return strings.HasPrefix(said(s), headerFrame) && a.class != "not multistream" && b.class != "not multistream"
}

// TestDifferential plays generated scenes with go-multistream and with ours: the
// same bytes in the same pieces. Outcome, kind of error, bytes written and bytes left
// unread are the same, or differ for a reason that differences lists.
func TestDifferential(t *testing.T) {
	n, workers := inputs(t), runtime.GOMAXPROCS(0)
	var mu sync.Mutex
	sum := newTally()
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			c := newTally()
			for i := w; i < n; i += workers {
				c.compare(roll(entropy(uint64(i))))
			}
			mu.Lock()
			defer mu.Unlock()
			sum.add(c)
		})
	}
	wait.Wait()
	sum.report(t, n)
	for kind, scene := range sum.unexplained {
		t.Errorf("not explained: %s\n  %s", kind, scene)
	}
	if sum.header*100 < 50*n || sum.selected*100 < 20*n {
		t.Errorf("%d of %d pass the header and %d select; 50 %% and 20 %% are wanted", sum.header, n, sum.selected)
	}
	for _, why := range append(whys(), proposedOnce, headerWithAnswer) {
		if n >= 50_000 && sum.explained[why] == 0 {
			t.Errorf("no scene shows this difference: %s", why)
		}
	}
}

// entropy makes the scene with a number.
func entropy(i uint64) []byte {
	source := rand.NewPCG(i, 8)
	b := make([]byte, 48)
	for j := range b {
		b[j] = byte(source.Uint64() >> 32)
	}
	return b
}

func (c *tally) add(other *tally) {
	c.header += other.header
	c.selected += other.selected
	for k, n := range other.outcomes {
		c.outcomes[k] += n
	}
	for k, n := range other.explained {
		c.explained[k] += n
	}
	for k, scene := range other.unexplained {
		c.unexplained[k] = scene
	}
}

func (c *tally) report(t *testing.T, n int) {
	var b strings.Builder
	percent := func(k int) float64 { return float64(k) * 100 / float64(n) }
	fmt.Fprintf(&b, "%d scenes: %.1f %% pass the header, %.1f %% select\n", n, percent(c.header), percent(c.selected))
	for _, m := range []struct {
		title  string
		counts map[string]int
	}{{"go-multistream's outcome", c.outcomes}, {"differences", c.explained}} {
		fmt.Fprintf(&b, "%s:\n", m.title)
		var keys []string
		for k := range m.counts {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			bar := strings.Repeat("#", int(percent(m.counts[k])))
			fmt.Fprintf(&b, "  %9d %5.2f %% %s %s\n", m.counts[k], percent(m.counts[k]), k, bar)
		}
	}
	t.Log("\n" + b.String())
}

// FuzzDifferential lets the fuzzer choose the scenes.
func FuzzDifferential(f *testing.F) {
	for i := range 40 {
		f.Add([]byte{byte(i), byte(i * 7), byte(i * 13), byte(i * 29), byte(i * 31), byte(i * 37), byte(i * 41)})
	}
	f.Add([]byte("000#00o200\xff70")) // hundreds of proposals to a responder that nobody hears
	f.Fuzz(func(t *testing.T, entropy []byte) {
		c := newTally()
		c.compare(roll(entropy))
		for kind, scene := range c.unexplained {
			t.Errorf("not explained: %s\n  %s", kind, scene)
		}
	})
}
