package watchdog_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/multiselect/multiselect/internal/watchdog"
)

// limited is a value whose time is limited.
type limited struct {
	watchdog *watchdog.Watchdog
	limit    watchdog.Entry
	expired  chan time.Duration // receives the times of expiry
}

func newLimited() *limited {
	l := &limited{expired: make(chan time.Duration, 10)}
	l.limit.Expire = func() { l.expired <- watchdog.Now() }
	return l
}

func (l *limited) add(timeout time.Duration) {
	now := watchdog.Now()
	l.watchdog = watchdog.For(l.watchdog, now)
	l.watchdog.Add(&l.limit, now, timeout)
}

func (l *limited) remove() bool { return l.watchdog.Remove(&l.limit) }

func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited()
		if _, ok := l.limit.Deadline(); ok || !l.remove() {
			t.Error("an Entry that was never added is added, or has expired")
		}
		start := watchdog.Now()
		l.add(10 * time.Second)
		if d, ok := l.limit.Deadline(); !ok || d != start+10*time.Second {
			t.Errorf("Deadline = %v, %v, want %v", d, ok, start+10*time.Second)
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		if len(l.expired) > 0 {
			t.Error("expired a nanosecond too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(l.expired) != 1 || <-l.expired != start+10*time.Second {
			t.Error("has not expired after 10 seconds")
		}
		if d, ok := l.limit.Deadline(); !ok || d != start+10*time.Second {
			t.Errorf("after the expiry: Deadline = %v, %v", d, ok)
		}
		if l.remove() {
			t.Error("Remove does not report the expiry")
		}
		if d, ok := l.limit.Deadline(); ok || d != 0 || !l.remove() {
			t.Errorf("after Remove: Deadline = %v, %v", d, ok)
		}
	})
}

func TestRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited()
		for range 3 { // an Entry can be used again
			l.add(time.Second)
			time.Sleep(time.Second - time.Nanosecond)
			if !l.remove() {
				t.Error("expired too early")
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if len(l.expired) > 0 {
			t.Error("has expired after Remove")
		}
	})
}

// Remove after the expiry reports false once, whether Expire is still running or
// not, and the Entry can be used again.
func TestRemoveTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		calls := 0
		var e watchdog.Entry
		e.Expire = func() {
			calls++
			<-release
		}
		w := watchdog.For(nil, watchdog.Now())
		for i := range 2 {
			w.Add(&e, watchdog.Now(), time.Second)
			time.Sleep(time.Second)
			synctest.Wait()
			if w.Remove(&e) || !w.Remove(&e) {
				t.Error("Remove reports the expiry once")
			}
			if calls != i+1 {
				t.Errorf("Expire was called %d times, want %d", calls, i+1)
			}
		}
		close(release)
	})
}

// An Expire that blocks holds up no other entry and no call.
func TestExpireMayBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := watchdog.For(nil, watchdog.Now())
		blocked := watchdog.Entry{Expire: func() { <-release }}
		w.Add(&blocked, watchdog.Now(), time.Second)
		var nested watchdog.Entry
		nested.Expire = func() {}
		outer := watchdog.Entry{Expire: func() { // without the lock, so it may use the Watchdog
			w.Add(&nested, watchdog.Now(), time.Hour)
			w.Remove(&nested)
			close(release)
		}}
		w.Add(&outer, watchdog.Now(), 2*time.Second)
		<-release
		if w.Remove(&blocked) || w.Remove(&outer) {
			t.Error("Remove does not report the expiry")
		}
	})
}

