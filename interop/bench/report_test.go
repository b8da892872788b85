package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

func TestTable(t *testing.T) {
	tab := &table{header: []string{"name", "ns"}}
	tab.add("ours", "1")
	const want = "| name | ns |\n|---|--:|\n| ours | 1 |\n"
	if got := tab.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAttribute(t *testing.T) {
	stack := func(weight int64, names ...string) *profile.Sample {
		s := &profile.Sample{Value: []int64{1, weight}}
		for _, name := range names {
			s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		return s
	}
	const library = "github.com/multiselect/multiselect."
	a := account{places: make(map[string]float64), functions: make(map[string]float64), negotiations: 10}
	a.attribute(&profile.Profile{Sample: []*profile.Sample{
		stack(60, "internal/runtime/syscall.Syscall6", "syscall.write", "internal/poll.(*FD).Write", library+"(*Communicator).put"),
		stack(30, "sync.(*Pool).Get", library+"acquire", library+"(*Muxer).Negotiate"),
		stack(10, "runtime.findRunnable", "runtime.mcall"),
		stack(20, "github.com/multiselect/multiselect/internal/watchdog.(*Timer).Add", library+"(*Muxer).Negotiate"),
	}})
	if a.places["kernel: write"] != 60 || a.places["pools"] != 30 || a.places["scheduler and wake-ups"] != 10 || a.places["time limit"] != 20 {
		t.Errorf("places = %v", a.places)
	}
	if len(a.functions) != 2 || a.functions["acquire"] != 30 || a.functions["internal/watchdog.(*Timer).Add"] != 20 {
		t.Errorf("functions = %v, want acquire and the timer", a.functions)
	}
	if got := a.perNegotiation(a.total()); got != 12 {
		t.Errorf("%v ns for one of 10 negotiations that took 120", got)
	}
	if got := largest(a.places, 2); got[0] != "kernel: write" || got[1] != "pools" {
		t.Errorf("largest = %q", got)
	}
}

var update = flag.Bool("update", false, "write testdata/*.svg")

// compareGolden compares a plot with one that was looked at.
func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(want), "\r\n", "\n") != got {
		t.Errorf("%s is not what is drawn: run with -update, and look at the difference", path)
	}
}

// The page can be written from the measurements of a run, here very few.
func TestPage(t *testing.T) {
	r := &report{Machine: thisMachine(), Rounds: 1, Passes: 5, Duration: time.Minute}
	for _, tr := range transports {
		one := make(results)
		for _, v := range variants {
			one[v.name] = []float64{1000}
		}
		one[limitOn] = []float64{1250}
		r.transports = append(r.transports, transportCost{tr.name, one, one, map[int]results{2: one, 5: one, 10: one}, one})
	}
	for _, n := range handlerCounts {
		cpu := results{ours.name: {90}, oursNoLimit.name: {70}, goms.name: {float64(n)}}
		r.handlers = append(r.handlers, handlerCost{n, cpu, r.transports[0].one})
	}
	r.memory = []memoryCost{{"TCP", "nothing", "floor", memory{900, 2100, 4000}}, {"TCP", "nothing", "ours", memory{1200, 2200, 4100}}}
	r.figures = []figure{{"tcp", true, 1, 2}, {"unix", false, 3, 2}, {pipe, false, 3, 0}}
	r.skipped = []skip{{"Rust", "cargo is not installed"}}
	folder := t.TempDir()
	if err := r.write(folder); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"transports": r.plotTransports(), "handlers": r.plotHandlers(), "half-open": r.plotMemory()} {
		compareGolden(t, filepath.Join("testdata", name+".svg"), got)
	}
	for got, want := range map[string]string{
		r.Verdict():      "1 of 2",
		r.FigureTable():  "| unix | - |  | 3.000 | 2.00 | missed |",
		r.MemoryTable():  "| 1.13 |",
		r.ForeignTable(): "Skipped, 1 of 2: Rust, because cargo is not installed.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	page, err := os.ReadFile(filepath.Join(folder, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 of 2 are kept", "takes 1.25 times the floor", "median of 5 passes", "holds 3.4 kB", "at most 1.25 times"} {
		if !strings.Contains(strings.Join(strings.Fields(string(page)), " "), want) {
			t.Errorf("the page has no %q", want)
		}
	}
}
