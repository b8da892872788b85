package main

import (
	"fmt"
	"math"
)

// Charts have the same frame: a title, a legend, the plot and labelled axes.
const (
	chartWidth, chartHeight = 820, 400
	plotLeft, plotRight     = 92.0, 800.0
	plotTop, plotBottom     = 66.0, 340.0
)

// bars is a chart of groups of bars, one bar for each series.
type bars struct {
	title, xLabel, yLabel string
	series                []series
	groups                []string
	values                [][]float64 // by group, then series; NaN for none
	base                  float64     // a dashed line, 0 for none
	format                string      // of the values
}

func (b bars) draw() string {
	d := newDrawing(chartWidth, chartHeight, b.title)
	d.legend(b.series)
	top := 0.0
	for _, group := range b.values {
		for _, v := range group {
			if v > top { // not for NaN
				top = v
			}
		}
	}
	step := niceStep(top / 5)
	top = step * math.Ceil(top*1.05/step)
	y := func(v float64) float64 { return plotBottom - v/top*(plotBottom-plotTop) }
	for v := 0.0; v <= top+step/2; v += step {
		d.line(plotLeft, y(v), plotRight, y(v), "grid")
		d.text(plotLeft-6, y(v)+4, "end", "", fmt.Sprintf("%g", math.Round(v*1e6)/1e6))
	}
	d.text((plotLeft+plotRight)/2, plotBottom+42, "middle", "", b.xLabel)
	d.upwards(18, (plotTop+plotBottom)/2, b.yLabel)
	width := (plotRight - plotLeft) / float64(len(b.groups))
	for i, group := range b.values {
		left := plotLeft + width*float64(i)
		bar := width * 0.84 / float64(len(group))
		for j, v := range group {
			if math.IsNaN(v) {
				continue
			}
			x := left + width*0.08 + bar*float64(j)
			d.rect(x, y(v), bar-2, plotBottom-y(v), b.series[j].fill())
			d.text(x+bar/2-1, y(v)-4, "middle", "", fmt.Sprintf(b.format, v))
		}
		d.text(left+width/2, plotBottom+18, "middle", "", b.groups[i])
	}
	if b.base > 0 {
		d.line(plotLeft, y(b.base), plotRight, y(b.base), "base")
	}
	d.line(plotLeft, plotBottom, plotRight, plotBottom, "axis")
	d.line(plotLeft, plotTop, plotLeft, plotBottom, "axis")
	return d.String()
}

// niceStep returns the distance of grid lines: 1, 2 or 5 times a power of ten.
func niceStep(atLeast float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(atLeast)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= atLeast {
			return m * power
		}
	}
	return 10 * power
}

// curves is a chart with both axes logarithmic.
type curves struct {
	title, xLabel, yLabel string
	series                []series
	x                     []float64
	y                     [][]float64 // by series
}

func (c curves) draw() string {
	d := newDrawing(chartWidth, chartHeight, c.title)
	d.legend(c.series)
	low, high := math.Inf(1), 0.0
	for _, ys := range c.y {
		for _, v := range ys {
			low, high = min(low, v), max(high, v)
		}
	}
	low, high = math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	first, last := math.Log10(c.x[0]), math.Log10(c.x[len(c.x)-1])
	px := func(v float64) float64 {
		return plotLeft + 12 + (math.Log10(v)-first)/(last-first)*(plotRight-plotLeft-24)
	}
	py := func(v float64) float64 {
		return plotBottom - (math.Log10(v)-low)/(high-low)*(plotBottom-plotTop)
	}
	for e := low; e <= high; e++ {
		v := math.Pow(10, e)
		d.line(plotLeft, py(v), plotRight, py(v), "grid")
		d.text(plotLeft-6, py(v)+4, "end", "", decade(v))
	}
	for _, v := range c.x {
		d.line(px(v), plotTop, px(v), plotBottom, "grid")
		d.text(px(v), plotBottom+18, "middle", "", decade(v))
	}
	for i, ys := range c.y {
		var points [][2]float64
		for j, v := range ys {
			points = append(points, [2]float64{px(c.x[j]), py(v)})
		}
		d.path(points, c.series[i].stroke())
		for _, p := range points {
			d.dot(p[0], p[1], c.series[i].fill())
		}
	}
	d.text((plotLeft+plotRight)/2, plotBottom+42, "middle", "", c.xLabel)
	d.upwards(18, (plotTop+plotBottom)/2, c.yLabel)
	d.line(plotLeft, plotBottom, plotRight, plotBottom, "axis")
	d.line(plotLeft, plotTop, plotLeft, plotBottom, "axis")
	return d.String()
}

// decade returns a power of ten with spaces between thousands.
func decade(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
