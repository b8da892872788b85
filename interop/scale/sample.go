package main

import (
	"fmt"
	"time"
)

// The network that the model is applied to. Shares are out of 20, 50 and 10, so
// that sampleSize negotiations hold each combination exactly as often as it
// should: the sample is the distribution, and what is simulated is what is
// extrapolated.
const (
	rttParts, kParts, memoryParts = 20, 50, 10

	sampleSize = rttParts * kParts * memoryParts // 10^4
	population = 1_000_000
	scaleUp    = population / sampleSize
)

var rtts = []struct {
	rtt  time.Duration
	part int
}{
	{1 * time.Millisecond, 2},
	{20 * time.Millisecond, 8},
	{100 * time.Millisecond, 7},
	{300 * time.Millisecond, 3},
}

// success is how often the k-th name is the first that the peer has; k is 0 for
// peers that have none of them.
type success struct {
	name  string
	parts []kPart
}

type kPart struct{ k, part int }

var successes = []success{
	{"settled", []kPart{{1, 45}, {2, 4}, {0, 1}}},
	{"migration", []kPart{{1, 25}, {2, 15}, {3, 7}, {0, 3}}},
	{"scattered", []kPart{{1, 5}, {2, 5}, {3, 5}, {4, 5}, {5, 5}, {6, 5}, {7, 5}, {8, 5}, {9, 5}, {10, 5}}},
}

// memory is what a caller has kept of the peer.
type memory int

const (
	right    memory = iota // what the peer will agree to
	stale                  // a name that the peer has dropped since
	stranger               // nothing
)

var memories = []struct {
	memory memory
	part   int
}{{right, 8}, {stale, 1}, {stranger, 1}}

// The names of the sample take 28 bytes each. The initiator has eleven: ten
// that peers have, and the old one that those remember it by who dropped it.
const (
	sampleNames = 11
	peerNames   = 20
	// samplePayload is small enough for the segment of the proposal.
	samplePayload = 100
)

func names(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("/example/block-sync/%d.0.0", 10+n-i))
	}
	return names
}

// dialAt is a dial with success at the k-th name, and a peer with some names.
func dialAt(k, registered int, m memory) dial {
	d := dial{names: names(sampleNames), payload: samplePayload}
	if k > 0 {
		d.peer = append(d.peer, d.names[k-1])
	}
	for i := len(d.peer); i < registered; i++ {
		d.peer = append(d.peer, fmt.Sprintf("/example/other-uses/%02d.0.0", i))
	}
	switch {
	case m == stranger:
	case m == right && k > 0:
		d.remembered = d.names[k-1]
	default: // who has nothing in common with us has had the old one
		d.remembered = d.names[sampleNames-1]
	}
	return d
}

// cell is a number of equal negotiations.
type cell struct {
	dial
	rtt   time.Duration
	count int
}

// sample returns sampleSize negotiations.
func (s success) sample(noList bool) (cells []cell) {
	for _, r := range rtts {
		for _, p := range s.parts {
			for _, m := range memories {
				d := dialAt(p.k, peerNames, m.memory)
				d.noList = noList
				cells = append(cells, cell{d, r.rtt, r.part * p.part * m.part})
			}
		}
	}
	return cells
}
