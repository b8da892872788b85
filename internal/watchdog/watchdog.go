// Package watchdog calls functions when time limits expire. A few timers serve all time
// limits of a kind.
//
// A timer for each time limit would double the memory of a half-open negotiation, and would
// nearly always be stopped before it expires. Here the value whose time is limited has an
// [Entry], and is added to a heap, mostly at its end. The timer is not stopped: it fires at
// the time that was set, and is set again if values are left.
//
// A time limit takes one word of the heap in addition to its Entry, and no goroutine. Once
// the heap has grown to its size, [Watchdog.Add] and [Watchdog.Remove] do not allocate.
//
// A package declares a [Kind], gets a [Watchdog] for each value with [Kind.For], and calls
// Add when the time begins and Remove when it ends.
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

// Now returns the time since the epoch of this package, which is the start of the process. It is
// negative only in a testing/synctest bubble, whose clocks begin in the year 2000.
func Now() time.Duration { return time.Since(epoch) }

// Entry is the time limit of a value, which has it as a field, so that setting a
// limit allocates nothing. The zero value is ready for [Watchdog.Add].
type Entry struct {
	// The callers of Add and Remove write these, and deadline only outside of the heap.
	deadline time.Duration
	added    bool // Add was called, and Remove was not called since

	index int32 // one more than the position in the heap, 0 outside of it; guarded by mu
}

// Deadline returns the time at which a time limit expires or has expired, as a time since the epoch
// of [Now]. It reports false if there is none: Add was never called, or Remove was called after it.
func (e *Entry) Deadline() (deadline time.Duration, ok bool) { return e.deadline, e.added }

// Kind is a kind of time limit: that of values of type T, each of which has an [Entry] for
// it. [NewKind] makes one.
type Kind[T any] struct {
	entry  func(*T) *Entry
	expire func(*T)

	// Several, so that processors rarely wait for a lock.
	shared     [16]Watchdog[T]
	lastShared atomic.Uint32
}

// NewKind returns a kind of time limit. The function entry returns the Entry of a value, always the
// same; it is called with a lock held and must not block. The function expire is called when a time
// limit expires, in its own goroutine and without a lock held; it may block.
func NewKind[T any](entry func(*T) *Entry, expire func(*T)) *Kind[T] {
	k := &Kind[T]{entry: entry, expire: expire}
	for i := range k.shared {
		k.shared[i].kind = k
	}
	return k
}

// For returns a Watchdog for a time limit that begins now, which is a result of [Now]. It
// returns last if possible, which is nil or the result of an earlier call. Callers should
// keep the result for the next call: a value that stays on a processor, in a [sync.Pool]
// for example, then uses a Watchdog that few other processors use.
//
// The timers of a testing/synctest bubble must not be used outside of it, nor other timers
// inside. So For returns a new Watchdog for each time limit that begins in a bubble.
func (k *Kind[T]) For(last *Watchdog[T], now time.Duration) *Watchdog[T] {
	switch {
	case now < 0: // in a bubble
		return &Watchdog[T]{kind: k, bubble: true}
	case last == nil || last.bubble:
		return &k.shared[k.lastShared.Add(1)%uint32(len(k.shared))]
	default:
		return last
	}
}

// Watchdog serves any number of time limits of a [Kind] with one timer.
//
// Its methods may be called concurrently for different values. For one value the
// calls of Add, Remove and [Entry.Deadline] must not be concurrent with each other,
// but may be concurrent with its expiry. From Add until Remove, or until expire has
// been called, the Watchdog refers to the value, which must not be copied.
type Watchdog[T any] struct {
	kind   *Kind[T]
	bubble bool // made in a testing/synctest bubble

	mu    sync.Mutex
	heap  []*T // by deadline, the earliest first
	timer *time.Timer
	next  time.Duration // when the timer fires, 0 while it is not set
}

// Add sets the time limit of a value, whose Entry is e: the expire function of the Kind is called
// when the timeout has passed, counted from now, unless [Watchdog.Remove] is called before. A
// timeout of zero or less expires immediately. Add panics if the value has a time limit already.
//
// A value may be added again after Remove, even while the expire of its last time limit is still
// running.
func (w *Watchdog[T]) Add(v *T, e *Entry, now, timeout time.Duration) {
	if e.added {
		panic("watchdog: the value has a time limit already")
	}
	e.added = true
	e.deadline = now + min(max(timeout, 0), MaxTimeout)
	w.mu.Lock() // without defer, here and in Remove: both are on the path of each negotiation
	w.heap = append(w.heap, nil)
	w.up(v, e, len(w.heap)-1)
	if w.next == 0 || e.deadline < w.next {
		w.set(e.deadline, now)
	}
	w.mu.Unlock()
}

// Remove ends the time limit of an Entry that was set with Add on the same Watchdog, and returns
// true if expire will not be called for it. It returns false if the time limit has expired: expire
// has returned, is running or is about to run in its goroutine, for which Remove does not wait.
// Remove returns true if it has no time limit; a nil Watchdog has set none.
func (w *Watchdog[T]) Remove(e *Entry) bool {
	if w == nil || !e.added {
		return true
	}
	e.added = false
	w.mu.Lock()
	waiting := e.index > 0
	if waiting {
		w.delete(e)
	}
	e.deadline = 0
	w.mu.Unlock()
	return waiting
}

// fire is called by the timer.
func (w *Watchdog[T]) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := Now()
	w.next = 0
	for len(w.heap) > 0 {
		first := w.heap[0]
		e := w.kind.entry(first)
		if e.deadline > now {
			w.set(e.deadline, now)
			return
		}
		w.delete(e)
		go w.kind.expire(first)
	}
}

func (w *Watchdog[T]) set(deadline, now time.Duration) {
	w.next = deadline
	if w.timer == nil {
		w.timer = time.AfterFunc(deadline-now, w.fire)
		return
	}
	w.timer.Reset(deadline - now)
}

// delete takes the value of an Entry out of the heap. The last value takes its place.
func (w *Watchdog[T]) delete(e *Entry) {
	i, end := int(e.index)-1, len(w.heap)-1
	e.index = 0
	last := w.heap[end]
	w.heap[end] = nil
	w.heap = w.heap[:end]
	if i < end {
		e := w.kind.entry(last)
		w.up(last, e, w.down(e, i))
	}
}

// up puts a value at the free position i or at one above it.
func (w *Watchdog[T]) up(v *T, e *Entry, i int) {
	for i > 0 {
		parent := w.heap[(i-1)/2]
		p := w.kind.entry(parent)
		if p.deadline <= e.deadline {
			break
		}
		i = w.put(parent, p, i)
	}
	w.put(v, e, i)
}

// down moves values up until e would be in order at the free position i or at one below it, which
// it returns.
func (w *Watchdog[T]) down(e *Entry, i int) int {
	for left := 2*i + 1; left < len(w.heap); left = 2*i + 1 {
		child := w.heap[left]
		c := w.kind.entry(child)
		if left+1 < len(w.heap) {
			right := w.heap[left+1]
			if r := w.kind.entry(right); r.deadline < c.deadline {
				child, c = right, r
			}
		}
		if e.deadline <= c.deadline {
			break
		}
		i = w.put(child, c, i)
	}
	return i
}

// put puts a value at position i and returns its position of before.
func (w *Watchdog[T]) put(v *T, e *Entry, i int) (before int) {
	before = int(e.index) - 1
	w.heap[i] = v
	e.index = int32(i + 1)
	return before
}
