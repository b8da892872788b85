package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// batch runs n negotiations and returns the time that they took.
type batch func(n int) (time.Duration, error)

// contender is one of the things that a race compares.
type contender struct {
	name     string
	run      batch
	size     int  // of a batch; 0 for as many negotiations as fill batchTime
	isRemote bool // another process does the work
}

// batchTime is the intended duration of a batch of one contender. It is long enough for
// the clock, and so short that a whole round ends before the machine changes its
// frequency or another process begins to run.
const batchTime = 8 * time.Millisecond

// results are the costs of one negotiation in ns, by contender and round.
type results map[string][]float64

// A round is disturbed if this process did not have the CPU for more than maxLost of it.
// Each disturbed round is replaced by a later one, until there are maxTries times as many
// rounds as required, or retryUntil is reached. Then the least disturbed rounds count,
// whatever their ratios are.
const (
	maxLost    = 0.05
	retryPause = 50 * time.Millisecond
	maxTries   = 8
)

// retryUntil is the time at which this run stops to replace disturbed rounds.
var retryUntil time.Time

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
		size, err := batchSize(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		sizes[i] = size
	}
	var all []roundCosts
	for good := 0; good < rounds; {
		r, err := runRound(contenders, sizes)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
		if r.lost <= maxLost {
			good++
		}
		isLast := len(all) >= maxTries*rounds || time.Now().After(retryUntil)
		if isLast && len(all) >= rounds {
			break
		}
		if r.lost > maxLost && !isLast {
			time.Sleep(retryPause)
		}
	}
	census.Tried += len(all)
	slices.SortStableFunc(all, func(a, b roundCosts) int { return cmp.Compare(max(a.lost, maxLost), max(b.lost, maxLost)) })
	r := make(results)
	for _, kept := range all[:rounds] {
		census.Kept++
		if kept.lost > maxLost {
			census.Disturbed++
		}
		for i, c := range contenders {
			r[c.name] = append(r[c.name], kept.costs[i])
		}
	}
	return r, nil
}

// roundCosts are the costs of a negotiation of each contender in one round, in ns, and
// the share of the time in which this process did not have the CPU.
type roundCosts struct {
	costs []float64
	lost  float64
}

// runRound runs one batch of each contender.
func runRound(contenders []contender, sizes []int) (r roundCosts, err error) {
	r.costs = make([]float64, len(contenders))
	begin, used := time.Now(), processorTime()
	for _, i := range rand.Perm(len(contenders)) {
		took, err := contenders[i].run(sizes[i])
		if err != nil {
			return r, fmt.Errorf("%s: %w", contenders[i].name, err)
		}
		r.costs[i] = float64(took) / float64(sizes[i])
	}
	if !contenders[0].isRemote {
		r.lost = 1 - float64(processorTime()-used)/float64(time.Since(begin))
	}
	return r, nil
}

// batchSize returns the number of negotiations that fill a batch. It also warms up the
// contender.
func batchSize(c contender) (int, error) {
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

// ratio divides the costs of two contenders within each round.
func (r results) ratio(name, base string) spread {
	ratios := make([]float64, len(r[name]))
	for i, cost := range r[name] {
		ratios[i] = cost / r[base][i]
	}
	return spreadOf(ratios)
}

// cost returns the cost of one negotiation of a contender, in ns.
func (r results) cost(name string) spread { return spreadOf(r[name]) }
