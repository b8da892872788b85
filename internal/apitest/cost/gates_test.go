package cost_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// The gates count, they do not time: allocations, goroutines, calls and
// segments of the exported API with its defaults, negotiation after
// negotiation on one established connection. What is counted does not flake.

// skipUnderRace is the only reason for which a gate is left out. The gates
// without it, on calls, segments and goroutines, run in every mode.
func skipUnderRace(t testing.TB) {
	t.Helper()
	if raceDetector {
		t.Skip("1 gate skipped under -race: sync.Pool forgets at random there")
	}
}

// gate is one shape of a negotiation that must cost nothing.
type gate struct {
	name     string
	serves   []string
	proposes []string
	// What it takes: the calls of each side. The responder does not make room
	// for a long name because the peer announces it, and so reads it in pieces.
	initiatorReads, responderReads, writes int
}

func gates() []gate {
	long := func(n int, last string) string { return "/" + strings.Repeat("x", n-2) + last }
	refused := []string{"/a/1.0.0", "/b/1.0.0", "/c/1.0.0", "/d/1.0.0", "/e/1.0.0", "/f/1.0.0", "/g/1.0.0", "/h/1.0.0", "/i/1.0.0"}
	return []gate{
		{"first proposal", []string{"/ipfs/id/1.0.0"}, []string{"/ipfs/id/1.0.0"}, 1, 1, 1},
		{"names of one length", []string{"/ipfs/id/1.0.0", "/ipfs/no/1.0.0"}, []string{"/ipfs/id/1.0.0"}, 1, 1, 1},
		{"a shorter name is registered too", []string{"/ipfs/id/1.0.0", "/id/1"}, []string{"/ipfs/id/1.0.0"}, 1, 2, 1},
		{"second proposal", []string{"/z/1.0.0"}, []string{"/a/1.0.0", "/z/1.0.0"}, 2, 2, 2},
		{"tenth proposal", []string{"/z/1.0.0"}, append(refused, "/z/1.0.0"), 10, 10, 10},
		{"126 bytes", []string{long(126, "a")}, []string{long(126, "a")}, 1, 1, 1},
		{"127 bytes, two of length", []string{long(127, "a")}, []string{long(127, "a")}, 1, 1, 1},
		{"1000 bytes", []string{long(1000, "a")}, []string{long(1000, "a")}, 1, 1, 1},
		{"1000 bytes and a short one", []string{long(1000, "a"), "/id/1"}, []string{long(1000, "a")}, 1, 4, 1},
		{"the longest name", []string{long(1023, "a")}, []string{long(1023, "a")}, 1, 1, 1},
	}
}

// endless lets one connection carry one negotiation after the other: a
// responder answers on it until it is closed.
func (g gate) endless(t *testing.T, initiator, responder net.Conn) (negotiate func()) {
	t.Helper()
	m := apitest.Muxer(t, g.serves...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, _, err := m.Negotiate(context.Background(), responder); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		initiator.Close()
		<-done
	})
	want := g.proposes[len(g.proposes)-1]
	cl := new(multiselect.Client)
	return func() {
		if got, err := cl.SelectOneOf(context.Background(), initiator, g.proposes...); err != nil || got != want {
			t.Errorf("SelectOneOf = %.80q, %v", got, err)
		}
	}
}

// connected returns both ends of a connection through the kernel.
func connected(t testing.TB, network string) (initiator, responder net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	initiator, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if responder, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { initiator.Close(); responder.Close() })
	return initiator, responder
}

func TestGateAllocations(t *testing.T) {
	skipUnderRace(t)
	for _, network := range []string{"tcp", "unix"} {
		for _, g := range gates() {
			t.Run(network+"/"+g.name, func(t *testing.T) {
				defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools keep what they have
				initiator, responder := connected(t, network)
				negotiate := g.endless(t, initiator, responder)
				const many = 100 // AllocsPerRun drops what is behind the point
				allocs := testing.AllocsPerRun(5, func() {
					for range many {
						negotiate()
					}
				})
				if allocs != 0 {
					t.Errorf("%v allocations in %d negotiations, both sides together; want 0", allocs, many)
				}
			})
		}
	}
}

// counted counts what a negotiation does to its stream. The numbers are those
// of the test, so that one goroutine may read what another has counted.
type counted struct {
	net.Conn
	reads, writes, touched atomic.Int64
	// crowded is in how many calls there were more goroutines than expected. A
	// timer of an earlier test may fire once; a goroutine of ours would be seen
	// in each negotiation.
	expected, crowded atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads.Add(1)
	c.watch()
	return c.Conn.Read(p)
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	c.watch()
	return c.Conn.Write(p)
}

func (c *counted) watch() {
	if expected := c.expected.Load(); expected > 0 && int64(runtime.NumGoroutine()) > expected {
		c.crowded.Add(1)
	}
}

func (c *counted) SetDeadline(t time.Time) error      { return c.touch(c.Conn.SetDeadline(t)) }
func (c *counted) SetReadDeadline(t time.Time) error  { return c.touch(c.Conn.SetReadDeadline(t)) }
func (c *counted) SetWriteDeadline(t time.Time) error { return c.touch(c.Conn.SetWriteDeadline(t)) }

func (c *counted) touch(err error) error {
	c.touched.Add(1)
	return err
}

func TestGateCalls(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, g := range gates() {
			t.Run(network+"/"+g.name, func(t *testing.T) {
				a, b := connected(t, network)
				initiator, responder := &counted{Conn: a}, &counted{Conn: b}
				negotiate := g.endless(t, initiator, responder)
				negotiate()
				before := runtime.NumGoroutine()
				initiator.reset(before)
				responder.reset(before)
				const times = 50
				for range times {
					negotiate()
				}
				// The responder may be in the first Read of its next negotiation.
				check(t, "the initiator's reads", initiator.reads.Load(), times*g.initiatorReads)
				check(t, "the initiator's writes", initiator.writes.Load(), times*g.writes)
				check(t, "the responder's writes", responder.writes.Load(), times*g.writes)
				if n := responder.reads.Load() - int64(times*g.responderReads); n > 1 {
					t.Errorf("the responder's reads: %d more than %d in each of %d negotiations", n, g.responderReads, times)
				}
				check(t, "deadlines", initiator.touched.Load()+responder.touched.Load(), 0)
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

func (c *counted) reset(goroutines int) {
	c.reads.Store(0)
	c.writes.Store(0)
	c.crowded.Store(0)
	c.expected.Store(int64(goroutines))
}

func check(t *testing.T, what string, got int64, want int) {
	t.Helper()
	if got != int64(want) {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// Afterwards nothing of this package can touch the stream: not when the budget
// would have been over, and not when the context ends.
func TestGateNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a, b := streamtest.Pipe()
		m := apitest.Muxer(t, "/foo/1.0.0")
		go func() {
			if err := m.ServeStream(ctx, b); err != nil {
				t.Error(err)
			}
		}()
		if _, err := new(multiselect.Client).SelectOneOf(ctx, a, "/foo/1.0.0"); err != nil {
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
