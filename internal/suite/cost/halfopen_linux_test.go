package cost_test

import (
	"context"
	"net"
	"os"
	"testing"

	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/wire"
)

// The memory of a half-open negotiation is measured in processes of their own,
// which are this test binary again: the responders in the child, which does
// nothing else, the silent peers here.

const (
	halfOpenConns = 2000
	halfOpenEnv   = "MULTISELECT_HALF_OPEN" // the responder of the child
)

// TestHalfOpen compares with a goroutine that is blocked in its first Read.
func TestHalfOpen(t *testing.T) {
	skipUnderRace(t)
	floor := halfOpen("floor", "").Least(t, 3, nil)
	ratio := func(m child.Memory) float64 { return m.Sum() / floor.Sum() }
	for _, sent := range []struct{ name, bytes string }{
		{"nothing", ""},
		{"10 bytes of the header", wire.HeaderFrame[:10]},
		{"the header", wire.HeaderFrame},
		{"the header and 3 bytes of a proposal", wire.HeaderFrame + "\x0f/i"},
	} {
		t.Run(sent.name, func(t *testing.T) {
			ours := halfOpen("negotiate", sent.bytes).Least(t, 10, func(m child.Memory) bool { return ratio(m) <= 1.10 })
			t.Logf("floor %v, ours %v, ratio %.3f", floor, ours, ratio(ours))
			if ratio(ours) > 1.10 {
				t.Errorf("a half-open Negotiate holds %.3f of a goroutine blocked in Read, want at most 1.10", ratio(ours))
			}
		})
	}
}

// A peer that announces a message of 1024 bytes has to send it before it costs
// memory (R26).
func TestHalfOpenAnnouncement(t *testing.T) {
	skipUnderRace(t)
	before := halfOpen("negotiate", wire.HeaderFrame).Least(t, 3, nil)
	isEnough := func(m child.Memory) bool { return max(m.Heap-before.Heap, m.Stack-before.Stack) <= 64 }
	after := halfOpen("negotiate", wire.HeaderFrame+"\x80\x08/").Least(t, 10, isEnough)
	t.Logf("header %v, and 1024 bytes announced and one sent %v", before, after)
	if !isEnough(after) {
		t.Errorf("an announcement adds %.0f bytes of heap and %.0f of stack, want at most 64 each",
			after.Heap-before.Heap, after.Stack-before.Stack)
	}
}

func halfOpen(responder, sent string) child.Conns {
	return child.Conns{Test: "TestHalfOpenChild", Count: halfOpenConns, Sent: sent, Env: []string{halfOpenEnv + "=" + responder}}
}

// TestHalfOpenChild is the process in which the responders are. It accepts the
// connections, and starts a responder on each when the peers have sent everything.
func TestHalfOpenChild(t *testing.T) {
	kind := os.Getenv(halfOpenEnv)
	if kind == "" {
		return // it is no child
	}
	respond := child.BlockInRead
	if kind == "negotiate" {
		m := apitest.Muxer(t, "/ipfs/id/1.0.0")
		respond = func(conn net.Conn) { m.Negotiate(context.Background(), conn) }
	}
	conns := make([]net.Conn, halfOpenConns)
	child.HoldConns(halfOpenConns, halfOpenConns, func(l net.Listener, awaitSent func()) {
		for i := range conns {
			var err error
			if conns[i], err = l.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		awaitSent()
		for _, conn := range conns {
			go respond(conn)
		}
	})
}
