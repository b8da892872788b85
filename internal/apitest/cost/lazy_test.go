package cost_test

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// lazyRequest may be sent early.
const lazyRequest = "\x09request!\x00"

// endlessLazy lets one connection carry one lazy stream after the other. Each call of
// negotiate sends a request with its proposal and reads the reply.
func endlessLazy(t testing.TB, initiator, responder io.ReadWriteCloser) (negotiate func()) {
	t.Helper()
	m := apitest.Muxer(t, apitest.NameA)
	done := make(chan struct{})
	go func() {
		defer close(done)
		request := make([]byte, len(lazyRequest))
		for {
			if _, _, err := m.Negotiate(context.Background(), responder); err != nil {
				return
			}
			io.ReadFull(responder, request)
			responder.Write(request)
		}
	}()
	t.Cleanup(func() {
		initiator.Close()
		<-done
	})
	cl := new(multiselect.Client)
	request, reply := []byte(lazyRequest), make([]byte, len(lazyRequest))
	return func() {
		l, err := cl.Lazy(context.Background(), initiator, apitest.NameA)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(l, reply); err != nil || string(reply) != lazyRequest {
			t.Fatal(err)
		}
	}
}

// TestGateLazyAllocations checks that a lazy stream takes one allocation: its own value.
func TestGateLazyAllocations(t *testing.T) {
	skipUnderRace(t)
	for _, network := range networks {
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools keep their values
		initiator, responder := streamtest.Connect(t, network)
		negotiate := endlessLazy(t, initiator, responder)
		const many = 100
		allocs := streamtest.LeastAllocs(5, many, func() {
			for range many {
				negotiate()
			}
		})
		if allocs != many {
			t.Errorf("%s: %v allocations in %d negotiations, both sides together; want %d", network, allocs, many, many)
		}
	}
}

// TestGateLazyCalls checks that request and reply take one Write and one Read, or two
// Reads if answer and reply arrive separately. No goroutine is started and no deadline is
// set.
func TestGateLazyCalls(t *testing.T) {
	for _, network := range networks {
		a, b := streamtest.Connect(t, network)
		initiator := watch(a)
		negotiate := endlessLazy(t, initiator, b)
		negotiate()
		before := runtime.NumGoroutine()
		initiator.restart(before)
		const times = 50
		for range times {
			negotiate()
		}
		check(t, "writes", initiator.Writes.Load(), times)
		if reads := initiator.Reads.Load(); reads < times || reads > 2*times {
			t.Errorf("%d reads in %d negotiations", reads, times)
		}
		check(t, "deadlines", initiator.Deadlines.Load(), 0)
		if n := initiator.crowded.Load(); n > times/5 {
			t.Errorf("in %d calls of %d negotiations there were more than the %d goroutines from before", n, times, before)
		}
	}
}

// BenchmarkLazy measures a lazy negotiation with its request and its reply.
func BenchmarkLazy(b *testing.B) {
	for _, network := range networks {
		b.Run(network, func(b *testing.B) {
			initiator, responder := streamtest.Connect(b, network)
			negotiate := endlessLazy(b, initiator, responder)
			b.ReportAllocs()
			for b.Loop() {
				negotiate()
			}
		})
	}
}
