package load

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// stalling is a link in memory that stalls once, for a second.
type stalling struct {
	muxer multiselect.Muxer
	after int64 // streams
	count atomic.Int64
}

type pipeHalf struct{ net.Conn }

func (p pipeHalf) CloseWrite() error { return p.Close() }

func (s *stalling) Open(ctx context.Context) (transport.Stream, error) {
	if s.count.Add(1) == s.after {
		time.Sleep(time.Second)
	}
	here, there := net.Pipe()
	go s.muxer.ServeStream(ctx, there)
	return pipeHalf{here}, nil
}

func (*stalling) Close() {}

func newStalling(t *testing.T, after int64) *stalling {
	t.Helper()
	s := &stalling{after: after}
	err := s.muxer.AddHandler("/x", func(_ context.Context, _ string, stream io.ReadWriteCloser) { stream.Close() })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// slow returns how many samples are above a tenth of the stall.
func slow(h *hdrhistogram.Histogram) (n int64) {
	for _, bar := range h.Distribution() {
		if bar.From > int64(100*time.Millisecond) {
			n += bar.Count
		}
	}
	return n
}

// An open loop tells of a stall what users would have seen of it: all who came
// meanwhile waited, and not only the one who was there. A closed loop cannot.
func TestNoCoordinatedOmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(rate float64, count int) *Load {
			b := prepare(Config{
				Protocol: "/x", Timeout: 10 * time.Second, Workers: 1,
				Duration: 3 * time.Second, Count: count, Rate: rate,
			})
			b.links = []transport.Link{newStalling(t, 50)}
			b.Run(t.Context())
			if b.failed > 0 {
				t.Errorf("%v", b.failures)
			}
			return b
		}
		open := run(100, 0)
		// 300 in 3 s; of those 100 that were due in the second of the stall, 90
		// waited for more than a tenth of it.
		if n, total := slow(open.latency), open.latency.TotalCount(); total != 300 || n < 88 || n > 92 {
			t.Errorf("open loop: %d of %d were slow", n, total)
		}
		if n := slow(open.opening); n != 1 {
			t.Errorf("open loop: %d streams took long to open", n)
		}
		closed := run(0, 300)
		if n, total := slow(closed.latency), closed.latency.TotalCount(); total != 300 || n != 1 {
			t.Errorf("closed loop: %d of %d were slow", n, total)
		}
		r := open.Result()
		if r.Latency.P50 > 1e5 || r.Latency.P90 < 1e5 || len(r.Moments) < 58 {
			t.Errorf("%+v, %d moments", r.Latency, len(r.Moments))
		}
		late := 0
		for _, m := range r.Moments {
			if m.Max > 1e5 {
				late++
			}
		}
		if late == 0 || late > 22 {
			t.Errorf("%d moments show the stall", late)
		}
	})
}

// An interrupted run ends immediately and does not count the negotiations it interrupted.
func TestLoadInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		b := prepare(Config{Protocol: "/x", Workers: 4, Duration: time.Hour, Rate: 100})
		b.links = []transport.Link{newStalling(t, -1)}
		b.Run(ctx)
		if b.took != 100*time.Millisecond || b.failed > 0 || b.latency.TotalCount() < 9 {
			t.Errorf("%d negotiations in %v, %v", b.latency.TotalCount(), b.took, b.failures)
		}
	})
}
