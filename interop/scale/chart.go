package main

import (
	"math"
	"strconv"
	"strings"
)

// The frame of all charts: a title, a legend, the plot and labelled axes.
const (
	chartWidth, chartHeight = 820, 400
	plotLeft, plotRight     = 70.0, 800.0
	plotTop, plotBottom     = 66.0, 344.0
)

type point struct{ x, y float64 }

type axis struct {
	label string
	ticks []float64 // the first and the last are its ends
	log   bool
}

type series struct {
	name   string
	points []point
	dots   bool // between the points there is nothing
}

type chart struct {
	title  string
	x, y   axis
	series []series
}

func (c chart) draw() string {
	d := newDrawing(chartWidth, chartHeight, c.title)
	for _, v := range c.x.ticks {
		x := c.x.place(v, plotLeft, plotRight)
		d.line(x, plotTop, x, plotBottom, "grid")
		d.text(x, plotBottom+18, "middle", "", number(v))
	}
	for _, v := range c.y.ticks {
		y := c.y.place(v, plotBottom, plotTop)
		d.line(plotLeft, y, plotRight, y, "grid")
		d.text(plotLeft-6, y+4, "end", "", number(v))
	}
	d.line(plotLeft, plotBottom, plotRight, plotBottom, "axis")
	d.line(plotLeft, plotTop, plotLeft, plotBottom, "axis")
	d.text((plotLeft+plotRight)/2, plotBottom+42, "middle", "", c.x.label)
	d.upwards(18, (plotTop+plotBottom)/2, c.y.label)
	legend := 16.0
	for i, s := range c.series {
		d.path([]point{{legend, 45}, {legend + 28, 45}}, i)
		d.text(legend+34, 49, "start", "", s.name)
		legend += 50 + width(s.name)
		var points []point
		for _, p := range s.points {
			at := point{c.x.place(p.x, plotLeft, plotRight), c.y.place(p.y, plotBottom, plotTop)}
			points = append(points, at)
		}
		d.path(points, i)
		if s.dots {
			for _, at := range points {
				d.dot(at, i)
			}
		}
	}
	return d.String()
}

// width is about that of a text of 12 pixels.
func width(s string) (sum float64) {
	for _, r := range s {
		switch {
		case strings.ContainsRune("fijlrt ,", r):
			sum += 4.6
		case strings.ContainsRune("mw", r):
			sum += 11
		default:
			sum += 7.4
		}
	}
	return sum
}

// place puts a value between the ends of the axis; what is beyond them is put
// at the nearer end.
func (a axis) place(v, from, to float64) float64 {
	low, high := a.ticks[0], a.ticks[len(a.ticks)-1]
	v = min(max(v, low), high)
	if a.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(v)
	}
	return from + (v-low)/(high-low)*(to-from)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// every returns the ticks from 0 on.
func every(step, last float64) (ticks []float64) {
	for v := 0.0; v <= last; v += step {
		ticks = append(ticks, v)
	}
	return ticks
}
