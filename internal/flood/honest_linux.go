package flood

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Times are how long the calls of an honest client took, in order of length.
type Times []time.Duration

// Measure calls an honest client that many times, and fails the test if it is refused once.
func Measure(t testing.TB, calls int, honest func() error) (all Times) {
	t.Helper()
	for i := range calls {
		start := time.Now()
		if err := honest(); err != nil {
			t.Errorf("call %d of an honest client: %v", i+1, err)
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all
}

// Percentile returns the time that p of 100 calls did not exceed.
func (t Times) Percentile(p int) time.Duration {
	return t[len(t)*p/100]
}

// Figures are the medians of paired runs.
type Figures struct {
	Idle, P50, P99 time.Duration // p50 idle; p50 and p99 attacked
	R50, R99       float64       // attacked divided by idle, of each run
	Attacks        int           // in all runs
	Took           time.Duration // attacked, in all runs
}

func (f Figures) String() string {
	return fmt.Sprintf("p50 %v idle, %v attacked (%.2f ×), p99 %v (%.2f ×), %.0f attacks/s",
		f.Idle.Round(time.Microsecond), f.P50.Round(time.Microsecond), f.R50,
		f.P99.Round(time.Microsecond), f.R99, float64(f.Attacks)/f.Took.Seconds())
}

// Compare measures an honest client idle and attacked, in pairs. Rest waits until the server is
// idle after an attack.
func Compare(t testing.TB, pairs, calls int, honest func() error, start func() *Flood, rest func()) (f Figures) {
	t.Helper()
	var idle, p50, p99 []time.Duration
	var r50, r99 []float64
	for range pairs {
		before := Measure(t, calls, honest)
		flood := start()
		began := time.Now()
		attacked := Measure(t, calls, func() error {
			flood.Allow()
			return honest()
		})
		f.Took += time.Since(began)
		f.Attacks += flood.Stop()
		rest()
		idle = append(idle, before.Percentile(50))
		p50 = append(p50, attacked.Percentile(50))
		p99 = append(p99, attacked.Percentile(99))
		r50 = append(r50, float64(attacked.Percentile(50))/float64(before.Percentile(50)))
		r99 = append(r99, float64(attacked.Percentile(99))/float64(before.Percentile(99)))
	}
	f.Idle, f.P50, f.P99, f.R50, f.R99 = median(idle), median(p50), median(p99), median(r50), median(r99)
	return f
}

func median[T time.Duration | float64](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}
