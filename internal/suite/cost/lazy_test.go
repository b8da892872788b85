package cost_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestGateLazyAllocations checks that a lazy stream takes one allocation: its own value.
func TestGateLazyAllocations(t *testing.T) {
	skipUnderRace(t)
	for _, network := range networks {
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools keep their values
		initiator, responder := streamtest.Connect(t, network)
		negotiate := apitest.EndlessLazy(t, initiator, responder)
		const many = 100
		allocs := streamtest.LeastAllocs(5, many, func() {
			for range many {
				negotiate()
			}
		})
		if allocs != many {
			t.Errorf("%s: %v allocations in %d negotiations, both sides together; want %d", network, allocs, many, many)
		}
	}
}

// TestGateLazyCalls checks that request and reply take one Write and one Read, or two
// Reads if answer and reply arrive separately. No goroutine is started and no deadline is
// set.
func TestGateLazyCalls(t *testing.T) {
	for _, network := range networks {
		a, b := streamtest.Connect(t, network)
		initiator := watch(a)
		negotiate := apitest.EndlessLazy(t, initiator, b)
		negotiate()
		before := runtime.NumGoroutine()
		initiator.restart(before)
		const times = 50
		for range times {
			negotiate()
		}
		check(t, "writes", initiator.Writes.Load(), times)
		if reads := initiator.Reads.Load(); reads < times || reads > 2*times {
			t.Errorf("%d reads in %d negotiations", reads, times)
		}
		check(t, "deadlines", initiator.Deadlines.Load(), 0)
		if n := initiator.crowded.Load(); n > times/5 {
			t.Errorf("in %d calls of %d negotiations there were more than the %d goroutines from before", n, times, before)
		}
	}
}