func TestTimeouts(t *testing.T) {
	for _, tt := range []struct{ timeout, want time.Duration }{
		{math.MinInt64, 0},
		{-1, 0},
		{0, 0},
		{1, 1},
		{watchdog.MaxTimeout, watchdog.MaxTimeout},
		{math.MaxInt64, watchdog.MaxTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := watchdog.Now()
			l, second := newLimited(), newLimited()
			l.add(tt.timeout)
			second.watchdog = l.watchdog
			second.watchdog.Add(&second.limit, start, time.Second)
			if d, ok := l.limit.Deadline(); !ok || d != start+tt.want {
				t.Errorf("the deadline of a timeout of %v is %v after now, want %v", tt.timeout, d-start, tt.want)
			}
			if got := <-second.expired; got != start+time.Second {
				t.Errorf("next to a timeout of %v, one of a second expires after %v", tt.timeout, got-start)
			}
			synctest.Wait()
			if got := len(l.expired) > 0; got != (tt.want < time.Second) {
				t.Errorf("a timeout of %v has expired after a second: %v", tt.timeout, got)
			}
		})
	}
}

func TestAddTwicePanics(t *testing.T) {
	l := newLimited()
	l.add(time.Hour)
	defer l.remove()
	defer func() {
		if recover() == nil {
			t.Error("adding an Entry twice does not panic")
		}
	}()
	l.add(time.Hour)
}

// A Watchdog is kept from call to call, but not from one clock to another.
func TestFor(t *testing.T) {
	outside := watchdog.For(nil, watchdog.Now())
	if watchdog.For(outside, watchdog.Now()) != outside {
		t.Error("For does not return the last Watchdog")
	}
	var inside *watchdog.Watchdog
	synctest.Test(t, func(t *testing.T) {
		if inside = watchdog.For(outside, watchdog.Now()); inside == outside {
			t.Error("a Watchdog of outside is used in a bubble")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if watchdog.For(inside, watchdog.Now()) == inside {
			t.Error("a Watchdog of one bubble is used in another")
		}
	})
	if watchdog.For(inside, watchdog.Now()) == inside {
		t.Error("a Watchdog of a bubble is used outside")
	}
	different := make(map[*watchdog.Watchdog]bool)
	for range 100 {
		different[watchdog.For(nil, watchdog.Now())] = true
	}
	if len(different) < 2 || len(different) > 64 {
		t.Errorf("100 values use %d watchdogs", len(different))
	}
}

// Outside of a bubble entries share watchdogs: each expires, not too early,
// whatever the order in which they are added.
func TestSharedWatchdogs(t *testing.T) {
	long := make([]*limited, 100) // more than there are timers
	for i := range long {
		long[i] = newLimited()
		long[i].add(time.Hour)
	}
	for i := range 100 {
		timeout := time.Duration(1+i*37%20) * time.Millisecond
		l := newLimited()
		start := watchdog.Now()
		l.add(timeout)
		if took := <-l.expired - start; took < timeout {
			t.Errorf("a timeout of %v expires after %v", timeout, took)
		}
		if l.remove() {
			t.Error("Remove does not report the expiry")
		}
	}
	for _, l := range long {
		if !l.remove() {
			t.Error("a timeout of an hour has expired")
		}
	}
}

// A time limit costs no allocation once the heap has grown, and no goroutine.
func TestCost(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates; the test without it plays this")
	}
	w := new(watchdog.Watchdog)
	const many = 1000
	entries := make([]watchdog.Entry, many)
	round := func() {
		now := watchdog.Now()
		for i := range entries {
			w.Add(&entries[i], now, time.Hour+time.Duration(i*7919%many))
		}
		for i := range entries {
			w.Remove(&entries[i*13%many])
		}
	}
	for i := range entries {
		entries[i].Expire = func() {}
	}
	if got := testing.AllocsPerRun(10, round); got != 0 {
		t.Errorf("%d time limits make %v allocations", many, got)
	}
	before := runtime.NumGoroutine()
	for i := range entries {
		w.Add(&entries[i], watchdog.Now(), time.Hour)
	}
	if got := runtime.NumGoroutine() - before; got > 0 {
		t.Errorf("%d time limits take %d goroutines", many, got)
	}
	for i := range entries {
		if !w.Remove(&entries[i]) {
			t.Fatal("expired")
		}
	}
}

