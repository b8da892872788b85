package watchdog_test

import (
	"math"
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
	watchdog *watchdog.Watchdog[limited]
	limit    watchdog.Entry
	expire   func()
	expired  chan time.Duration // receives the times of expiry, if expire is nil
}

var kind = watchdog.NewKind(
	func(l *limited) *watchdog.Entry { return &l.limit },
	func(l *limited) {
		if l.expire != nil {
			l.expire()
			return
		}
		l.expired <- watchdog.Now()
	},
)

func newLimited() *limited {
	return &limited{watchdog: kind.For(nil, watchdog.Now()), expired: make(chan time.Duration, 10)}
}

func (l *limited) add(timeout time.Duration) {
	now := watchdog.Now()
	l.watchdog = kind.For(l.watchdog, now)
	l.watchdog.Add(l, &l.limit, now, timeout)
}

func (l *limited) remove() bool { return l.watchdog.Remove(&l.limit) }

func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimited()
		if _, ok := l.limit.Deadline(); ok || !l.remove() {
			t.Error("a value that was never added has a time limit")
		}
		if !(*watchdog.Watchdog[limited])(nil).Remove(&l.limit) {
			t.Error("a nil Watchdog reports an expiry")
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
		for range 3 { // a value can be used again
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

// Remove after the expiry reports false once, whether expire is still running or
// not, and the value can be used again.
func TestRemoveTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		calls := 0
		e := limited{expire: func() {
			calls++
			<-release
		}}
		w := kind.For(nil, watchdog.Now())
		for i := range 2 {
			w.Add(&e, &e.limit, watchdog.Now(), time.Second)
			time.Sleep(time.Second)
			synctest.Wait()
			if w.Remove(&e.limit) || !w.Remove(&e.limit) {
				t.Error("Remove reports the expiry once")
			}
			if calls != i+1 {
				t.Errorf("expire was called %d times, want %d", calls, i+1)
			}
		}
		close(release)
	})
}

// An expire function that blocks holds up no other value and no call.
func TestExpireMayBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := kind.For(nil, watchdog.Now())
		blocked := limited{expire: func() { <-release }}
		w.Add(&blocked, &blocked.limit, watchdog.Now(), time.Second)
		var nested limited
		outer := limited{expire: func() { // without the lock, so it may use the Watchdog
			w.Add(&nested, &nested.limit, watchdog.Now(), time.Hour)
			w.Remove(&nested.limit)
			close(release)
		}}
		w.Add(&outer, &outer.limit, watchdog.Now(), 2*time.Second)
		<-release
		if w.Remove(&blocked.limit) || w.Remove(&outer.limit) {
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
			second.watchdog.Add(second, &second.limit, start, time.Second)
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
			t.Error("adding a value twice does not panic")
		}
	}()
	l.add(time.Hour)
}

// A Watchdog is kept from call to call, but not from one clock to another.
func TestFor(t *testing.T) {
	outside := kind.For(nil, watchdog.Now())
	if kind.For(outside, watchdog.Now()) != outside {
		t.Error("For does not return the last Watchdog")
	}
	var inside *watchdog.Watchdog[limited]
	synctest.Test(t, func(t *testing.T) {
		if inside = kind.For(outside, watchdog.Now()); inside == outside {
			t.Error("a Watchdog of outside is used in a bubble")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if kind.For(inside, watchdog.Now()) == inside {
			t.Error("a Watchdog of one bubble is used in another")
		}
	})
	if kind.For(inside, watchdog.Now()) == inside {
		t.Error("a Watchdog of a bubble is used outside")
	}
	different := make(map[*watchdog.Watchdog[limited]]bool)
	for range 100 {
		different[kind.For(nil, watchdog.Now())] = true
	}
	if len(different) < 2 || len(different) > 64 {
		t.Errorf("100 values use %d watchdogs", len(different))
	}
}

// Outside of a bubble values share watchdogs: each expires, not too early,
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
	w := kind.For(nil, watchdog.Now())
	const many = 1000
	values := make([]limited, many)
	round := func() {
		now := watchdog.Now()
		for i := range values {
			w.Add(&values[i], &values[i].limit, now, time.Hour+time.Duration(i*7919%many))
		}
		for i := range values {
			w.Remove(&values[i*13%many].limit)
		}
	}
	if got := testing.AllocsPerRun(10, round); got != 0 {
		t.Errorf("%d time limits make %v allocations", many, got)
	}
	before := runtime.NumGoroutine()
	for i := range values {
		w.Add(&values[i], &values[i].limit, watchdog.Now(), time.Hour)
	}
	if got := runtime.NumGoroutine() - before; got > 0 {
		t.Errorf("%d time limits take %d goroutines", many, got)
	}
	for i := range values {
		if !w.Remove(&values[i].limit) {
			t.Fatal("expired")
		}
	}
}

// The Watchdog does not keep a value alive after Remove.
func TestRemoveForgets(t *testing.T) {
	w := kind.For(nil, watchdog.Now())
	var forgotten []weak.Pointer[limited]
	for range 3 {
		e := newLimited()
		w.Add(e, &e.limit, watchdog.Now(), time.Hour)
		forgotten = append(forgotten, weak.Make(e))
	}
	for _, e := range forgotten {
		w.Remove(&e.Value().limit)
	}
	runtime.GC()
	for i, e := range forgotten {
		if e.Value() != nil {
			t.Errorf("value %d is still referred to", i)
		}
	}
	runtime.KeepAlive(w)
}

// Goroutines that add and remove while values expire: each time limit either is
// removed or expires, once.
func TestConcurrency(t *testing.T) {
	w := kind.For(nil, watchdog.Now())
	var removed, late atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			calls := make(chan struct{}, 1000)
			e := limited{expire: func() { calls <- struct{}{} }}
			for i := range 500 {
				w.Add(&e, &e.limit, watchdog.Now(), time.Duration(i%7*(g%4))*time.Microsecond)
				for range i % 5 {
					runtime.Gosched()
				}
				if w.Remove(&e.limit) {
					removed.Add(1)
					continue
				}
				late.Add(1)
				<-calls
			}
			if len(calls) > 0 {
				t.Errorf("expire was called %d times more than Remove has reported", len(calls))
			}
		})
	}
	all.Wait()
	t.Logf("%d removed, %d expired", removed.Load(), late.Load())
}
