package cost_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/wire"
)

// What a half-open negotiation holds is measured in processes of their own,
// which are this test binary again: the responders in the child, which does
// nothing else, the silent peers here.

const (
	halfOpenConns = 2000
	halfOpenEnv   = "MULTISELECT_HALF_OPEN" // which responder the child is
)

// perConn is what one connection holds, in bytes.
type perConn struct{ heap, stack float64 }

func (p perConn) sum() float64 { return p.heap + p.stack }

func (p perConn) String() string {
	return fmt.Sprintf("%4.0f heap + %4.0f stack = %4.0f B", p.heap, p.stack, p.sum())
}

func TestHalfOpen(t *testing.T) {
	skipUnderRace(t)
	for _, sent := range []struct{ name, bytes string }{
		{"nothing", ""},
		{"10 bytes of the header", wire.HeaderFrame[:10]},
		{"the header", wire.HeaderFrame},
		{"the header and 3 bytes of a proposal", wire.HeaderFrame + "\x0f/i"},
	} {
		t.Run(sent.name, func(t *testing.T) {
			floor := measureHalfOpen(t, "floor", sent.bytes)
			ours := measureHalfOpen(t, "negotiate", sent.bytes)
			ratio := ours.sum() / floor.sum()
			t.Logf("floor %v, ours %v, ratio %.3f", floor, ours, ratio)
			if ratio > 1.10 {
				t.Errorf("a half-open Negotiate holds %.3f of a goroutine blocked in Read, want at most 1.10", ratio)
			}
		})
	}
}

// A peer that announces a message of 1024 bytes has to send it before it costs
// anything (R26).
func TestHalfOpenAnnouncement(t *testing.T) {
	skipUnderRace(t)
	before := measureHalfOpen(t, "negotiate", wire.HeaderFrame)
	after := measureHalfOpen(t, "negotiate", wire.HeaderFrame+"\x80\x08/")
	t.Logf("header %v, and 1024 bytes announced and one sent %v", before, after)
	if growth := after.sum() - before.sum(); growth > 64 {
		t.Errorf("grows by %.0f bytes for an announcement, want at most 64", growth)
	}
}

// measureHalfOpen lets a child hold connections on which the peer, this
// process, has sent some bytes and no more.
func measureHalfOpen(t *testing.T, responder, sent string) (p perConn) {
	t.Helper()
	in, said, end := child.Start(t, "TestHalfOpenChild", append(child.Measured, halfOpenEnv+"="+responder)...)
	defer end()
	var address string
	if _, err := fmt.Fscanln(said, &address); err != nil {
		t.Fatal("the child did not say where it listens:", err)
	}
	for range halfOpenConns {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintln(in, "all sent")
	if _, err := fmt.Fscanln(said, &p.heap, &p.stack); err != nil {
		t.Fatal("the child did not say what it holds:", err)
	}
	return p
}

// TestHalfOpenChild is the process in which the responders are. It accepts
// connections, starts a responder on each when the peers have sent all they
// will, and says what they hold.
func TestHalfOpenChild(t *testing.T) {
	kind := os.Getenv(halfOpenEnv)
	if kind == "" {
		return // nothing of its own to test
	}
	respond := floorResponder
	if kind == "negotiate" {
		m := apitest.Muxer(t, "/ipfs/id/1.0.0")
		respond = func(conn net.Conn) { m.Negotiate(context.Background(), conn) }
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, halfOpenConns)
	stacks := make([]byte, 2000*halfOpenConns)
	in := bufio.NewReader(os.Stdin)
	fmt.Println(l.Addr())

	heap, stack := inUse()
	for i := range conns {
		if conns[i], err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.ReadString('\n'); err != nil {
		os.Exit(1)
	}
	for _, conn := range conns {
		go respond(conn)
	}
	for bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("[IO wait")) < halfOpenConns {
		runtime.Gosched()
	}
	heapNow, stackNow := inUse()
	runtime.KeepAlive(stacks)
	fmt.Println((heapNow-heap)/halfOpenConns, (stackNow-stack)/halfOpenConns)
	in.ReadString('\n')
	os.Exit(0) // with everything half-open
}

// floorResponder is what any responder costs: a goroutine that is blocked in
// Read and has a buffer for the two messages.
func floorResponder(conn net.Conn) {
	buf := make([]byte, 36)
	for got := 0; got < len(buf); {
		n, err := conn.Read(buf[got:])
		if err != nil {
			return
		}
		got += n
	}
}

func inUse() (heap, stack float64) {
	runtime.GC()
	runtime.GC() // the first one only moves the pools' contents aside
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc), float64(m.StackInuse)
}
