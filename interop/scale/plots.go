package main

import (
	"fmt"
	"time"
)

// plotRTT is the distance of the plots that have one.
const plotRTT = 100 * time.Millisecond

// most is the largest k that is shown.
const most = 10

// overK is a figure of a strategy as a function of k.
func overK(name string, registered int, m memory, figure func(dial) float64) (s series) {
	s.name, s.dots = name, true
	for k := 1; k <= most; k++ {
		s.points = append(s.points, point{float64(k), figure(dialAt(k, registered, m))})
	}
	return s
}

var kAxis = axis{label: "k, the position of the first name that the peer has", ticks: every(1, most)[1:]}

func timePlot() string {
	took := func(s strategy) func(dial) float64 {
		return func(d dial) float64 { return milliseconds(s.cost(d).time(plotRTT, 0)) }
	}
	c := chart{
		title: "Time until the initiator may send, RTT 100 ms",
		x:     kAxis,
		y:     axis{label: "ms", ticks: every(100, 1100)},
		series: []series{
			overK("wait for the header", peerNames, stranger, took(wait)),
			overK("sequential", peerNames, stranger, took(sequential)),
			overK("lazy", peerNames, stranger, took(lazy)), // on top of sequential, and dashed
			overK("ls + proposal", peerNames, stranger, took(ls)),
			overK("remembered, right", peerNames, right, took(remembered)),
			overK("lazy, each name", peerNames, stranger, took(lazyEach)),
		},
	}
	return c.draw()
}

func bytesPlot() string {
	both := func(s strategy) func(dial) float64 {
		return func(d dial) float64 { return float64(s.cost(d).bytes()) }
	}
	c := chart{
		title:  "Bytes of both sides, names of 28 bytes",
		x:      kAxis,
		y:      axis{label: "bytes", ticks: every(100, 800)},
		series: []series{overK("wait, sequential", peerNames, stranger, both(sequential))},
	}
	c.series = append(c.series, overK("lazy, each name", peerNames, stranger, both(lazyEach)))
	for _, n := range []int{20, 10, 5} {
		c.series = append(c.series, overK(fmt.Sprintf("ls, %d names", n), n, stranger, both(ls)))
	}
	return c.draw()
}

// sharePlot shows how many peers are done by when.
func sharePlot(s success) string {
	c := chart{
		title: "10⁶ peers at 1, 20, 100 and 300 ms, «" + s.name + "»: who is done when (left edge: at once)",
		x:     axis{label: "ms", ticks: []float64{0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}, log: true},
		y:     axis{label: "% of the peers", ticks: every(10, 100)},
	}
	for _, st := range []strategy{wait, sequential, remembered, lazyEach, both} {
		t := totalsOf(st, s.sample(false))
		line := series{name: st.name, points: []point{{0, 0}}}
		done := 0.0
		for _, x := range t.times {
			at := milliseconds(x.time)
			before := done
			done += 100 * float64(x.count) / float64(t.count)
			line.points = append(line.points, point{at, before}, point{at, done})
		}
		line.points = append(line.points, point{5000, done})
		c.series = append(c.series, line)
	}
	return c.draw()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
