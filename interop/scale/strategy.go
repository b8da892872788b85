package main

// strategy is a way to find the protocol that two ends have in common, as a
// closed form. With H the header, n(i) the i-th name, A = 4 a refusal, L the
// list, all in bytes on the wire, and success at the k-th name:
//
//	              round trips   out                          in
//	wait          1 + k         H + n(1) + … + n(k)          H + (k-1) A + n(k)
//	sequential    k             the same                     the same
//	ls            min(k, 2)     H + 4 + n(1) [+ n(k)]        H + L + n(1), or H + L + A + n(k)
//	lazy          0, or k       H + n(1), or 2H + …          H + n(1), or 2H + …
//	remembered    1, or as sequential in another order
//	both          0, or as lazy in that order
type strategy struct {
	name  string
	cost  func(dial) cost
	lists bool // asks for the list
	model bool // not in the library, and so not simulated
}

// The strategies, from the slowest on.
var (
	wait       = strategy{name: "wait for the header", cost: waitCost}
	sequential = strategy{name: "sequential", cost: sequentialCost}
	ls         = strategy{name: "`ls` + proposal", cost: lsCost, lists: true}
	remembered = strategy{name: "remembered", cost: rememberedCost}
	lazy       = strategy{name: "lazy (model only)", cost: lazyCost, model: true}
	both       = strategy{name: "remembered, lazy (model only)", cost: bothCost, model: true}

	strategies = []strategy{wait, sequential, ls, remembered, lazy, both}
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
// After a refusal the payload may be read as proposals, so the stream is reset
// and the next names are proposed on a new one, without payload. The payload,
// which is lost then, is not counted.
func lazyCost(d dial) (c cost) {
	first := d.names[0]
	c.exchange(headerSize+size(first), headerSize+d.answer(first))
	if d.k() == 1 {
		return c
	}
	c.roundTrips = 1
	if len(d.names) > 1 {
		c.propose(d, d.names[1:], headerSize)
	}
	return c
}

// bothCost: what is remembered is proposed lazily.
func bothCost(d dial) cost {
	d.names = d.rememberedFirst()
	return lazyCost(d)
}
