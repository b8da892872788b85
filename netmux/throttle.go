package netmux

import (
	"sync"
	"time"
)

// throttle lets one of many events of a kind pass in each interval.
type throttle struct {
	mu    sync.Mutex
	kinds map[string]*window
}

// window is the interval of one kind of events.
type window struct {
	next       time.Time // when the next one passes
	suppressed int       // since the last one that has passed
}

// allow reports whether an event passes, and how many of its kind have not since the last one
// that has.
func (t *throttle) allow(kind string, now time.Time, interval time.Duration) (suppressed int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.kinds[kind]
	if w == nil {
		w = new(window)
		if t.kinds == nil {
			t.kinds = make(map[string]*window)
		}
		t.kinds[kind] = w
	}
	if now.Before(w.next) {
		w.suppressed++
		return 0, false
	}
	suppressed = w.suppressed
	w.next, w.suppressed = now.Add(interval), 0
	return suppressed, true
}
