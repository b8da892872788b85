package main

import (
	"context"
	"io"
	"net"
	"runtime"
	"runtime/metrics"
	"sync/atomic"

	"github.com/multiselect/multiselect"
	"golang.org/x/sys/unix"
)

// mode is a way to come to an agreement, of which everything that does not
// depend on the machine is counted.
type mode struct {
	name string
	talk talk
	variant
}

// modes are counted on TCP. A new one is one line.
var modes = []mode{
	{"first proposal", oneLength, variant{"ours~ours", ours, ours}},
	{"first proposal, mixed lengths", mixed, variant{"ours~ours", ours, ours}},
	{"2nd proposal", kth(2), variant{"ours~ours", ours, ours}},
	{"10th proposal", kth(10), variant{"ours~ours", ours, ours}},
	{"handshake, then proposal", oneLength, variant{"ours~ours", oursInSteps(handshakeFirst), ours}},
	{"`ls`, then proposal", oneLength, variant{"ours~ours", oursInSteps(listFirst), ours}},
	{"`ls` and proposal in one flight", oneLength, variant{"ours~ours", oursInSteps(listAlong), ours}},
	{"eager, then a request of 5 bytes", oneLength, variant{"ours~ours", eagerOurs, eagerOurs}},
	{"lazy, with a request of 5 bytes", oneLength, variant{"ours~ours", lazyOurs, lazyOurs}},
	{"lazy, with a request of 5 bytes", oneLength, variant{"goms~goms", lazyGoms, lazyGoms}},
	{"first proposal", oneLength, variant{"floor~floor", floor, floor}},
	{"first proposal", oneLength, variant{"goms~goms", goms, goms}},
	{"10th proposal", kth(10), variant{"goms~goms", goms, goms}},
	{"first proposal", oneLength, variant{"ours~goms", ours, goms}},
	{"first proposal", oneLength, variant{"goms~ours", goms, ours}},
}

type step func(context.Context, *multiselect.Client, *multiselect.Communicator, string) error

// oursInSteps is our initiator, one step after the other.
func oursInSteps(do step) speaker {
	ctx := context.Background()
	return speaker{name: "ours", initiate: func(t talk) func(io.ReadWriteCloser) func() error {
		cl := new(multiselect.Client)
		return func(rw io.ReadWriteCloser) func() error {
			return func() error { return do(ctx, cl, multiselect.NewCommunicator(rw), t.last()) }
		}
	}}
}

func handshakeFirst(ctx context.Context, cl *multiselect.Client, c *multiselect.Communicator, protocol string) error {
	if err := cl.Handshake(ctx, c); err != nil {
		return err
	}
	return cl.TrySelect(ctx, c, protocol)
}

func listFirst(ctx context.Context, cl *multiselect.Client, c *multiselect.Communicator, protocol string) error {
	if _, err := cl.List(ctx, c); err != nil {
		return err
	}
	return cl.TrySelect(ctx, c, protocol)
}

func listAlong(ctx context.Context, cl *multiselect.Client, c *multiselect.Communicator, protocol string) error {
	_, err := cl.ListAndTrySelect(ctx, c, protocol)
	return err
}

// counts are per negotiation.
type counts struct {
	mode
	initiator, responder sideCounts
	roundTrips           float64
	allocs, allocBytes   float64 // both sides together
	goroutines           float64 // started, both sides together
}

type sideCounts struct{ reads, writes, bytes, segments float64 }

// counted counts what is done to a connection. The two ends share lastWriter:
// a round trip begins when the initiator writes after something else.
type counted struct {
	*net.TCPConn
	side                 int32
	lastWriter           *atomic.Int32
	reads, writes, bytes atomic.Int64
	turns                atomic.Int64 // writes that were not preceded by one of this side
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.TCPConn.Read(p)
}

func (c *counted) Write(p []byte) (int, error) {
	if c.lastWriter.Swap(c.side) != c.side {
		c.turns.Add(1)
	}
	c.writes.Add(1)
	c.bytes.Add(int64(len(p)))
	return c.TCPConn.Write(p)
}

func (c *counted) now() (s sideCounts, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return s, err
	}
	var info *unix.TCPInfo
	var err2 error
	err = raw.Control(func(fd uintptr) {
		info, err2 = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err == nil {
		err = err2
	}
	if err != nil {
		return s, err
	}
	return sideCounts{float64(c.reads.Load()), float64(c.writes.Load()), float64(c.bytes.Load()), float64(info.Data_segs_out)}, nil
}

// per is what one of n negotiations added.
func (s sideCounts) per(n float64, before sideCounts) sideCounts {
	return sideCounts{(s.reads - before.reads) / n, (s.writes - before.writes) / n, (s.bytes - before.bytes) / n, (s.segments - before.segments) / n}
}

// count runs a mode often enough to tell what happens each time from what
// happens once.
func count(m mode) (c counts, err error) {
	a, b, err := connected("tcp", "127.0.0.1:0")
	if err != nil {
		return c, err
	}
	defer a.Close()
	defer b.Close()
	var last atomic.Int32
	ia := &counted{TCPConn: a.(*net.TCPConn), side: 1, lastWriter: &last}
	rb := &counted{TCPConn: b.(*net.TCPConn), side: 2, lastWriter: &last}
	run := m.start(m.talk, ia, rb).run
	const n = 500
	if _, err := run(n); err != nil { // fills the pools
		return c, err
	}
	var before, after tally
	if err := before.take(ia, rb); err != nil {
		return c, err
	}
	if _, err := run(n); err != nil {
		return c, err
	}
	if err := after.take(ia, rb); err != nil {
		return c, err
	}
	return counts{
		mode:       m,
		initiator:  after.initiator.per(n, before.initiator),
		responder:  after.responder.per(n, before.responder),
		roundTrips: (after.turns - before.turns) / n,
		allocs:     (after.allocs - before.allocs) / n,
		allocBytes: (after.allocBytes - before.allocBytes) / n,
		goroutines: (after.goroutines - before.goroutines) / n,
	}, nil
}

// tally is everything that is counted, since the beginning.
type tally struct {
	initiator, responder                  sideCounts
	turns, allocs, allocBytes, goroutines float64
}

func (t *tally) take(initiator, responder *counted) (err error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	started := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(started)
	t.allocs, t.allocBytes = float64(m.Mallocs), float64(m.TotalAlloc)
	t.goroutines = float64(started[0].Value.Uint64())
	t.turns = float64(initiator.turns.Load())
	if t.initiator, err = initiator.now(); err != nil {
		return err
	}
	t.responder, err = responder.now()
	return err
}
