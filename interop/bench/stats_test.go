package main

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	values := []float64{4, 1, 3, 2, 5}
	if got, want := spreadOf(values), (spread{3, 2, 4}); got != want {
		t.Errorf("spreadOf(%v) = %v, want %v", values, got, want)
	}
	if values[0] != 4 {
		t.Error("spreadOf has sorted its argument")
	}
	if got := spreadOf([]float64{1, 2}).median; got != 1.5 {
		t.Errorf("median of 1 and 2 = %v", got)
	}
	if got := spreadOf(nil).median; !math.IsNaN(got) {
		t.Errorf("median of nothing = %v", got)
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{nanoseconds(9999), "9999 ns"},
		{nanoseconds(13_229), "13.2 µs"},
		{nanoseconds(44e6), "44.0 ms"},
		{nanoseconds(math.NaN()), "-"},
		{short(1.0527), "1.053"},
		{short(46.59), "46.6"},
		{short(10_302), "10302"},
		{tenths(2), "2"},
		{tenths(1.998), "2"},
		{tenths(0.122), "0.1"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// The ratio is taken inside each round, so a machine that becomes three times
// slower half-way changes nothing.
func TestRaceIsPaired(t *testing.T) {
	rounds := 0
	costs := func(ns int) batch {
		return func(n int) (time.Duration, error) {
			slow := 1 + rounds/20%2*2 // both contenders of a round have the same
			rounds++
			return time.Duration(n * ns * slow), nil
		}
	}
	r, err := race(20, []contender{{"a", costs(100), 10, true}, {"b", costs(150), 10, true}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.ratio("b", "a"); got != (spread{1.5, 1.5, 1.5}) {
		t.Errorf("ratio = %v, want 1.5 in all rounds", got)
	}
	if n := len(r["a"]); n != 20 {
		t.Errorf("%d rounds, want 20", n)
	}
}

func TestSizeOf(t *testing.T) {
	c := contender{name: "1 µs", run: func(n int) (time.Duration, error) { return time.Duration(n) * time.Microsecond, nil }}
	n, err := sizeOf(c)
	if err != nil || n != int(batchTime/time.Microsecond) {
		t.Errorf("sizeOf = %d, %v; want 8 ms of 1 µs", n, err)
	}
}

func TestFigure(t *testing.T) {
	for _, test := range []struct {
		figure
		line string
	}{
		{figure{"tcp", 1.0499, 1.05}, "tcp                       1.050  1.05 ok"},
		{figure{"tcp", 1.0501, 1.05}, "tcp                       1.050  1.05 short"},
		{figure{"tcp", math.NaN(), 1.05}, "tcp                         NaN  1.05 short"},
	} {
		if got := test.figure.String(); got != test.line {
			t.Errorf("got  %q\nwant %q", got, test.line)
		}
	}
}

func TestRunPass(t *testing.T) {
	if err := runPass("tomorrow"); err == nil {
		t.Error("a pass that does not know when to stop has run")
	}
}

func TestMiddleOfFigures(t *testing.T) {
	ratios := func(tcp, unix float64) pass { return pass{Figures: []figure{{"tcp", tcp, 1.05}, {"unix", unix, 1.07}}} }
	passes := []pass{ratios(1.03, 1.02), ratios(9, 1.06), ratios(1.01, 1.04)}
	want := []figure{{"tcp", 1.03, 1.05}, {"unix", 1.04, 1.07}}
	if got, err := middleOfFigures(passes); err != nil || !slices.Equal(got, want) {
		t.Errorf("the middle is %v, %v", got, err)
	}
	if passes[0].Figures[1].Ratio != 1.02 {
		t.Error("a pass was changed")
	}
	for _, bad := range [][]pass{{{}, {}}, {ratios(1, 1), {}}, {ratios(1, 1), {Figures: want[:1]}}} {
		if got, err := middleOfFigures(bad); err == nil {
			t.Errorf("the middle of %v is %v", bad, got)
		}
	}
}

// A pass tells what its race has found, digit for digit.
func TestPass(t *testing.T) {
	told := pass{[]figure{{"tcp", 1.0 / 3, 1.05}}, roundCounts{3, 2, 1}}
	text, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	var heard pass
	if err := json.Unmarshal(text, &heard); err != nil || !reflect.DeepEqual(heard, told) {
		t.Errorf("told %v, heard %v, %v", told, heard, err)
	}
	if _, err := json.Marshal(pass{Figures: []figure{{Ratio: math.NaN()}}}); err == nil {
		t.Error("a race that found nothing was told")
	}
}
