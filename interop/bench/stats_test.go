package main

import (
	"math"
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
		{formatTime(9999), "9999 ns"},
		{formatTime(13_229), "13.2 µs"},
		{formatTime(44e6), "44.0 ms"},
		{formatTime(math.NaN()), "-"},
		{formatRatio(1.0527), "1.053"},
		{formatRatio(46.59), "46.6"},
		{formatRatio(10_302), "10302"},
		{formatCount(2), "2"},
		{formatCount(1.998), "2"},
		{formatCount(0.122), "0.1"},
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

func TestBatchSize(t *testing.T) {
	c := contender{name: "1 µs", run: func(n int) (time.Duration, error) { return time.Duration(n) * time.Microsecond, nil }}
	n, err := batchSize(c)
	if err != nil || n != int(batchTime/time.Microsecond) {
		t.Errorf("batchSize = %d, %v; want 8 ms of 1 µs", n, err)
	}
}
