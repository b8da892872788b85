package child

import (
	"bytes"
	"net"
	"runtime"
	"testing"
)

// Held returns the memory that each of many connections holds in this process, at the end that
// accepts them, and then closes them. All are dialed before serve gets the listener. Serve must
// start as many goroutines as blocked says, which wait for the network until their connection or
// the listener is closed. It is for benchmarks: a measurement that a test judges should be made in
// a process of its own, see [HoldConns], where nothing else adds to it.
func Held(t testing.TB, conns, blocked int, serve func(net.Listener)) Memory {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dialed := make([]net.Conn, conns)
	for i := range dialed {
		if dialed[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	// These take the goroutines and stacks of the connections that were measured before, and
	// keep them.
	for range blocked + 100 {
		go func() { select {} }()
	}
	stacks := make([]byte, 2000*(runtime.NumGoroutine()+blocked))
	waiting := func() int { return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("[IO wait")) }
	others := waiting()
	before := inUse()
	serve(l)
	for waiting() < others+blocked {
		runtime.Gosched()
	}
	now := inUse()
	l.Close()
	for _, conn := range dialed {
		conn.Close()
	}
	for waiting() > others {
		runtime.Gosched()
	}
	runtime.KeepAlive(stacks)
	n := float64(conns)
	return Memory{(now.Heap - before.Heap) / n, (now.Stack - before.Stack) / n}
}
