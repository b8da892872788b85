package cost_test

import (
	"runtime/debug"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

func TestGateAllocations(t *testing.T) {
	skipUnderRace(t)
	for _, network := range networks {
		for _, g := range gates() {
			t.Run(network+"/"+g.name, func(t *testing.T) {
				defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools keep what they have
				initiator, responder := streamtest.Connect(t, network)
				negotiate := g.endless(t, initiator, responder)
				const many = 100 // the average is rounded down to whole allocations
				allocs := streamtest.LeastAllocs(5, 0, func() {
					for range many {
						negotiate()
					}
				})
				if allocs != 0 {
					t.Errorf("%v allocations in %d negotiations, both sides together; want 0", allocs, many)
				}
			})
		}
	}
}
