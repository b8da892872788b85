package draw

import (
	"fmt"
	"math"
)

// Bars is a chart of groups of bars, with one bar for each series.
type Bars struct {
	Title, About string
	X, Y         string // labels of the axes
	Series       []Series
	Groups       []Group
	Base         float64 // the value of a dashed line, 0 for none
	Format       string  // of the values, as in package fmt
}

// Group has a value for each series, in their order, or NaN where there is none.
type Group struct {
	Name   string
	Values []float64
}

// Picture draws the chart.
func (b Bars) Picture() Picture {
	f := newFrame(false)
	highest := 0.0
	for _, g := range b.Groups {
		for _, v := range g.Values {
			if v > highest { // false for NaN
				highest = v
			}
		}
	}
	y := Linear(b.Y, highest*1.05, Number) // the values are written above the bars
	f.vertical(y)
	width := (f.right - f.left) / float64(len(b.Groups))
	for i, g := range b.Groups {
		left := f.left + width*float64(i)
		f.group(b, g, y, left+width*0.08, width*0.84)
		f.Text(left+width/2, f.bottom+18, Middle, "", g.Name)
	}
	if b.Base > 0 {
		at := y.place(b.Base, f.bottom, f.top)
		f.Line(f.left, at, f.right, at, "base")
	}
	f.axes(b.X, b.Y)
	f.head(b.Title)
	x := headLeft
	for _, s := range b.Series {
		f.Rect(x, 36, 12, 12, s.Ink.bar())
		x = f.entry(x+17, s.Name)
	}
	return f.picture(b.Title, b.About)
}

// group draws the bars of a group, with their values above.
func (f *frame) group(b Bars, g Group, y Axis, left, width float64) {
	bar := width / float64(len(g.Values))
	for i, v := range g.Values {
		if math.IsNaN(v) {
			continue
		}
		x, top := left+bar*float64(i), y.place(v, f.bottom, f.top)
		f.Rect(x, top, bar-2, f.bottom-top, b.Series[i].Ink.bar())
		f.Text(x+bar/2-1, top-4, Middle, "", fmt.Sprintf(b.Format, v))
	}
}
