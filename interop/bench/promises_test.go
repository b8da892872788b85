package main

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestIsKept(t *testing.T) {
	for _, test := range []struct {
		ratio float64
		want  bool
	}{{1.0499, true}, {1.05, true}, {1.0501, false}, {math.NaN(), false}} {
		if got := (figure{"tcp", false, test.ratio, 1.05}).isKept(); got != test.want {
			t.Errorf("%v is kept: %v", test.ratio, got)
		}
	}
}

// Figures without a bound are shown, and count for nothing.
func TestSummary(t *testing.T) {
	figures := []figure{{"tcp", true, 1.2, 1.08}, {"tcp", false, 1.01, 1.05}, {"net.Pipe", false, 9, 0}}
	text, code := summary(figures)
	const want = "missed: tcp, time limit on: 1.200, at most 1.08\n1 of 2 promises are kept\n"
	if text != want || code != 1 {
		t.Errorf("got %d, %q", code, text)
	}
	if text, code := summary(figures[1:]); text != "1 of 1 promises are kept\n" || code != 0 {
		t.Errorf("got %d, %q", code, text)
	}
	figures[1].Ratio = math.NaN()
	if _, code := summary(figures[1:]); code != 1 {
		t.Error("a figure that was not measured is kept")
	}
}

func TestFigureTable(t *testing.T) {
	const want = `figure    time limit on  at most  switched off  at most  promise
tcp               1.062     1.08         1.031     1.05     kept
unix              1.100                  1.090     1.07   missed
net.Pipe          1.500                  1.400              none
memory            1.085     1.10             -              kept
`
	got := figureTable([]figure{
		{"tcp", true, 1.0621, 1.08},
		{"tcp", false, 1.031, 1.05},
		{"unix", true, 1.1, 0},
		{"unix", false, 1.09, 1.07},
		{"net.Pipe", true, 1.5, 0},
		{"net.Pipe", false, 1.4, 0},
		{"memory", true, 1.085, 1.1},
	}).aligned()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Every row has both figures, and the bounds are those that were ever promised.
func TestBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("the race of 100 000 handlers; go test without -short plays it")
	}
	var got []figure
	for _, race := range races {
		figures, err := race()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range figures {
			if !(f.Ratio > 0) {
				t.Errorf("%s: %v", f.Name, f.Ratio)
			}
			f.Ratio = 0
			got = append(got, f)
		}
	}
	want := slices.Concat(
		row("tcp", 0, 0, bounds{1.08, 1.05}), row("tcp-mixed", 0, 0, bounds{0, 1.12}),
		row("unix", 0, 0, bounds{0, 1.07}), row("yamux5", 0, 0, bounds{0, 1.04}),
		row("in-memory", 0, 0, bounds{0, 1.35}), row("net.Pipe", 0, 0, bounds{}),
		row("tcp-k2", 0, 0, bounds{0, 1.05}), row("tcp-k5", 0, 0, bounds{0, 1.05}), row("tcp-k10", 0, 0, bounds{0, 1.05}),
		row("lazy", 0, 0, bounds{0, 1.65}),
		row("cpu-initiator", 0, 0, bounds{0.25, 0.1}), row("cpu-responder", 0, 0, bounds{0.25, 0.1}),
		row("100000-handlers", 0, 0, bounds{0, 1.3}),
	)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestMeasurePass(t *testing.T) {
	if err := measurePass("tomorrow"); err == nil {
		t.Error("a pass without a time to stop has run")
	}
}

func TestMedianOfFigures(t *testing.T) {
	ratios := func(tcp, unix float64) pass {
		return pass{Figures: []figure{{"tcp", true, tcp, 1.05}, {"unix", false, unix, 1.07}}}
	}
	passes := []pass{ratios(1.03, 1.02), ratios(9, 1.06), ratios(1.01, 1.04)}
	want := ratios(1.03, 1.04).Figures
	if got, err := medianOfFigures(passes); err != nil || !slices.Equal(got, want) {
		t.Errorf("the median is %v, %v", got, err)
	}
	if passes[0].Figures[1].Ratio != 1.02 {
		t.Error("a pass was changed")
	}
	other := ratios(1, 1)
	other.Figures[0].Limited = false
	for _, bad := range [][]pass{{{}, {}}, {ratios(1, 1), {}}, {ratios(1, 1), {Figures: want[:1]}}, {ratios(1, 1), other}} {
		if got, err := medianOfFigures(bad); err == nil {
			t.Errorf("the median of %v is %v", bad, got)
		}
	}
}

