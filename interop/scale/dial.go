package main

import (
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// dial is what the two ends of a negotiation bring with them.
type dial struct {
	names      []string // the initiator's, in order of preference
	peer       []string // what the responder has registered; not empty
	noList     bool     // the responder answers "ls" with "na"
	remembered string   // one of names, agreed on last time; "" for a stranger
	payload    int      // bytes that the initiator wants to say first, when it is lazy
}

// k is the position of the first name that the peer has, 0 if it has none.
func (d dial) k() int {
	return 1 + slices.IndexFunc(d.names, d.supported)
}

func (d dial) supported(name string) bool { return slices.Contains(d.peer, name) }

// answer is the size of the answer to a proposal.
func (d dial) answer(name string) int {
	if d.supported(name) {
		return size(name)
	}
	return refusalSize
}

// list is the size of the answer to "ls".
func (d dial) list() int {
	if d.noList {
		return refusalSize
	}
	return len(wire.AppendList(nil, d.peer))
}

// shortest is the size of the shortest message that can be agreed on.
func (d dial) shortest() int {
	shortest := size(d.peer[0])
	for _, name := range d.peer {
		shortest = min(shortest, size(name))
	}
	return shortest
}

// rememberedFirst is the order of a caller that remembers.
func (d dial) rememberedFirst() []string {
	if d.remembered == "" {
		return d.names
	}
	rest := slices.DeleteFunc(slices.Clone(d.names), func(name string) bool { return name == d.remembered })
	return append([]string{d.remembered}, rest...)
}

func size(name string) int { return wire.MessageSize(len(name)) }
