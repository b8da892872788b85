package main

// strategy is a way to find the protocol that two ends have in common, as a
// closed form. With H the header, n(i) the i-th name, A = 4 a refusal, L the
// list, all in bytes on the wire, and success at the k-th name:
//
//	              round trips   out                          in
//	wait          1 + k         H + n(1) + … + n(k)          H + (k-1) A + n(k)
//	sequential    k             the same                     the same
//	ls            min(k, 2)     H + 4 + n(1) [+ n(k)]        H + L + n(1), or H + L + A + n(k)
//	remembered    1, or as sequential in another order
//	lazy          0, or k       H + n(1), or 2H + …          H + n(1), or 2H + …
//	lazyEach      k - 1         k H + n(1) + … + n(k)        k H + (k-1) A + n(k)
//	held          k             as lazy                      as lazy
//	both          0, or as lazy in the order of remembered
type strategy struct {
	name  string
	cost  func(dial) cost
	lists bool // asks for the list
}

// The strategies, from the slowest on. held is in the tables of one negotiation
// only: it takes the time of sequential.
var (
	wait       = strategy{name: "wait for the header", cost: waitCost}
	sequential = strategy{name: "sequential", cost: sequentialCost}
	ls         = strategy{name: "`ls` + proposal", cost: lsCost, lists: true}
	remembered = strategy{name: "remembered", cost: rememberedCost}
	held       = strategy{name: "lazy, payload waits", cost: heldCost}
	lazy       = strategy{name: "lazy", cost: lazyCost}
	lazyEach   = strategy{name: "lazy, each name", cost: lazyEachCost}
	both       = strategy{name: "remembered, lazy", cost: bothCost}

	strategies = []strategy{wait, sequential, ls, remembered, lazy, lazyEach, both}
)

// waitCost: the header alone, and nothing proposed before the answer.
func waitCost(d dial) (c cost) {
	c.exchange(headerSize, headerSize)
	c.roundTrips = 1
	c.propose(d, d.names, 0)
	return c
}

// sequentialCost: the header leaves with the first proposal (R1).
func sequentialCost(d dial) (c cost) {
	c.propose(d, d.names, headerSize)
	return c
}

// rememberedCost is at best 1 round trip, and at worst one more than without a
// memory: when what is remembered stands behind k and is refused.
func rememberedCost(d dial) (c cost) {
	c.propose(d, d.rememberedFirst(), headerSize)
	return c
}

// propose adds the proposals one after the other, the first of them behind
// first bytes on both sides.
func (c *cost) propose(d dial, names []string, first int) {
	for _, name := range names {
		c.exchange(first+size(name), first+d.answer(name))
		c.roundTrips++
		if d.supported(name) {
			return
		}
		first = 0
	}
}

// lsCost: header, "ls" and the first proposal in one flight, and then the right
// name, if there is one. A peer that does not tell is asked name by name.
func lsCost(d dial) (c cost) {
	first := d.names[0]
	answers := []int{headerSize + d.list(), d.answer(first)}
	if lsSize+size(first) <= d.shortest() {
		// The responder's first read, which ends where the shortest agreement
		// could end, takes the whole flight: then both answers are one write.
		answers = []int{answers[0] + answers[1]}
	}
	c.exchange(headerSize+lsSize+size(first), answers...)
	c.roundTrips = 1
	k := d.k()
	switch {
	case k == 1:
	case d.noList:
		c.propose(d, d.names[1:], 0)
	case k > 1:
		c.propose(d, d.names[k-1:], 0)
	}
	return c
}

// lazyCost: header, proposal and payload in one flight, and nothing waited for.
// A refusal ends the stream, and what it was sent is lost. The next names are
// proposed on a new one, sequentially.
func lazyCost(d dial) (c cost) {
	if !c.proposeLazily(d, d.names[0]) {
		c.propose(d, d.names[1:], headerSize)
	}
	return c
}

// lazyEachCost: as before, but the next name is proposed lazily, too.
func lazyEachCost(d dial) (c cost) {
	for _, name := range d.names {
		if c.proposeLazily(d, name) {
			break
		}
	}
	return c
}

// proposeLazily adds a stream on which a name is proposed with the payload. It
// reports whether the peer has it.
func (c *cost) proposeLazily(d dial, name string) bool {
	c.exchange(headerSize+size(name)+d.payload, headerSize+d.answer(name))
	c.out.bytes -= d.payload
	if d.supported(name) {
		c.behind = headerSize + size(name)
		return true
	}
	c.roundTrips++
	c.lost += d.payload
	return false
}

// heldCost: a lazy stream whose payload could be read as a proposal, and so has
// to wait for the agreement (R29).
func heldCost(d dial) (c cost) {
	c.propose(d, d.names[:1], headerSize)
	if d.k() != 1 {
		c.propose(d, d.names[1:], headerSize)
	}
	return c
}

// bothCost: what is remembered is proposed lazily.
func bothCost(d dial) cost {
	d.names = d.rememberedFirst()
	return lazyCost(d)
}
