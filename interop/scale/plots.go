package main

import (
	"fmt"
	"time"

	"github.com/multiselect/multiselect/internal/draw"
)

// plotRTT is the distance of the plots that have one.
const plotRTT = 100 * time.Millisecond

// most is the largest k that is shown.
const most = 10

// overK is a figure of a strategy as a function of k.
func overK(name string, ink draw.Ink, registered int, m memory, figure func(dial) float64) draw.Curve {
	c := draw.Curve{Series: draw.Series{Name: name, Ink: ink}, Dots: true}
	for k := 1; k <= most; k++ {
		c.Points = append(c.Points, draw.Point{X: float64(k), Y: figure(dialAt(k, registered, m))})
	}
	return c
}

var kAxis = draw.Ticks("k, the position of the first name that the peer has", every(1, most)[1:]...)

// every returns the multiples of step from 0 to last.
func every(step, last float64) (values []float64) {
	for v := 0.0; v <= last; v += step {
		values = append(values, v)
	}
	return values
}

func timePlot() string {
	took := func(s strategy) func(dial) float64 {
		return func(d dial) float64 { return milliseconds(s.cost(d).time(plotRTT, 0)) }
	}
	c := draw.Lines{
		Title: "Time until the initiator may send, RTT 100 ms",
		X:     kAxis,
		Y:     draw.Ticks("ms", every(100, 1100)...),
		Curves: []draw.Curve{
			overK("wait for the header", draw.Gray, peerNames, stranger, took(wait)),
			overK("sequential", draw.Blue, peerNames, stranger, took(sequential)),
			overK("lazy", draw.Orange, peerNames, stranger, took(lazy)), // on top of sequential, and dashed
			overK("ls + proposal", draw.Green, peerNames, stranger, took(ls)),
			overK("remembered, right", draw.Purple, peerNames, right, took(remembered)),
			overK("lazy, each name", draw.Pink, peerNames, stranger, took(lazyEach)),
		},
	}
	return c.Picture().File()
}

func bytesPlot() string {
	both := func(s strategy) func(dial) float64 {
		return func(d dial) float64 { return float64(s.cost(d).bytes()) }
	}
	c := draw.Lines{
		Title: "Bytes of both sides, names of 28 bytes",
		X:     kAxis,
		Y:     draw.Ticks("bytes", every(100, 800)...),
		Curves: []draw.Curve{
			overK("wait, sequential", draw.Gray, peerNames, stranger, both(sequential)),
			overK("lazy, each name", draw.Blue, peerNames, stranger, both(lazyEach)),
		},
	}
	inks := []draw.Ink{draw.Orange, draw.Green, draw.Purple}
	for i, n := range []int{20, 10, 5} {
		c.Curves = append(c.Curves, overK(fmt.Sprintf("ls, %d names", n), inks[i], n, stranger, both(ls)))
	}
	return c.Picture().File()
}

// sharePlot shows how many peers are done by when.
func sharePlot(s success) string {
	c := draw.Lines{
		Title: "10⁶ peers at 1, 20, 100 and 300 ms, «" + s.name + "»: who is done when (left edge: at once)",
		X:     draw.Ticks("ms", 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
		Y:     draw.Ticks("% of the peers", every(10, 100)...),
	}
	c.X.Log = true
	inks := []draw.Ink{draw.Gray, draw.Blue, draw.Orange, draw.Green, draw.Purple}
	for i, st := range []strategy{wait, sequential, remembered, lazyEach, both} {
		t := totalsOf(st, s.sample(false))
		line := draw.Curve{Series: draw.Series{Name: st.name, Ink: inks[i]}, Points: []draw.Point{{X: 0, Y: 0}}}
		done := 0.0
		for _, x := range t.times {
			at := milliseconds(x.time)
			before := done
			done += 100 * float64(x.count) / float64(t.count)
			line.Points = append(line.Points, draw.Point{X: at, Y: before}, draw.Point{X: at, Y: done})
		}
		line.Points = append(line.Points, draw.Point{X: 5000, Y: done})
		c.Curves = append(c.Curves, line)
	}
	return c.Picture().File()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
