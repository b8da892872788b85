package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// plot is a chart of lines as SVG, which a page contains. Its colours are classes
// that the page defines.
type plot struct {
	Title, About string
	x, y         axis
	lines        []line
}

type axis struct {
	from, to float64
	ticks    []tick
}

type tick struct {
	at   float64
	text string
}

type line struct {
	name   string
	points [][2]float64
}

// The size of a plot, in the units of its view box. It is scaled to the page.
const (
	plotWidth, plotHeight                            = 640.0, 300.0
	marginLeft, marginRight, marginTop, marginBottom = 64.0, 14.0, 12.0, 34.0
)

// write writes it as a figure.
func (p plot) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n<figure>\n<h2>%s", html.EscapeString(p.Title))
	if len(p.lines) > 1 {
		b.WriteString(`<span class="legend">`)
		for i, l := range p.lines {
			fmt.Fprintf(b, `<span><i class="key%d"></i>%s</span>`, i, html.EscapeString(l.name))
		}
		b.WriteString(`</span>`)
	}
	fmt.Fprintf(b, "</h2>\n<figcaption>%s</figcaption>\n", html.EscapeString(p.About))
	p.draw(b)
	b.WriteString("\n</figure>")
}

// draw writes the chart.
func (p plot) draw(b *bytes.Buffer) {
	fmt.Fprintf(b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(p.Title+": "+p.About))
	bottom := plotHeight - marginBottom
	for _, t := range p.y.ticks {
		y := p.y.place(t.at, bottom, marginTop)
		fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, marginLeft, plotWidth-marginRight, y, y)
		fmt.Fprintf(b, `<text x="%g" y="%.1f" text-anchor="end">%s</text>`, marginLeft-6, y+4, t.text)
	}
	for _, t := range p.x.ticks {
		x := p.x.place(t.at, marginLeft, plotWidth-marginRight)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, x, x, marginTop, bottom)
		fmt.Fprintf(b, `<text x="%.1f" y="%g" text-anchor="middle">%s</text>`, x, bottom+20, t.text)
	}
	for i, l := range p.lines {
		fmt.Fprintf(b, `<polyline class="line%d" points="`, i)
		for _, point := range l.points {
			fmt.Fprintf(b, "%.1f,%.1f ", p.x.place(point[0], marginLeft, plotWidth-marginRight), p.y.place(point[1], bottom, marginTop))
		}
		b.WriteString(`"/>`)
	}
	b.WriteString("</svg>")
}

func (a axis) place(value, from, to float64) float64 {
	if a.to == a.from {
		return from
	}
	return from + (min(max(value, a.from), a.to)-a.from)/(a.to-a.from)*(to-from)
}

// linear returns an axis from 0 to at least the highest value, with a handful of
// round ticks.
func linear(highest float64, text func(float64) string) axis {
	if highest <= 0 {
		highest = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(highest)))
	switch {
	case highest/step < 2:
		step /= 5
	case highest/step < 5:
		step /= 2
	}
	a := axis{to: math.Ceil(highest/step*1.0001) * step}
	for i := 0; float64(i)*step <= a.to*1.0001; i++ {
		a.ticks = append(a.ticks, tick{float64(i) * step, text(float64(i) * step)})
	}
	return a
}

// logarithmic returns an axis of powers of ten, on which points are placed by
// their logarithm.
func logarithmic(lowest, highest float64, text func(float64) string) axis {
	lowest, highest = max(lowest, 1e-3), max(highest, lowest, 1e-3)
	a := axis{from: math.Floor(math.Log10(lowest)), to: math.Ceil(math.Log10(highest))}
	if a.to == a.from {
		a.to++
	}
	for power := a.from; power <= a.to; power++ {
		a.ticks = append(a.ticks, tick{power, text(math.Pow(10, power))})
	}
	return a
}