// A pass reaches the process that has started it, digit for digit.
func TestPass(t *testing.T) {
	sent := pass{[]figure{{"tcp", true, 1.0 / 3, 1.05}}, roundCounts{3, 2, 1}}
	text, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var received pass
	if err := json.Unmarshal(text, &received); err != nil || !reflect.DeepEqual(received, sent) {
		t.Errorf("sent %v, received %v, %v", sent, received, err)
	}
	if _, err := json.Marshal(pass{Figures: []figure{{Ratio: math.NaN()}}}); err == nil {
		t.Error("a race without a result was sent")
	}
}

// The benchmark of 4f382e5 writes no Limited, and the suffix -budget instead.
const olderPass = `{"Figures":[{"Name":"tcp","Ratio":1.04,"Target":1.05},{"Name":"net.Pipe","Ratio":1.4,"Target":1.5},` +
	`{"Name":"tcp-budget","Ratio":1.1,"Target":1.08}],"Census":{"Tried":1,"Kept":1,"Disturbed":0}}`

func TestCompare(t *testing.T) {
	var older pass
	if err := json.Unmarshal([]byte(olderPass), &older); err != nil {
		t.Fatal(err)
	}
	this := func(tcp float64) pass {
		return pass{Figures: []figure{
			{"tcp", true, 1.1, 1.08}, {"tcp", false, tcp, 1.05}, {"unix", true, 1.2, 0}, {"unix", false, 1.06, 1.07}, {"net.Pipe", false, 1.68, 0},
		}}
	}
	all, err := compare([][2]pass{{this(1.04), older}, {this(1.144), older}, {this(1.092), older}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `figure    time limit   this   base           this / base      at most                   verdict
tcp               on  1.100  1.100  1.000 (1.000..1.000)         1.08  missed by both, no worse
tcp              off  1.092  1.040  1.050 (1.025..1.075)         1.05                    missed
unix             off  1.060      -                     -         1.07                      kept
net.Pipe         off  1.680  1.400  1.200 (1.200..1.200)  1.25 × base                      kept
`
	if got := comparisonTable(all).aligned(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	text, code := baseSummary(all)
	if text != "2 kept, 1 missed by both and no worse here, 1 missed\n" || code != 1 {
		t.Errorf("got %d, %q", code, text)
	}
	if _, err := compare([][2]pass{{this(1), pass{}}}); err == nil {
		t.Error("a checkout that measures nothing was compared")
	}
}

func TestVerdict(t *testing.T) {
	of := func(name string, ratio, bound, base, change float64) string {
		return comparison{figure{name, false, ratio, bound}, base, spread{change, change, change}}.verdict()
	}
	for _, test := range []struct{ got, want string }{
		{of("unix", 1.07, 1.07, 1.0, 1.07), kept},
		{of("unix", 1.08, 1.07, 1.0, 1.08), missed},
		{of("unix", 1.08, 1.07, 1.08, 1.0), noWorse},
		{of("unix", 1.1, 1.07, 1.08, 1.021), missed},
		{of("unix", 1.1, 1.07, math.NaN(), math.NaN()), missed},
		{of("unix", math.NaN(), 1.07, 1.08, math.NaN()), missed},
		{of(pipe, 1.7, 0, 1.4, 1.25), kept},
		{of(pipe, 1.7, 0, 1.3, 1.26), missed},
		{of(pipe, 1.7, 0, math.NaN(), math.NaN()), missed},
		{of("hashicorp", 1.7, 0, 1.3, 1.26), shown},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

func TestBuildBase(t *testing.T) {
	if _, _, err := buildBase(t.TempDir()); err == nil || !strings.Contains(err.Error(), "interop/bench") {
		t.Errorf("built a benchmark from an empty folder: %v", err)
	}
}
