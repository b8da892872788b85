package names_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/multiselect/multiselect/internal/names"
	"github.com/multiselect/multiselect/wire"
)

func TestAddRemove(t *testing.T) {
	var tb names.Table[int]
	if tb.Lookup([]byte("/a")) != nil || tb.LookupMessage([]byte("\x03/a\n")) != nil || tb.Remove("/a") {
		t.Error("an empty table has /a")
	}
	if !tb.Add("/a", 1, false) || tb.Add("/a", 2, false) {
		t.Error("/a can be added once, and no more than once")
	}
	n := tb.Lookup([]byte("/a"))
	if n == nil || n.Name() != "/a" || n.Value() != 1 {
		t.Fatalf("Lookup = %+v", n)
	}
	if tb.LookupMessage([]byte("\x03/a\n")) != n {
		t.Error("LookupMessage returns another entry than Lookup")
	}
	if tb.Lookup([]byte("/A")) != nil || tb.Lookup([]byte("/")) != nil || tb.Lookup(nil) != nil {
		t.Error("a name that was not added is found")
	}
	if !tb.Remove("/a") || tb.Remove("/a") || tb.Lookup([]byte("/a")) != nil {
		t.Error("/a can be removed once, and is not found afterwards")
	}
	if n.Name() != "/a" || n.Value() != 1 {
		t.Error("the entry of a removed name has changed")
	}
	if !tb.Add("/a", 3, true) || tb.Lookup([]byte("/a")).Value() != 3 {
		t.Error("a removed name cannot be added again")
	}
}

func TestReplace(t *testing.T) {
	var tb names.Table[string]
	for i := range 100 { // so that chains have neighbours
		tb.Add(fmt.Sprint("/", i), "old", false)
	}
	old := tb.Lookup([]byte("/42"))
	for i := range 100 {
		if tb.Add(fmt.Sprint("/", i), "unwanted", false) || !tb.Add(fmt.Sprint("/", i), "new", true) {
			t.Fatal("a value is replaced if that is asked for, and only then")
		}
	}
	for i := range 100 {
		if got := tb.Lookup(fmt.Append(nil, "/", i)).Value(); got != "new" {
			t.Fatalf("/%d has the value %q", i, got)
		}
	}
	if old.Value() != "old" {
		t.Error("replacing has changed an entry that a lookup had returned")
	}
	if n := len(maps.Collect(tb.All())); n != 100 {
		t.Errorf("%d names after replacing 100 of 100", n)
	}
}

// A message is found only as it is on the wire, whatever the number of names.
func TestLookupMessage(t *testing.T) {
	for _, size := range []int{1, 4, 5, 100} {
		tb, _ := fill(size)
		longest := "/" + strings.Repeat("x", 125)
		tb.Add(longest, -1, false)
		for message, want := range map[string]string{
			"\x0e/app/0/1.0.0\n":        "", // the length is one too many
			"\x0d/app/0/1.0.0\n":        "/app/0/1.0.0",
			"\x0d/app/0/1.0.0\r":        "", // no newline at the end
			"\x0d/app/0/1.0.1\n":        "",
			"\x0c/app/0/1.0.\n":         "",
			"\x01\n":                    "",
			"\x00\n":                    "",
			"\x7f" + longest + "\n":     longest,
			"\x7f/" + longest[1:] + "x": "",
		} {
			got := ""
			if n := tb.LookupMessage([]byte(message)); n != nil {
				got = n.Name()
			}
			if got != want {
				t.Errorf("%d names: %q is found as %q, want %q", size, message, got, want)
			}
		}
	}
}

func TestShortest(t *testing.T) {
	var tb names.Table[int]
	if got := tb.Shortest(); got != 0 {
		t.Errorf("the shortest message of an empty table takes %d bytes", got)
	}
	for _, step := range []struct {
		add, remove string
		want        int
	}{
		{add: "/four", want: 7},
		{add: "/seventy", want: 7},
		{add: "/abc", want: 6},
		{add: "/xyz", want: 6},
		{add: "x", want: 3},
		{remove: "x", want: 6},
		{remove: "/abc", want: 6},
		{remove: "/nothing", want: 6},
		{remove: "/xyz", want: 7},
		{remove: "/four", want: 10},
		{remove: "/seventy", want: 0},
		{add: "/seventy", want: 10},
		{add: "/" + strings.Repeat("x", 199), want: 10},
		{remove: "/seventy", want: 203}, // with two length bytes
	} {
		if step.add != "" {
			tb.Add(step.add, 0, false)
			tb.Add(step.add, 0, true) // counts once
		} else {
			tb.Remove(step.remove)
		}
		if got := tb.Shortest(); got != step.want {
			t.Errorf("after +%q -%q the shortest message takes %d bytes, want %d", step.add, step.remove, got, step.want)
		}
	}
}

