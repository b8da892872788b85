package lingers_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect/internal/lingers"
)

// recorder starts lingers and records the order in which they are ended.
type recorder struct {
	pool  *lingers.Pool
	mu    sync.Mutex
	ended []string
}

func (r *recorder) start(name, remote string) *lingers.Linger {
	return r.pool.Start(remote, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended = append(r.ended, name)
	})
}

func (r *recorder) want(t *testing.T, ended ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.ended)
	if !slices.Equal(r.ended, ended) {
		t.Errorf("ended: %q, want %q", r.ended, ended)
	}
	r.ended = nil
}

// The host with the most lingers loses its oldest, also if another host starts the next one.
func TestEvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{pool: lingers.NewPool(5)}
		r.start("honest 1", "10.0.0.2:1")
		for i := range 4 {
			r.start(fmt.Sprint("silent ", i), fmt.Sprint("10.0.0.1:", i))
		}
		r.want(t)
		honest := r.start("honest 2", "10.0.0.2:2")
		r.want(t, "silent 0")
		r.start("silent 4", "10.0.0.1:4")
		r.want(t, "silent 1")
		r.start("other", "[2001:db8::1]:1") // three of silent, two of honest, one other
		r.want(t, "silent 2")
		r.start("unknown", "") // two, two, one, and one: the host of the oldest
		r.want(t, "honest 1")
		if !honest.Finish() || honest.Finish() {
			t.Error("Finish reports not once that the linger was not evicted")
		}
		if active, evicted := r.pool.Stats(); active != 4 || evicted != 4 {
			t.Errorf("Stats = %d, %d", active, evicted)
		}
	})
}

// An evicted linger reports it, and is counted once.
func TestFinishEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{pool: lingers.NewPool(1)}
		first := r.start("first", "")
		second := r.start("second", "")
		r.want(t, "first")
		if first.Finish() || !second.Finish() {
			t.Error("Finish reports the wrong linger as evicted")
		}
		if active, evicted := r.pool.Stats(); active != 0 || evicted != 1 {
			t.Errorf("Stats = %d, %d", active, evicted)
		}
	})
}

// While the end of as many lingers blocks as the Pool has room for, no further one begins:
// their goroutines are bounded.
func TestBlockedEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := lingers.NewPool(2)
		proceed := make(chan struct{})
		for i := range 4 {
			if pool.Start("", func() { <-proceed }) == nil {
				t.Fatalf("linger %d is refused", i)
			}
		}
		if pool.Start("", func() {}) != nil {
			t.Error("a linger begins while two ends block")
		}
		if active, evicted := pool.Stats(); active != 2 || evicted != 3 {
			t.Errorf("Stats = %d, %d", active, evicted)
		}
		close(proceed)
		synctest.Wait()
		if pool.Start("", func() {}) == nil {
			t.Error("a linger is refused after the ends")
		}
	})
}

// Wait waits for the lingers of the remotes, also for new ones, and not for others.
func TestWait(t *testing.T) {
	const here, there = "192.0.2.1", "192.0.2.2"
	for _, tt := range []struct {
		remotes []string
		waits   []bool // for here:1, here:2, there:1
	}{
		{nil, []bool{true, true, true}},
		{[]string{here}, []bool{true, true, false}},
		{[]string{here + ":2"}, []bool{false, true, false}},
		{[]string{here + ":1", there}, []bool{true, false, true}},
		{[]string{"192.0.2.3"}, []bool{false, false, false}},
	} {
		synctest.Test(t, func(t *testing.T) {
			pool := lingers.NewPool(10)
			addrs := []string{here + ":1", here + ":2", there + ":1"}
			var all []*lingers.Linger
			for _, addr := range addrs {
				all = append(all, pool.Start(addr, nil))
			}
			returned := make(chan struct{})
			go func() {
				defer close(returned)
				if pending, left := pool.Wait(nil, tt.remotes); pending != 0 || left != nil {
					t.Errorf("%q: Wait = %d, %q", tt.remotes, pending, left)
				}
			}()
			synctest.Wait()
			for i, addr := range addrs { // each is replaced by another one
				all = append(all, pool.Start(addr, nil))
				all[i].Finish()
			}
			for i, l := range all[len(addrs):] {
				synctest.Wait()
				select {
				case <-returned:
					if slices.Contains(tt.waits[i:], true) {
						t.Errorf("%q: Wait has returned before the linger of %s", tt.remotes, addrs[i])
					}
				default:
					if !slices.Contains(tt.waits[i:], true) {
						t.Errorf("%q: Wait waits for the linger of %s", tt.remotes, addrs[i])
					}
				}
				l.Finish()
			}
			<-returned
		})
	}
}

// A Wait that is stopped returns what lingers, and costs nothing afterwards.
func TestWaitStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := lingers.NewPool(10)
		for _, addr := range []string{"b:1", "a:1", "a:1", "c:1"} {
			pool.Start(addr, nil)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		pending, left := pool.Wait(ctx.Done(), []string{"a", "b"})
		if pending != 3 || !slices.Equal(left, []string{"a:1", "b:1"}) {
			t.Errorf("Wait = %d, %q", pending, left)
		}
	})
}

// An evicted linger does not keep Wait waiting.
func TestWaitEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := lingers.NewPool(1)
		pool.Start("a", func() {})
		go func() {
			synctest.Wait()
			pool.Start("b", func() {})
		}()
		if pending, _ := pool.Wait(nil, []string{"a"}); pending != 0 {
			t.Errorf("%d pending", pending)
		}
	})
}
