package main

import (
	"cmp"
	"slices"
	"time"
)

// totals is what a number of negotiations take together.
type totals struct {
	count, roundTrips, exchanges int
	early                        int // exchanges for which no payload has waited
	split, lists                 int // answers in a second segment; lists among them
	bytes, packets               int
	waited                       time.Duration // by all initiators
	times                        []timed       // the shortest first
}

type timed struct {
	time  time.Duration
	count int
}

func (t *totals) add(c cost, took time.Duration, listed bool, count int) {
	t.count += count
	t.roundTrips += count * c.roundTrips
	t.exchanges += count * c.out.flights
	t.split += count * (c.in.segments - c.in.flights)
	if c.behind > 0 {
		t.early += count
	}
	if listed {
		t.lists += count
	}
	t.bytes += count * c.bytes()
	t.packets += count * c.packets()
	t.waited += time.Duration(count) * took
	i, found := slices.BinarySearchFunc(t.times, took, func(x timed, took time.Duration) int {
		return cmp.Compare(x.time, took)
	})
	if !found {
		t.times = slices.Insert(t.times, i, timed{time: took})
	}
	t.times[i].count += count
}

// totalsOf is the model of a sample.
func totalsOf(s strategy, cells []cell) (t totals) {
	for _, c := range cells {
		cost := s.cost(c.dial)
		t.add(cost, cost.time(c.rtt, 0), s.lists && !c.noList, c.count)
	}
	return t
}

func (t *totals) mean() time.Duration { return t.waited / time.Duration(t.count) }

// percentile is the time within which p percent have finished.
func (t *totals) percentile(p int) time.Duration {
	done := 0
	for _, x := range t.times {
		if done += x.count; 100*done >= p*t.count {
			return x.time
		}
	}
	return 0
}
