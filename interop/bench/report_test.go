package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestBars(t *testing.T) {
	svg := bars{
		title: "a < b", xLabel: "groups", yLabel: "bytes", series: []series{{"x", inkFloor}, {"y", inkOurs}}, groups: []string{"g", "h"},
		values: [][]float64{{1, 2}, {math.NaN(), 4}}, base: 1, format: "%.0f",
	}.draw()
	wellFormed(t, svg)
	for _, part := range []string{"a &lt; b", ">bytes<", ">x<", ">h<", ">groups<", `class="base"`, "prefers-color-scheme: dark"} {
		if !strings.Contains(svg, part) {
			t.Errorf("the picture has no %s", part)
		}
	}
	if strings.Contains(svg, "NaN") {
		t.Error("the picture has a NaN")
	}
	if n := strings.Count(svg, "<rect "); n != 1+2+3 { // page, legend, bars
		t.Errorf("%d rectangles, want 6", n)
	}
}

func TestCurves(t *testing.T) {
	svg := curves{
		title: "t", xLabel: "n", yLabel: "ns", series: []series{{"s", inkOurs}},
		x: []float64{1, 10, 100_000}, y: [][]float64{{50, 70, 1e6}},
	}.draw()
	wellFormed(t, svg)
	for _, part := range []string{">100\u202f000<", ">10<", ">1\u202f000\u202f000<"} {
		if !strings.Contains(svg, part) {
			t.Errorf("the picture has no %s", part)
		}
	}
	if n := strings.Count(svg, "<circle "); n != 3 {
		t.Errorf("%d points, want 3", n)
	}
}

func TestNiceStep(t *testing.T) {
	for atLeast, want := range map[float64]float64{0.3: 0.5, 1: 1, 1.1: 2, 480: 500, 1200: 2000, 6: 10} {
		if got := niceStep(atLeast); math.Abs(got-want) > 1e-9 {
			t.Errorf("niceStep(%v) = %v, want %v", atLeast, got, want)
		}
	}
}

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
	for _, picture := range []string{r.plotTransports(), r.plotHandlers(), r.plotMemory()} {
		wellFormed(t, picture)
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
