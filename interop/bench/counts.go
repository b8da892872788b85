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

// mode is a way to reach an agreement. The counts of a mode do not depend on the machine.
type mode struct {
	name string
	talk scenario
	variant
}

// modes are counted on TCP.
var modes = []mode{
	{"first proposal", oneLength, variant{limitOn, ours, ours}},
	{"first proposal, mixed lengths", mixed, variant{limitOn, ours, ours}},
	{"2nd proposal", kth(2), variant{limitOn, ours, ours}},
	{"10th proposal", kth(10), variant{limitOn, ours, ours}},
	{"handshake, then proposal", oneLength, variant{limitOn, oursInSteps(handshakeFirst), ours}},
	{"`ls`, then proposal", oneLength, variant{limitOn, oursInSteps(listFirst), ours}},
	{"`ls` and proposal in one flight", oneLength, variant{limitOn, oursInSteps(listAlong), ours}},
	{"eager, then a request of 5 bytes", oneLength, variant{limitOn, eagerOurs, eagerOurs}},
	{"lazy, with a request of 5 bytes", oneLength, variant{limitOn, lazyOurs, lazyOurs}},
	{"lazy, with a request of 5 bytes", oneLength, variant{"goms~goms", lazyGoms, lazyGoms}},
	{"first proposal", oneLength, variant{"floor~floor", floor, floor}},
	{"first proposal", oneLength, variant{"goms~goms", goms, goms}},
	{"10th proposal", kth(10), variant{"goms~goms", goms, goms}},
	{"first proposal", oneLength, variant{"ours~goms", ours, goms}},
	{"first proposal", oneLength, variant{"goms~ours", goms, ours}},
}

type step func(context.Context, *multiselect.Client, *multiselect.Communicator, string) error

// oursInSteps is an initiator that calls the steps of the library one after the other.
func oursInSteps(do step) implementation {
	ctx := context.Background()
	return implementation{name: "ours", initiate: func(t scenario) func(io.ReadWriteCloser) func() error {
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

// countingConn counts the calls and bytes of a connection. Both ends share lastWriter: a
// round trip begins when the initiator writes and did not write last.
type countingConn struct {
	*net.TCPConn
	side                 int32
	lastWriter           *atomic.Int32
	reads, writes, bytes atomic.Int64
	turns                atomic.Int64 // writes that follow a write of the other side
}

func (c *countingConn) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.TCPConn.Read(p)
}

func (c *countingConn) Write(p []byte) (int, error) {
	if c.lastWriter.Swap(c.side) != c.side {
		c.turns.Add(1)
	}
	c.writes.Add(1)
	c.bytes.Add(int64(len(p)))
	return c.TCPConn.Write(p)
}

func (c *countingConn) sideCounts() (s sideCounts, err error) {
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

// per returns the counts of one of n negotiations since before.
func (s sideCounts) per(n float64, before sideCounts) sideCounts {
	return sideCounts{(s.reads - before.reads) / n, (s.writes - before.writes) / n, (s.bytes - before.bytes) / n, (s.segments - before.segments) / n}
}

// count runs a mode so often that the cost of its first negotiations does not count.
func count(m mode) (c counts, err error) {
	a, b, err := connected("tcp", "127.0.0.1:0")
	if err != nil {
		return c, err
	}
	defer a.Close()
	defer b.Close()
	var last atomic.Int32
	ia := &countingConn{TCPConn: a.(*net.TCPConn), side: 1, lastWriter: &last}
	rb := &countingConn{TCPConn: b.(*net.TCPConn), side: 2, lastWriter: &last}
	run := m.start(m.talk, ia, rb).run
	const n = 500
	if _, err := run(n); err != nil { // fills the pools
		return c, err
	}
	var before, after totals
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

// totals are all counts since the start of the process or connection.
type totals struct {
	initiator, responder                  sideCounts
	turns, allocs, allocBytes, goroutines float64
}

func (t *totals) take(initiator, responder *countingConn) (err error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	started := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(started)
	t.allocs, t.allocBytes = float64(m.Mallocs), float64(m.TotalAlloc)
	t.goroutines = float64(started[0].Value.Uint64())
	t.turns = float64(initiator.turns.Load())
	if t.initiator, err = initiator.sideCounts(); err != nil {
		return err
	}
	t.responder, err = responder.sideCounts()
	return err
}
