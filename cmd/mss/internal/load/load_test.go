package load

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
	"github.com/multiselect/multiselect/internal/streamtest"
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

func (*stalling) Close() error { return nil }

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

// serve serves a protocol that echoes, on an address of any form, and returns the peer.
func serve(t *testing.T, where string) *attempt.Peer {
	t.Helper()
	a, err := address.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := transport.Listen(a, transport.ListenConfig{Certificates: new(transport.Certificates)})
	if err != nil {
		t.Fatal(err)
	}
	srv := netmux.Server{Logger: slog.New(slog.DiscardHandler)}
	err = srv.Muxer.AddHandler("/echo", func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.Copy(stream, stream)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	go ln.Serve(&srv)
	p := attempt.NewPeer(ln.Address, where, &transport.Trust{Pin: ln.Fingerprint})
	t.Cleanup(p.Stop)
	return p
}

// A load negotiates as often as it is told to, on connections of its own, and checks the
// echo of its payload.
func TestLoad(t *testing.T) {
	for _, where := range []string{"127.0.0.1:0", "tls://127.0.0.1:0", "yamux://127.0.0.1:0", "quic://127.0.0.1:0"} {
		p := serve(t, where)
		for _, lazy := range []bool{false, true} {
			b, err := New(t.Context(), p, Config{
				Protocol: "/echo", Lazy: lazy, Payload: 100, Workers: 4, Connections: 2, Duration: time.Hour, Count: 40,
			})
			if err != nil {
				t.Fatal(err)
			}
			b.Run(t.Context())
			b.Close()
			r := b.Result()
			if r.Succeeded != 40 || r.Failed != 0 || r.Latency.Min <= 0 || r.Latency.Max < r.Opening.Max {
				t.Errorf("%s: %d succeeded, %v", where, r.Succeeded, r.Failures)
			}
			if shared := p.Address.Form.IsMultiplexed(); r.Peer != p.String() || (r.Connections == 2) != shared {
				t.Errorf("%s: %s, %d connections", where, r.Peer, r.Connections)
			}
		}
	}
}

// A negotiation that fails is counted by its reason, and a connection that cannot be made
// is an error before the run.
func TestLoadFailures(t *testing.T) {
	p := serve(t, "yamux://127.0.0.1:0")
	config := Config{Protocol: "/no", Workers: 1, Connections: 2, Duration: time.Hour, Count: 3, Timeout: time.Hour}
	b, err := New(t.Context(), p, config)
	if err != nil {
		t.Fatal(err)
	}
	b.Run(t.Context())
	b.Close()
	if r := b.Result(); r.Failed != 3 || len(r.Failures) != 1 || r.ExitCode != exit.Finding {
		t.Errorf("%d failed: %v", r.Failed, r.Failures)
	}
	ln := streamtest.Listen(t, "tcp")
	ln.Close()
	a, err := address.Parse("yamux://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(t.Context(), attempt.NewPeer(a, "", new(transport.Trust)), config)
	if exit.Code(err) != exit.Connect || !strings.HasPrefix(err.Error(), "connection 1: ") {
		t.Errorf("exit code %d, %v", exit.Code(err), err)
	}
}

// Bytes that come back other than they were sent are a violation, since the protocol does
// not echo.
func TestLoadNoEcho(t *testing.T) {
	b := prepare(Config{Protocol: "/x", Payload: 3})
	err := b.echo(t.Context(), streamtest.NewScript("mmx"))
	if exit.Code(err) != exit.Violation || err.Error() != "/x does not echo: choose another PROTOCOL, or no --payload" {
		t.Errorf("exit code %d, %v", exit.Code(err), err)
	}
	if err := b.echo(t.Context(), streamtest.NewScript("mm")); exit.Code(err) != exit.Closed {
		t.Errorf("two of three bytes: %v", err)
	}
}

// Progress is shown on terminals only.
func TestShowProgress(t *testing.T) {
	var stderr bytes.Buffer
	stop := prepare(Config{}).ShowProgress(&terminal.Stdio{Err: &stderr})
	if stop(); stderr.Len() > 0 {
		t.Errorf("without a terminal: %q", &stderr)
	}
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