// fill returns a table with n names.
func fill(n int) (tb *names.Table[int], added []string) {
	added = make([]string, n)
	for i := range added {
		added[i] = fmt.Sprintf("/app/%d/1.0.0", i)
	}
	tb = new(names.Table[int])
	for i, name := range added {
		tb.Add(name, i, false)
	}
	return tb, added
}

// Adding is linear: the cost of one name does not grow with their number.
func TestGrowth(t *testing.T) {
	measure := func(n int) (tb *names.Table[int], added []string, mallocs, bytes uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tb, added = fill(n)
		runtime.ReadMemStats(&after)
		return tb, added, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
	}
	_, _, fewMallocs, fewBytes := measure(10_000)
	tb, added, mallocs, bytes := measure(100_000)
	t.Logf("100 000 names: %.1f allocations and %d bytes for each", float64(mallocs)/100_000, bytes/100_000)
	if mallocs > 15*fewMallocs || bytes > 15*fewBytes {
		t.Errorf("ten times the names take %.1f times the allocations and %.1f times the bytes",
			float64(mallocs)/float64(fewMallocs), float64(bytes)/float64(fewBytes))
	}
	for i, name := range added {
		if n := tb.Lookup([]byte(name)); n == nil || n.Name() != name || n.Value() != i {
			t.Fatalf("%s is not found", name)
		}
	}
	if longest := tb.LongestChain(); longest > 16 {
		t.Errorf("a lookup may have to compare %d names", longest)
	}
	if got := len(maps.Collect(tb.All())); got != 100_000 {
		t.Errorf("All yields %d names", got)
	}
	for i, name := range added {
		if !tb.Remove(name) || tb.Lookup([]byte(name)) != nil {
			t.Fatalf("%s cannot be removed", name)
		}
		if i == 50_000 && tb.Shortest() != wire.MessageSize(len("/app/50001/1.0.0")) {
			t.Errorf("shortest %d after half of the names were removed", tb.Shortest())
		}
	}
	if tb.Shortest() != 0 || len(maps.Collect(tb.All())) != 0 {
		t.Error("names are left after all were removed")
	}
}

// A table that names come to and leave does not grow.
func TestChurn(t *testing.T) {
	tb, _ := fill(10)
	want := tb.Buckets()
	for range 1000 {
		tb.Add("/volatile", 1, false)
		tb.Add("/volatile", 2, true)
		tb.Add("/volatile", 3, false)
		tb.Remove("/volatile")
		tb.Remove("/volatile")
	}
	if got := tb.Buckets(); got != want {
		t.Errorf("%d buckets after adding and removing a name, %d before", got, want)
	}
}

// An iteration may end early, and its body may change the table.
func TestAll(t *testing.T) {
	tb, _ := fill(100)
	seen := 0
	for range tb.All() {
		if seen++; seen == 10 {
			break
		}
	}
	if seen != 10 {
		t.Errorf("an iteration that breaks off saw %d names", seen)
	}
	seen = 0
	for name := range tb.All() {
		seen++
		tb.Remove(name)
		tb.Add(name+"/again", 0, false)
		tb.Remove(name + "/again")
	}
	if left := len(maps.Collect(tb.All())); seen != 100 || left != 0 {
		t.Errorf("an iteration that removes what it sees saw %d of 100 names and left %d", seen, left)
	}
	for range new(names.Table[int]).All() {
		t.Error("an empty table has a name")
	}
}

