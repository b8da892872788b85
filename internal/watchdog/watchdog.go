// Package watchdog calls functions when time limits expire. A few timers serve all
// time limits of the process.
//
// A timer for each time limit would cost a half-open negotiation as much memory as
// everything else that is kept for it, and would nearly always be set and stopped
// without expiring. Here an [Entry] enters a heap, mostly at its end, and leaves it
// again. The timer is not stopped: it fires when the first of many deadlines would
// have passed, and is set again if entries are left.
//
// No goroutine runs while the entries wait, and neither [Watchdog.Add] nor
// [Watchdog.Remove] allocates once the heap has grown to its size.
package watchdog

import (
	"sync"
	"sync/atomic"
	"time"
)

// MaxTimeout is the longest timeout: about 146 years. Its sum with a time since the
// epoch of [Now] does not overflow, and a longer timeout counts as MaxTimeout.
const MaxTimeout time.Duration = 1 << 62

// epoch is the time that all times of this package are measured from.
var epoch = time.Now()

// Now returns the time since the epoch of this package, which is the start of the
// process. In a testing/synctest bubble it is negative, and nowhere else.
func Now() time.Duration { return time.Since(epoch) }

// isBubble reports whether Now has returned a time in a testing/synctest bubble,
// whose clocks begin in the year 2000.
func isBubble(now time.Duration) bool { return now < 0 }

// Entry is a time limit. It is a field of the value whose time is limited, so that
// setting a limit allocates nothing. The zero value with Expire set is ready for
// [Watchdog.Add]. An Entry must not be copied or freed while it is added: the
// Watchdog refers to it.
//
// [Watchdog.Add], [Watchdog.Remove] and [Entry.Deadline] must not be called
// concurrently for one Entry: its owner serializes them. They may be called
// concurrently with the expiry of the Entry, and with calls for other entries.
type Entry struct {
	// Expire is called when the time limit expires, in a goroutine of its own and
	// without a lock held; it may block. It must be set before Add and not be
	// changed until Remove has returned true or Expire has been called.
	Expire func()

	// Only the owner writes these, and deadline only outside of the heap.
	deadline time.Duration
	added    bool // Add was called, and Remove was not called since

	index int32 // one more than the position in the heap, 0 outside of it; guarded by mu
}

// Deadline returns the time at which a time limit expires or has expired, as a time
// since the epoch of [Now]. It reports false if the Entry is not added, which means
// that Remove was called after Add, or Add never.
func (e *Entry) Deadline() (deadline time.Duration, ok bool) { return e.deadline, e.added }

// Watchdog watches over any number of entries with one timer. Any number of
// goroutines may use it. [For] returns one.
type Watchdog struct {
	bubble bool // made in a testing/synctest bubble

	mu    sync.Mutex
	heap  []*Entry // by deadline, the earliest first
	timer *time.Timer
	next  time.Duration // when the timer fires, 0 while it is not set
}

// shared are several so that processors seldom wait for each other's lock.
var (
	shared     [16]Watchdog
	lastShared atomic.Uint32
)

// For returns a Watchdog for a time limit that begins now, which is a result of
// [Now]. It returns last if possible, the result of an earlier call or nil. Callers
// should keep the result for the next time: a value that stays on a processor, in a
// [sync.Pool] for example, then uses a Watchdog that few other processors use.
//
// The timers of a testing/synctest bubble must not be used outside of it, and the
// time of other timers does not pass inside. So For returns a new Watchdog for each
// time limit that begins in a bubble, and last only if it was made outside of one.
func For(last *Watchdog, now time.Duration) *Watchdog {
	switch {
	case isBubble(now):
		return &Watchdog{bubble: true}
	case last == nil || last.bubble:
		return &shared[lastShared.Add(1)%uint32(len(shared))]
	default:
		return last
	}
}

// Add sets a time limit: Expire will be called when the timeout has passed, counted
// from now, unless [Watchdog.Remove] is called before. A timeout of zero or less
// expires immediately. Add panics if the Entry is added already.
//
// An Entry may be added again after Remove, also if it had expired; then the call
// of Expire may still be in progress, and is not distinguished from the next one.
func (w *Watchdog) Add(e *Entry, now, timeout time.Duration) {
	if e.added {
		panic("watchdog: the entry is added already")
	}
	e.added = true
	e.deadline = now + min(max(timeout, 0), MaxTimeout)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heap = append(w.heap, nil)
	w.up(e, len(w.heap)-1)
	if w.next == 0 || e.deadline < w.next {
		w.set(e.deadline, now)
	}
}

// Remove ends a time limit that was set with Add on the same Watchdog. It reports
// false if the time limit has expired: Expire was called, is running, or is about to
// be called in a goroutine that has started. After true Expire is not called. For an
// Entry that is not added Remove does nothing and returns true; w may be nil then.
//
// Remove does not wait for Expire.
func (w *Watchdog) Remove(e *Entry) bool {
	if !e.added {
		return true
	}
	e.added = false
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := e.index > 0
	if waiting {
		w.delete(e)
	}
	e.deadline = 0
	return waiting
}

// expire is called by the timer.
func (w *Watchdog) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := Now()
	w.next = 0
	for len(w.heap) > 0 {
		first := w.heap[0]
		if first.deadline > now {
			w.set(first.deadline, now)
			return
		}
		w.delete(first)
		go first.Expire()
	}
}

func (w *Watchdog) set(deadline, now time.Duration) {
	w.next = deadline
	if w.timer == nil {
		w.timer = time.AfterFunc(deadline-now, w.expire)
		return
	}
	w.timer.Reset(deadline - now)
}

// delete takes an entry out of the heap. The last one takes its place.
func (w *Watchdog) delete(e *Entry) {
	i, end := int(e.index)-1, len(w.heap)-1
	last := w.heap[end]
	w.heap[end] = nil
	w.heap = w.heap[:end]
	e.index = 0
	if last != e && !w.up(last, i) {
		w.down(last, i)
	}
}

// up puts an entry at position i, or further up. It reports whether it has moved.
func (w *Watchdog) up(e *Entry, i int) bool {
	start := i
	for i > 0 {
		parent := (i - 1) / 2
		if w.heap[parent].deadline <= e.deadline {
			break
		}
		w.put(w.heap[parent], i)
		i = parent
	}
	w.put(e, i)
	return i < start
}

// down puts an entry at position i, or further down.
func (w *Watchdog) down(e *Entry, i int) {
	for {
		child := 2*i + 1
		if child+1 < len(w.heap) && w.heap[child+1].deadline < w.heap[child].deadline {
			child++
		}
		if child >= len(w.heap) || e.deadline <= w.heap[child].deadline {
			w.put(e, i)
			return
		}
		w.put(w.heap[child], i)
		i = child
	}
}

func (w *Watchdog) put(e *Entry, i int) {
	w.heap[i] = e
	e.index = int32(i + 1)
}
