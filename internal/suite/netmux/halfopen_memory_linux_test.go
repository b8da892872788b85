package netmux_test

import (
	"net"
	"os"
	"testing"

	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// This file measures the memory of a half-open connection of a Server, in child processes that
// run this test binary.

const (
	memoryConns = 2000
	memoryEnv   = "NETMUX_HALF_OPEN"
)

func TestHalfOpenMemory(t *testing.T) {
	if streamtest.Race {
		t.Skip("the race detector changes the cost of memory; ./check runs this without it")
	}
	floor := halfOpenMemory("floor").Least(t, 3, nil).Sum()
	for _, kind := range []string{"server", "server with a limit per host"} {
		ours := halfOpenMemory(kind).Least(t, 10, func(m child.Memory) bool { return m.Sum() <= 1.15*floor }).Sum()
		t.Logf("%s: %.0f B, a goroutine blocked in Read: %.0f B, ratio %.3f", kind, ours, floor, ours/floor)
		if ours > 1.15*floor {
			t.Errorf("%s: a half-open connection holds %.3f of a goroutine blocked in Read, want at most 1.15", kind, ours/floor)
		}
	}
}

func halfOpenMemory(kind string) child.Conns {
	return child.Conns{Test: "TestHalfOpenMemoryChild", Count: memoryConns, Env: []string{memoryEnv + "=" + kind}}
}

// TestHalfOpenMemoryChild is the child process, which serves the connections.
func TestHalfOpenMemoryChild(t *testing.T) {
	kind := os.Getenv(memoryEnv)
	if kind == "" {
		return // it is no child
	}
	const acceptor = 1 // is blocked, too
	child.HoldConns(memoryConns, memoryConns+acceptor, func(l net.Listener, awaitSent func()) {
		awaitSent()
		if kind == "floor" {
			go acceptAndRead(l)
			return
		}
		s := &netmux.Server{Logger: quiet}
		if kind != "server" {
			s.MaxHalfOpenPerHost = memoryConns
		}
		echoing(t, s, "/ipfs/id/1.0.0")
		go s.Serve(l)
	})
}

// acceptAndRead is the least that a server costs: for each connection a goroutine that is
// blocked in Read, with a buffer for two messages.
func acceptAndRead(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go child.BlockInRead(conn)
	}
}
