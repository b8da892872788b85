package main

import (
	"slices"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// talk is one shape of a negotiation: what the initiator proposes, in order,
// and what the responder serves. The last proposal is the one agreed on.
type talk struct {
	name      string
	proposals []string
	serves    []string
}

const id = "/ipfs/id/1.0.0" // 16 bytes on the wire, behind a header of 20

var (
	oneLength = talk{"one name length", []string{id}, []string{id}}
	// With a shorter name registered the responder may not read 36 bytes at
	// once: they could be more than a proposal of that name.
	mixed = talk{"mixed name lengths", []string{id}, []string{id, "/id/1"}}
)

// kth succeeds at the k-th proposal.
func kth(k int) talk {
	t := talk{name: "k = " + itoa(k), serves: []string{id}}
	for i := range k - 1 {
		t.proposals = append(t.proposals, "/ipfs/"+string(rune('a'+i))+"0/1.0.0")
	}
	t.proposals = append(t.proposals, id)
	return t
}

// flights returns the bytes of the talk as they must be: one flight of the
// initiator for each proposal, and the answer to it.
func (t talk) flights() (asks, answers [][]byte) {
	for _, p := range t.proposals {
		answer := wire.NA
		if slices.Contains(t.serves, p) {
			answer = p
		}
		asks = append(asks, wire.AppendMessage(nil, p))
		answers = append(answers, wire.AppendMessage(nil, answer))
	}
	asks[0] = slices.Concat([]byte(wire.HeaderFrame), asks[0])
	answers[0] = slices.Concat([]byte(wire.HeaderFrame), answers[0])
	return asks, answers
}

// last is the protocol agreed on.
func (t talk) last() string { return t.proposals[len(t.proposals)-1] }

// crowd returns n names of the length of id, id the last of them.
func crowd(n int) []string {
	names := make([]string, 0, n)
	for i := range n - 1 {
		number := itoa(i)
		names = append(names, "/c/"+strings.Repeat("0", len(id)-3-len(number))+number)
	}
	return append(names, id)
}
