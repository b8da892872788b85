package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// batch does n negotiations and returns what they took.
type batch func(n int) (time.Duration, error)

// contender is one of those that are compared.
type contender struct {
	name string
	run  batch
	size int // of a batch; 0: as many negotiations as fill batchTime
	// elsewhere says that another process does the work.
	elsewhere bool
}

// batchTime is how long a batch of one contender is meant to take: long enough
// for the clock, and short enough for a whole round to pass before the
// machine's frequency has moved or a neighbour has come.
const batchTime = 8 * time.Millisecond

// results are the costs of one negotiation in ns, by contender and round.
type results map[string][]float64

// A round is disturbed if this process did not have the CPU for more than a
// twentieth of it: somebody else had. Then there is one more round, a moment
// later, up to mostTries times as many as are wanted, and while patience lasts.
// In the end the least disturbed ones count, whatever their ratios are.
const (
	disturbed = 0.05
	moment    = 50 * time.Millisecond
	mostTries = 8
)

// patience is when this run stops to make up for disturbed rounds.
var patience time.Time

// census counts the rounds of all races of this run.
var census roundCounts

type roundCounts struct{ Tried, Kept, Disturbed int }

func (c *roundCounts) add(d roundCounts) {
	c.Tried += d.Tried
	c.Kept += d.Kept
	c.Disturbed += d.Disturbed
}

// race runs batches of all contenders, in a new random order in each round.
func race(rounds int, contenders []contender) (results, error) {
	sizes := make([]int, len(contenders))
	for i, c := range contenders {
		size, err := sizeOf(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		sizes[i] = size
	}
	var all []aRound
	for good := 0; good < rounds; {
		r, err := round(contenders, sizes)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
		if r.lost <= disturbed {
			good++
		}
		impatient := len(all) >= mostTries*rounds || time.Now().After(patience)
		if impatient && len(all) >= rounds {
			break
		}
		if r.lost > disturbed && !impatient {
			time.Sleep(moment)
		}
	}
	census.Tried += len(all)
	slices.SortStableFunc(all, func(a, b aRound) int { return cmp.Compare(max(a.lost, disturbed), max(b.lost, disturbed)) })
	r := make(results)
	for _, kept := range all[:rounds] {
		census.Kept++
		if kept.lost > disturbed {
			census.Disturbed++
		}
		for i, c := range contenders {
			r[c.name] = append(r[c.name], kept.costs[i])
		}
	}
	return r, nil
}

// aRound is what a negotiation of each contender costs, in ns, and the part of
// the time that other processes took.
type aRound struct {
	costs []float64
	lost  float64
}

// round runs one batch of each.
func round(contenders []contender, sizes []int) (r aRound, err error) {
	r.costs = make([]float64, len(contenders))
	begin, used := time.Now(), processorTime()
	for _, i := range rand.Perm(len(contenders)) {
		took, err := contenders[i].run(sizes[i])
		if err != nil {
			return r, fmt.Errorf("%s: %w", contenders[i].name, err)
		}
		r.costs[i] = float64(took) / float64(sizes[i])
	}
	if !contenders[0].elsewhere {
		r.lost = 1 - float64(processorTime()-used)/float64(time.Since(begin))
	}
	return r, nil
}

// sizeOf finds out how many negotiations fill a batch. It is the warm-up too.
func sizeOf(c contender) (int, error) {
	if c.size > 0 {
		_, err := c.run(c.size)
		return c.size, err
	}
	for n := 1; ; n *= 2 {
		took, err := c.run(n)
		if err != nil {
			return 0, err
		}
		if took > batchTime/2 || n > 1<<24 {
			return max(1, int(float64(n)*float64(batchTime)/float64(took))), nil
		}
	}
}

// ratio compares two contenders inside each round.
func (r results) ratio(name, base string) spread {
	ratios := make([]float64, len(r[name]))
	for i, cost := range r[name] {
		ratios[i] = cost / r[base][i]
	}
	return spreadOf(ratios)
}

// cost is what one negotiation of a contender took, in ns.
func (r results) cost(name string) spread { return spreadOf(r[name]) }