// The Watchdog does not keep an Entry alive after Remove.
func TestRemoveForgets(t *testing.T) {
	w := new(watchdog.Watchdog)
	var forgotten []weak.Pointer[watchdog.Entry]
	for range 3 {
		e := &watchdog.Entry{Expire: func() {}}
		w.Add(e, watchdog.Now(), time.Hour)
		forgotten = append(forgotten, weak.Make(e))
	}
	for _, e := range forgotten {
		w.Remove(e.Value())
	}
	runtime.GC()
	for i, e := range forgotten {
		if e.Value() != nil {
			t.Errorf("entry %d is still referred to", i)
		}
	}
	runtime.KeepAlive(w)
}

// model is the plain way to keep time limits.
type model struct {
	deadlines map[int]time.Duration // of the entries that wait
	expired   map[int]bool          // expired and not removed since
	added     map[int]bool
}

// advance expires the entries whose deadline has passed, and returns them.
func (m *model) advance(now time.Duration) map[int]time.Duration {
	expired := make(map[int]time.Duration)
	for i, deadline := range m.deadlines {
		if deadline <= now {
			expired[i] = deadline
			m.expired[i] = true
			delete(m.deadlines, i)
		}
	}
	return expired
}

// A Watchdog behaves like the model, whatever is added and removed in whatever
// order, and calls Expire at the deadline to the nanosecond.
func TestModel(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 0)), seed) })
	}
}

func runModel(t *testing.T, r *rand.Rand, seed uint64) {
	w := watchdog.For(nil, watchdog.Now())
	m := model{make(map[int]time.Duration), make(map[int]bool), make(map[int]bool)}
	var mu sync.Mutex
	expired := make(map[int]time.Duration)
	entries := make([]watchdog.Entry, 1+r.IntN(40))
	for i := range entries {
		entries[i].Expire = func() {
			mu.Lock()
			defer mu.Unlock()
			if _, ok := expired[i]; ok {
				t.Errorf("seed %d: entry %d has expired twice", seed, i)
			}
			expired[i] = watchdog.Now()
		}
	}
	for range 300 {
		switch i := r.IntN(len(entries)); {
		case r.IntN(4) == 0:
			time.Sleep(time.Duration(r.IntN(30)))
		case m.added[i]:
			if got := w.Remove(&entries[i]); got == m.expired[i] {
				t.Fatalf("seed %d: Remove(%d) = %v", seed, i, got)
			}
			delete(m.deadlines, i)
			m.expired[i], m.added[i] = false, false
		default:
			now, timeout := watchdog.Now(), time.Duration(1+r.IntN(50))
			w.Add(&entries[i], now, timeout)
			m.deadlines[i] = now + timeout
			m.added[i] = true
		}
		synctest.Wait()
		mu.Lock()
		if want := m.advance(watchdog.Now()); fmt.Sprint(expired) != fmt.Sprint(want) {
			t.Fatalf("seed %d: expired %v, want %v", seed, expired, want)
		}
		clear(expired)
		mu.Unlock()
	}
}

// Goroutines that add and remove while entries expire: each time limit either is
// removed or expires, once.
func TestConcurrency(t *testing.T) {
	w := new(watchdog.Watchdog)
	var removed, late atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			calls := make(chan struct{}, 1000)
			e := watchdog.Entry{Expire: func() { calls <- struct{}{} }}
			for i := range 500 {
				w.Add(&e, watchdog.Now(), time.Duration(i%7*(g%4))*time.Microsecond)
				for range i % 5 {
					runtime.Gosched()
				}
				if w.Remove(&e) {
					removed.Add(1)
					continue
				}
				late.Add(1)
				<-calls
			}
			if len(calls) > 0 {
				t.Errorf("Expire was called %d times more than Remove has reported", len(calls))
			}
		})
	}
	all.Wait()
	t.Logf("%d removed, %d expired", removed.Load(), late.Load())
}
