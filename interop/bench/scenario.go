package main

import (
	"slices"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// scenario is a kind of negotiation: the proposals of the initiator, in order, and the
// protocols of the responder. The two agree on the last proposal.
type scenario struct {
	name      string
	proposals []string
	serves    []string
}

const id = "/ipfs/id/1.0.0" // 16 bytes on the wire, after a header of 20

var (
	oneLength = scenario{"one name length", []string{id}, []string{id}}
	// With a shorter name registered the responder must not read 36 bytes in one
	// call: a proposal of that name is shorter.
	mixed = scenario{"mixed name lengths", []string{id}, []string{id, "/id/1"}}
)

// kth succeeds at the k-th proposal.
func kth(k int) scenario {
	s := scenario{name: "k = " + itoa(k), serves: []string{id}}
	for i := range k - 1 {
		s.proposals = append(s.proposals, "/ipfs/"+string(rune('a'+i))+"0/1.0.0")
	}
	s.proposals = append(s.proposals, id)
	return s
}

// flights returns the bytes of the negotiation: one flight of the initiator for each
// proposal, and the responder's answer to it.
func (s scenario) flights() (asks, answers [][]byte) {
	for _, p := range s.proposals {
		answer := wire.NA
		if slices.Contains(s.serves, p) {
			answer = p
		}
		asks = append(asks, wire.AppendMessage(nil, p))
		answers = append(answers, wire.AppendMessage(nil, answer))
	}
	asks[0] = slices.Concat([]byte(wire.HeaderFrame), asks[0])
	answers[0] = slices.Concat([]byte(wire.HeaderFrame), answers[0])
	return asks, answers
}

// last returns the protocol of the agreement.
func (s scenario) last() string { return s.proposals[len(s.proposals)-1] }

// crowdNames returns n names of the same length, of which id is the last.
func crowdNames(n int) []string {
	names := make([]string, 0, n)
	for i := range n - 1 {
		number := itoa(i)
		names = append(names, "/c/"+strings.Repeat("0", len(id)-3-len(number))+number)
	}
	return append(names, id)
}
