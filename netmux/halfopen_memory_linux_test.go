package netmux_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/netmux"
)

// This file measures the memory of a half-open connection of a Server, in child processes that
// run this test binary.

const (
	memoryConns = 2000
	memoryEnv   = "NETMUX_HALF_OPEN"
)

func TestHalfOpenMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector changes what memory costs")
	}
	floor := middleOfThree(t, "floor")
	for _, kind := range []string{"server", "server with a limit per host"} {
		ours := middleOfThree(t, kind)
		t.Logf("%s: %.0f B, a goroutine blocked in Read: %.0f B, ratio %.3f", kind, ours, floor, ours/floor)
		if ours > 1.15*floor {
			t.Errorf("%s: a half-open connection holds %.3f of a goroutine blocked in Read, want at most 1.15", kind, ours/floor)
		}
	}
}

// middleOfThree measures three times: stacks come in spans of 32 KiB, and one or two
// more or less in a process is 1 % of what is measured.
func middleOfThree(t *testing.T, kind string) float64 {
	t.Helper()
	three := []float64{measure(t, kind), measure(t, kind), measure(t, kind)}
	slices.Sort(three)
	return three[1]
}

func measure(t *testing.T, kind string) (perConn float64) {
	t.Helper()
	in, out, end := child.Start(t, "TestHalfOpenMemoryChild", append(child.Measured, memoryEnv+"="+kind)...)
	defer end()
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal("the child wrote no address:", err)
	}
	for range memoryConns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	fmt.Fprintln(in, "all connected")
	if _, err := fmt.Fscanln(out, &perConn); err != nil {
		t.Fatal("the child wrote no measurement:", err)
	}
	return perConn
}

// TestHalfOpenMemoryChild is the child process, which serves the connections.
func TestHalfOpenMemoryChild(t *testing.T) {
	kind := os.Getenv(memoryEnv)
	if kind == "" {
		return // nothing of its own to test
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stacks := make([]byte, 2000*memoryConns)
	in := bufio.NewReader(os.Stdin)
	before := inUse()
	fmt.Println(l.Addr())
	if _, err := in.ReadString('\n'); err != nil {
		os.Exit(1)
	}
	if kind == "floor" {
		go acceptAndRead(l)
	} else {
		s := &netmux.Server{Logger: quiet}
		if kind != "server" {
			s.MaxHalfOpenPerHost = memoryConns
		}
		echoing(t, s, "/ipfs/id/1.0.0")
		go s.Serve(l)
	}
	for bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("[IO wait")) < memoryConns+1 {
		runtime.Gosched()
	}
	now := inUse()
	runtime.KeepAlive(stacks)
	fmt.Println((now - before) / memoryConns)
	in.ReadString('\n')
	os.Exit(0)
}

// acceptAndRead is the least that a server costs: for each connection a goroutine that is
// blocked in Read, with a buffer for two messages.
func acceptAndRead(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			buf := make([]byte, 36)
			for got := 0; got < len(buf); {
				n, err := conn.Read(buf[got:])
				if err != nil {
					return
				}
				got += n
			}
		}()
	}
}

func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
