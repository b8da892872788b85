package main

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestBudget finds the longest list that the default budget of 10 s allows over
// 300 ms: the model is the library's up to there and not beyond.
func TestBudget(t *testing.T) {
	const rtt = 300 * time.Millisecond
	most := int(10 * time.Second / rtt)
	for _, k := range []int{most, most + 1} {
		d := dial{names: names(k)}
		d.peer = d.names[k-1:]
		synctest.Test(t, func(t *testing.T) {
			m := d.muxer(t)
			if k <= most {
				compare(t, callerOf(sequential), d, m, distance{rtt / 2, rtt / 2, 0})
				return
			}
			o, err := callerOf(sequential).negotiate(d, m, distance{rtt / 2, rtt / 2, 0})
			if !errors.Is(err, os.ErrDeadlineExceeded) || o.time != 10*time.Second {
				t.Errorf("k = %d ended after %v with %v, want 10s and %v", k, o.time, err, os.ErrDeadlineExceeded)
			}
		})
	}
}
