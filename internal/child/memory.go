package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Memory is the memory that one connection holds, in bytes.
type Memory struct{ Heap, Stack float64 }

// Sum returns both together.
func (m Memory) Sum() float64 { return m.Heap + m.Stack }

func (m Memory) String() string {
	return fmt.Sprintf("%4.0f heap + %4.0f stack = %4.0f B", m.Heap, m.Stack, m.Sum())
}

// measured is the environment of a child whose memory is measured. A goroutine
// that is preempted where its stack is deepest may double the stack, which depends
// on chance and not on the needs of the goroutine.
var measured = []string{"GOGC=off", "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1"}

// Conns describes a measurement of the memory that each of many connections holds in
// another process. This process is the peer: it opens the connections and writes Sent on
// each of them. The other process is the named test of this binary, with additions to the
// environment, and calls [HoldConns].
type Conns struct {
	Test  string
	Count int
	Sent  string
	Env   []string
}

// Least measures up to that many times, in a new process each time, and returns the
// smallest heap and the smallest stack that it has measured. It returns early when the
// two are enough; a nil function needs all measurements.
//
// Each measurement includes the memory that a connection needs. A preempted goroutine or
// another thread adds to some of them: stacks are allocated in spans of 32 KiB, and may be
// doubled while the machine is busy.
func (c Conns) Least(t testing.TB, times int, isEnough func(Memory) bool) Memory {
	t.Helper()
	least := c.measure(t)
	for n := 1; n < times && (isEnough == nil || !isEnough(least)); n++ {
		m := c.measure(t)
		least = Memory{min(least.Heap, m.Heap), min(least.Stack, m.Stack)}
	}
	return least
}

func (c Conns) measure(t testing.TB) (m Memory) {
	t.Helper()
	in, out, end := Start(t, c.Test, slices.Concat(measured, c.Env)...)
	defer end()
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal("the child did not print where it listens:", err)
	}
	for range c.Count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, c.Sent); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(in, "all sent")
	if _, err := fmt.Fscanln(out, &m.Heap, &m.Stack); err != nil {
		t.Fatal("the child did not print what it holds:", err)
	}
	return m
}

// HoldConns is the child's part of [Conns.Least]. Serve gets a listener for that
// many connections. It may accept them before it calls awaitSent, which blocks
// until the peers have sent everything. It must return when all responders have
// been started. HoldConns waits until blocked goroutines are in a network call,
// prints the memory per connection, and exits the process at the peer's sign.
func HoldConns(conns, blocked int, serve func(l net.Listener, awaitSent func())) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	stacks := make([]byte, 2000*conns)
	startThreads(32)
	in := bufio.NewReader(os.Stdin)
	fmt.Println(l.Addr())
	before := inUse()
	serve(l, func() {
		if _, err := in.ReadString('\n'); err != nil {
			fail(err)
		}
	})
	for bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("[IO wait")) < blocked {
		runtime.Gosched()
	}
	now := inUse()
	runtime.KeepAlive(stacks)
	n := float64(conns)
	fmt.Println((now.Heap-before.Heap)/n, (now.Stack-before.Stack)/n)
	in.ReadString('\n')
	os.Exit(0) // with everything half-open
}

// startThreads makes the runtime start n threads and keep them idle. On a busy
// machine it starts one whenever a thread is suspended within a system call, and
// each has a signal stack of 32 KiB, which would be counted as that of connections.
// The goroutines stay, so that no connection gets the memory of one that has ended.
func startThreads(n int) {
	var started sync.WaitGroup
	started.Add(n)
	for range n {
		go func() {
			runtime.LockOSThread()
			started.Done()
			started.Wait() // so that each goroutine needs a thread of its own
			runtime.UnlockOSThread()
			select {}
		}()
	}
	started.Wait()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func inUse() Memory {
	runtime.GC()
	runtime.GC() // the first one only moves the contents of pools aside
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Memory{float64(m.HeapAlloc), float64(m.StackInuse)}
}

// BlockInRead is the least that any responder costs: it blocks in Read with a
// buffer for two messages.
func BlockInRead(conn net.Conn) {
	buf := make([]byte, 36)
	for got := 0; got < len(buf); {
		n, err := conn.Read(buf[got:])
		if err != nil {
			return
		}
		got += n
	}
}
