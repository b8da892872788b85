package streamtest

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"
)

// Compare measures ours in turns with floor, on one processor. It reports the time of one call of
// ours, how many times as long as floor it takes, and how many allocations it has beyond those of
// floor. The times are medians of rounds: other work on the machine lengthens some of the rounds,
// and in each of them both.
func Compare(b *testing.B, ours, floor func()) {
	b.Helper()
	const calls = 8 // of each in a round; other programs interrupt few rounds that are short
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	allocs := LeastAllocs(calls, math.Inf(-1), ours) - LeastAllocs(calls, math.Inf(-1), floor)
	var times, ratios []float64
	for b.Loop() {
		t, reference := timeOf(calls, ours), timeOf(calls, floor)
		times = append(times, t/calls)
		ratios = append(ratios, t/reference)
	}
	b.ReportMetric(median(times), "ns/op")
	b.ReportMetric(median(ratios), "×floor")
	b.ReportMetric(allocs, "more-allocs/op")
}

// timeOf returns the time of that many calls in nanoseconds.
func timeOf(calls int, f func()) float64 {
	began := time.Now()
	for range calls {
		f()
	}
	return float64(time.Since(began))
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
