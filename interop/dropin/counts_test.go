package dropin

import (
	"io"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// again is a stream whose peer says the same in each negotiation, in pieces that no
// Read crosses, and reads all. It takes no notes, so that what is counted is the
// library's.
type again struct {
	said         []string
	piece, heard int // where the peer is
	reads, wrote int
}

func (a *again) Read(p []byte) (int, error) {
	a.reads++
	said := a.said[a.piece]
	n := copy(p, said[a.heard:])
	if a.heard += n; a.heard == len(said) {
		a.heard = 0
		a.piece = (a.piece + 1) % len(a.said)
	}
	return n, nil
}

func (a *again) Write(p []byte) (int, error) {
	a.wrote++
	return len(p), nil
}

func (a *again) Close() error { return nil }
func (a *again) Reset() error { return nil }

const protocol = "/ipfs/id/1.0.0"

// negotiation is one that is counted.
type negotiation struct {
	name          string
	said          []string
	make          func(l library) func(s *again) error
	reads, writes int // ours at most
}

var negotiations = []negotiation{
	{"responder", []string{say(wire.Header) + say(protocol)}, func(l library) func(s *again) error {
		negotiate := l.muxer(scene{names: []string{"/b/1.0.0", protocol}})
		return func(s *again) error { _, err := negotiate(s); return err }
	}, 3, 1},
	{"initiator", []string{say(wire.Header) + say(protocol)}, func(l library) func(s *again) error {
		return func(s *again) error { _, err := l.selectOne(proposals[:1], s); return err }
	}, 1, 1},
	{"initiator, second proposal", []string{say(wire.Header) + say(wire.NA), say(protocol)}, func(l library) func(s *again) error {
		return func(s *again) error { _, err := l.selectOne(proposals[1:], s); return err }
	}, 2, 2},
	{"lazy, request and reply", []string{say(wire.Header) + say(protocol) + "reply"}, func(l library) func(s *again) error {
		return func(s *again) error {
			lazy := l.lazy(s, protocol)
			if _, err := io.WriteString(lazy, "request"); err != nil {
				return err
			}
			_, err := io.ReadFull(lazy, make([]byte, 5))
			return err
		}
	}, 2, 1},
}

var proposals = []string{protocol, "/z/1.0.0", protocol}

// allocations of one negotiation.
func (n negotiation) allocations(t *testing.T, l library) float64 {
	t.Helper()
	s := &again{said: n.said}
	do := n.make(l)
	return testing.AllocsPerRun(2000, func() {
		if err := do(s); err != nil {
			t.Fatal(err)
		}
	})
}

// Each negotiation takes at most half of the allocations that go-multistream
// takes, and not more calls than promised.
func TestCounts(t *testing.T) {
	for _, n := range negotiations {
		theirs, ours := n.allocations(t, their), n.allocations(t, our)
		t.Logf("%-28s allocations: go-multistream %.0f, ours %.0f", n.name, theirs, ours)
		if ours > theirs/2 {
			t.Errorf("%s: %.0f allocations, go-multistream %.0f", n.name, ours, theirs)
		}
		var calls [2]again
		for i, l := range []library{their, our} {
			calls[i].said = n.said
			if err := n.make(l)(&calls[i]); err != nil {
				t.Error(err)
			}
		}
		t.Logf("%-28s reads and writes: go-multistream %d + %d, ours %d + %d",
			n.name, calls[0].reads, calls[0].wrote, calls[1].reads, calls[1].wrote)
		if calls[1].reads > n.reads || calls[1].wrote > n.writes {
			t.Errorf("%s: %d reads and %d writes, %d and %d are allowed", n.name, calls[1].reads, calls[1].wrote, n.reads, n.writes)
		}
	}
}
