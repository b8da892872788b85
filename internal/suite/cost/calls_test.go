package cost_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// watched is a connection whose calls are counted, and with each of them the
// goroutines. The counts are those of the test, so that one goroutine may read
// what another has counted.
type watched struct {
	streamtest.Counter
	// crowded is in how many calls there were more goroutines than expected. A
	// timer of an earlier test may fire once; a goroutine of ours would be seen
	// in each negotiation.
	expected, crowded atomic.Int64
}

func watch(conn net.Conn) *watched {
	w := &watched{Counter: streamtest.Counter{Conn: conn}}
	w.OnCall = func() {
		if expected := w.expected.Load(); expected > 0 && int64(runtime.NumGoroutine()) > expected {
			w.crowded.Add(1)
		}
	}
	return w
}

func (w *watched) restart(goroutines int) {
	w.ResetCounts()
	w.crowded.Store(0)
	w.expected.Store(int64(goroutines))
}

func TestGateCalls(t *testing.T) {
	for _, network := range networks {
		for _, g := range gates() {
			t.Run(network+"/"+g.name, func(t *testing.T) {
				a, b := streamtest.Connect(t, network)
				initiator, responder := watch(a), watch(b)
				negotiate := g.endless(t, initiator, responder)
				negotiate()
				before := runtime.NumGoroutine()
				initiator.restart(before)
				responder.restart(before)
				const times = 50
				for range times {
					negotiate()
				}
				// The responder may be in the first Read of its next negotiation.
				check(t, "the initiator's reads", initiator.Reads.Load(), times*g.initiatorReads)
				check(t, "the initiator's writes", initiator.Writes.Load(), times*g.writes)
				check(t, "the responder's writes", responder.Writes.Load(), times*g.writes)
				if n := responder.Reads.Load() - int64(times*g.responderReads); n > 1 {
					t.Errorf("the responder's reads: %d more than %d in each of %d negotiations", n, g.responderReads, times)
				}
				check(t, "deadlines", initiator.Deadlines.Load()+responder.Deadlines.Load(), 0)
				if n := initiator.crowded.Load() + responder.crowded.Load(); n > times/5 {
					t.Errorf("in %d calls of %d negotiations there were more than the %d goroutines from before", n, times, before)
				}
				if n := runtime.NumGoroutine(); n > before+1 {
					t.Errorf("%d goroutines after the negotiations, %d before", n, before)
				}
			})
		}
	}
}

func check(t *testing.T, what string, got int64, want int) {
	t.Helper()
	if got != int64(want) {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// After a success nothing of the library touches the stream again: not when the
// time limit would have expired, and not when the context ends.
func TestGateNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a, b := streamtest.Pipe()
		m := apitest.Muxer(t, "/foo/1.0.0")
		go func() {
			if err := m.ServeStream(ctx, streamtest.Bare(b)); err != nil {
				t.Error(err)
			}
		}()
		if _, err := new(multiselect.Client).SelectOneOf(ctx, streamtest.Bare(a), "/foo/1.0.0"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // of fake time
		cancel()
		synctest.Wait()
		if ends := slices.Concat(a.Ended(), b.Ended()); len(ends) != 0 {
			t.Errorf("after success the stream was ended: %q", ends)
		}
		if _, err := a.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}
