package netmux

import (
	"sync"
	"time"
)

// throttle lets one of many equal events pass in each interval.
type throttle struct {
	mu         sync.Mutex
	next       time.Time // when the next one passes
	suppressed int       // since the last one that has passed
}

// allow reports whether an event passes, and how many have not since the last one that has.
func (t *throttle) allow(now time.Time, interval time.Duration) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.suppressed++
		return 0, false
	}
	suppressed = t.suppressed
	t.next, t.suppressed = now.Add(interval), 0
	return suppressed, true
}
