// Package cost_test counts what a negotiation takes: allocations, goroutines,
// calls of the stream, segments and memory, with the defaults of the exported API,
// negotiation after negotiation on one established connection. It measures no
// time. Gates that allocate or measure memory are skipped under the race detector;
// ./check runs them without it.
package cost_test

import (
	"net"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

func skipUnderRace(t testing.TB) {
	t.Helper()
	if streamtest.Race {
		t.Skip("the race detector makes sync.Pool drop values and changes the cost of memory; ./check runs this without it")
	}
}

// networks are those of the kernel that every gate runs on.
var networks = []string{"tcp", "unix"}

// gate is one shape of a negotiation that must cost nothing.
type gate struct {
	name     string
	serves   []string
	proposes []string
	// The calls that it takes on each side. The responder does not allocate for a
	// long name because the peer announces one, and so reads it in pieces.
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
		{"42 bytes, second proposal", []string{long(42, "z")}, []string{long(42, "a"), long(42, "z")}, 2, 2, 2},
		{"127 bytes, second proposal", []string{long(127, "z")}, []string{long(127, "a"), long(127, "z")}, 2, 2, 2},
		{"126 bytes", []string{long(126, "a")}, []string{long(126, "a")}, 1, 1, 1},
		{"127 bytes, two of length", []string{long(127, "a")}, []string{long(127, "a")}, 1, 1, 1},
		{"1000 bytes", []string{long(1000, "a")}, []string{long(1000, "a")}, 1, 1, 1},
		{"1000 bytes and a short one", []string{long(1000, "a"), "/id/1"}, []string{long(1000, "a")}, 1, 4, 1},
		{"the longest name", []string{long(1023, "a")}, []string{long(1023, "a")}, 1, 1, 1},
	}
}

// endless is [apitest.Endless] for the gate.
func (g gate) endless(t *testing.T, initiator, responder net.Conn) (negotiate func()) {
	t.Helper()
	return apitest.Endless(t, g.serves, g.proposes, initiator, responder)
}
