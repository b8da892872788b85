package serving

import (
	"sync"
	"time"
)

// throttleInterval is the interval of a throttle.
const throttleInterval = 10 * time.Second

// throttle bounds how many clients the log shows in an interval, since clients can cause any
// number of lines.
type throttle struct {
	max    int              // clients in an interval; no limit if not positive
	report func(hidden int) // called in each interval in which some were not shown

	mu     sync.Mutex
	began  time.Time
	shown  int
	hidden int
}

// allow reports whether one more client may be shown.
func (t *throttle) allow() bool {
	if t.max <= 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.hidden == 0 && now.Sub(t.began) >= throttleInterval {
		t.began, t.shown = now, 0
	}
	if t.shown < t.max {
		t.shown++
		return true
	}
	if t.hidden++; t.hidden == 1 {
		time.AfterFunc(throttleInterval-time.Since(t.began), t.flush)
	}
	return false
}

// flush ends an interval in which clients were not shown.
func (t *throttle) flush() {
	t.mu.Lock()
	hidden := t.hidden
	t.hidden = 0
	t.mu.Unlock()
	if hidden > 0 {
		t.report(hidden)
	}
}
