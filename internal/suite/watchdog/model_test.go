package watchdog_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/internal/watchdog"
)

// model is the plain way to keep time limits.
type model struct {
	deadlines map[int]time.Duration // of the values that wait
	expired   map[int]bool          // expired and not removed since
	added     map[int]bool
}

// advance expires the values whose deadline has passed, and returns them.
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
// order, and calls expire at the deadline to the nanosecond.
func TestModel(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 0)), seed) })
	}
}

func runModel(t *testing.T, r *rand.Rand, seed uint64) {
	w := kind.For(nil, watchdog.Now())
	m := model{make(map[int]time.Duration), make(map[int]bool), make(map[int]bool)}
	var mu sync.Mutex
	expired := make(map[int]time.Duration)
	values := make([]limited, 1+r.IntN(40))
	for i := range values {
		values[i].expire = func() {
			mu.Lock()
			defer mu.Unlock()
			if _, ok := expired[i]; ok {
				t.Errorf("seed %d: value %d has expired twice", seed, i)
			}
			expired[i] = watchdog.Now()
		}
	}
	for range 300 {
		switch i := r.IntN(len(values)); {
		case r.IntN(4) == 0:
			time.Sleep(time.Duration(r.IntN(30)))
		case m.added[i]:
			if got := w.Remove(&values[i].limit); got == m.expired[i] {
				t.Fatalf("seed %d: Remove(%d) = %v", seed, i, got)
			}
			delete(m.deadlines, i)
			m.expired[i], m.added[i] = false, false
		default:
			now, timeout := watchdog.Now(), time.Duration(1+r.IntN(50))
			w.Add(&values[i], &values[i].limit, now, timeout)
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