func TestAllocations(t *testing.T) {
	for _, size := range []int{0, 1, 4, 5, 1000} {
		tb, _ := fill(size)
		for _, text := range []string{"/app/0/1.0.0", "/other", ""} {
			name, message := []byte(text), wire.AppendMessage(nil, text)
			var found *names.Node[int]
			if got := testing.AllocsPerRun(100, func() {
				found = tb.Lookup(name)
				found = tb.LookupMessage(message)
				_ = tb.Shortest()
			}); got != 0 {
				t.Errorf("%d names: looking up %q allocates %v times", size, text, got)
			}
			if want := size > 0 && text == "/app/0/1.0.0"; (found != nil) != want {
				t.Errorf("%d names: %q is found: %v, want %v", size, text, found != nil, want)
			}
		}
	}
}

// A table behaves like a map, whatever is done to it.
func TestModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		var tb names.Table[int]
		model := make(map[string]int)
		universe := 1 + r.IntN(40)
		for step := range 400 {
			name := strings.Repeat("n", r.IntN(4)) + fmt.Sprint(r.IntN(universe))
			_, has := model[name]
			switch r.IntN(3) {
			case 0:
				if got := tb.Add(name, step, false); got == has {
					t.Fatalf("seed %d: Add(%q) = %v", seed, name, got)
				}
				if !has {
					model[name] = step
				}
			case 1:
				if !tb.Add(name, step, true) {
					t.Fatalf("seed %d: Add(%q) with replace fails", seed, name)
				}
				model[name] = step
			case 2:
				if got := tb.Remove(name); got != has {
					t.Fatalf("seed %d: Remove(%q) = %v", seed, name, got)
				}
				delete(model, name)
			}
			compare(t, seed, &tb, model, name)
		}
	}
}

func compare(t *testing.T, seed uint64, tb *names.Table[int], model map[string]int, name string) {
	t.Helper()
	n := tb.Lookup([]byte(name))
	if tb.LookupMessage(wire.AppendMessage(nil, name)) != n {
		t.Fatalf("seed %d: the two lookups of %q differ", seed, name)
	}
	if want, has := model[name]; has != (n != nil) || has && (n.Value() != want || n.Name() != name) {
		t.Fatalf("seed %d: Lookup(%q) = %+v, want %d, %v", seed, name, n, want, has)
	}
	shortest := 0
	for name := range model {
		if size := wire.MessageSize(len(name)); shortest == 0 || size < shortest {
			shortest = size
		}
	}
	if tb.Shortest() != shortest {
		t.Fatalf("seed %d: Shortest = %d, want %d", seed, tb.Shortest(), shortest)
	}
	yielded := 0
	for range tb.All() {
		yielded++
	}
	if got := maps.Collect(tb.All()); yielded != len(model) || !maps.Equal(got, model) {
		t.Fatalf("seed %d: All yields %d names, %v, want %v", seed, yielded, got, model)
	}
}

// While some names are added and removed, and the table doubles, lookups find the
// others, and an iteration yields each of them once, also while they are replaced.
func TestConcurrency(t *testing.T) {
	var tb names.Table[int]
	const stable = 7
	for i := range stable {
		tb.Add(fmt.Sprint("/stable/", i), i, false)
	}
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for round := r; !stop.Load(); round++ {
				i := round % stable
				name := fmt.Sprint("/stable/", i)
				for _, n := range []*names.Node[int]{tb.Lookup([]byte(name)), tb.LookupMessage(wire.AppendMessage(nil, name))} {
					if n == nil || n.Name() != name || n.Value() != i {
						t.Errorf("%s is found as %+v", name, n)
						return
					}
				}
				if round%64 != 0 {
					continue
				}
				yielded := make(map[string]int)
				for name := range tb.All() {
					yielded[name]++
				}
				for i := range stable {
					if name := fmt.Sprint("/stable/", i); yielded[name] != 1 {
						t.Errorf("%s is yielded %d times", name, yielded[name])
						return
					}
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for round := range 20 {
				for i := range 100 {
					name := fmt.Sprint("/volatile/", w, "/", i)
					if !tb.Add(name, round, false) || !tb.Add(name, -round, true) {
						t.Errorf("%s cannot be added", name)
					}
					tb.Add(fmt.Sprint("/stable/", i%stable), i%stable, true)
				}
				for i := range 100 {
					if name := fmt.Sprint("/volatile/", w, "/", i); !tb.Remove(name) {
						t.Errorf("%s cannot be removed", name)
					}
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	if got := len(maps.Collect(tb.All())); got != stable {
		t.Errorf("%d names are left, want %d", got, stable)
	}
}
