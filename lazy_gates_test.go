package multiselect_test

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/multiselect/multiselect"
)

const lazyRequest = "\x09request!\x00"

// lazyEndless has one connection carry one lazy stream after the other: each
// sends a request with its proposal and reads the reply.
func lazyEndless(t testing.TB, initiator, responder io.ReadWriteCloser) (negotiate func()) {
	m := serving(t, nameA)
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
		l, err := cl.Lazy(context.Background(), initiator, nameA)
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

// A lazy stream is one allocation, of itself.
func TestGateLazyAllocations(t *testing.T) {
	skipUnderRace(t)
	for _, network := range []string{"tcp", "unix"} {
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools keep what they have
		initiator, responder := connected(t, network)
		negotiate := lazyEndless(t, initiator, responder)
		const many = 100
		allocs := testing.AllocsPerRun(5, func() {
			for range many {
				negotiate()
			}
		})
		if allocs != many {
			t.Errorf("%s: %v allocations in %d negotiations, both sides together; want %d", network, allocs, many, many)
		}
	}
}

// Request and reply are one write and one read where answer and reply have come
// together, and two reads where they have not; no
// goroutine is started and no deadline is set.
func TestGateLazyCalls(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a, b := connected(t, network)
		initiator := &counted{Conn: a}
		negotiate := lazyEndless(t, initiator, b)
		negotiate()
		before := runtime.NumGoroutine()
		initiator.reset(before)
		const times = 50
		for range times {
			negotiate()
		}
		check(t, "writes", initiator.writes.Load(), times)
		if reads := initiator.reads.Load(); reads < times || reads > 2*times {
			t.Errorf("%d reads in %d negotiations", reads, times)
		}
		check(t, "deadlines", initiator.touched.Load(), 0)
		if n := initiator.crowded.Load(); n > times/5 {
			t.Errorf("in %d calls of %d negotiations there were more than the %d goroutines from before", n, times, before)
		}
	}
}

func BenchmarkLazy(b *testing.B) {
	for _, network := range []string{"tcp", "unix"} {
		b.Run(network, func(b *testing.B) {
			initiator, responder := connected(b, network)
			negotiate := lazyEndless(b, initiator, responder)
			b.ReportAllocs()
			for b.Loop() {
				negotiate()
			}
		})
	}
}
