package streamtest

import (
	"math"
	"testing"
)

// LeastAllocs returns the average number of allocations of a call of f, in the best of up
// to twenty measurements of this many runs. It stops when the result is at most want.
// Values from a [sync.Pool] make single measurements unreliable on a busy machine: both
// ends of a stream run in this process, and while one of them is preempted the value that
// it has taken is missing from the pool. Code that allocates does so in each measurement.
func LeastAllocs(runs int, want float64, f func()) float64 {
	least := math.Inf(1)
	for n := 0; n < 20 && least > want; n++ {
		least = min(least, testing.AllocsPerRun(runs, f))
	}
	return least
}
