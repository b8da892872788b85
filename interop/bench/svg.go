package main

import (
	"fmt"
	"html"
	"strings"
)

// drawing is an SVG picture. Its colours are classes, so that it is readable on a light and
// on a dark page.
type drawing struct {
	width, height int
	body          strings.Builder
}

// series is a sequence of values in a chart. Its colour is the same in all charts.
type series struct {
	name string
	ink  int
}

const (
	inkFloor = iota
	inkOurs
	inkOursNoLimit
	inkGoms
)

func (s series) fill() string   { return fmt.Sprintf("s%d", s.ink) }
func (s series) stroke() string { return fmt.Sprintf("l%d", s.ink) }

const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.axis { stroke: #57606a; stroke-width: 1 }
.grid { stroke: #d0d7de; stroke-width: 1 }
.base { stroke: #57606a; stroke-width: 1; stroke-dasharray: 5 3 }
.line { fill: none; stroke-width: 2 }
.s0 { fill: #8c959f } .s1 { fill: #0969da } .s2 { fill: #54aeff } .s3 { fill: #bc4c00 }
.l0 { stroke: #8c959f } .l1 { stroke: #0969da } .l2 { stroke: #54aeff } .l3 { stroke: #bc4c00 }
.page { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.axis, .base { stroke: #9198a1 }
.grid { stroke: #30363d }
.s0 { fill: #9198a1 } .s1 { fill: #4493f8 } .s2 { fill: #1f6feb } .s3 { fill: #f0883e }
.l0 { stroke: #9198a1 } .l1 { stroke: #4493f8 } .l2 { stroke: #1f6feb } .l3 { stroke: #f0883e }
.page { fill: #0d1117 }
}
</style>
`

func newDrawing(width, height int, title string) *drawing {
	d := &drawing{width: width, height: height}
	d.printf(`<rect class="page" width="%d" height="%d"/>`, width, height)
	d.text(16, 24, "start", "title", title)
	return d
}

func (d *drawing) printf(format string, args ...any) {
	fmt.Fprintf(&d.body, format+"\n", args...)
}

// text anchors s at its start, middle or end.
func (d *drawing) text(x, y float64, anchor, class, s string) {
	d.printf(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(s))
}

// upwards draws s from the bottom to the top, around y.
func (d *drawing) upwards(x, y float64, s string) {
	d.printf(`<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle">%s</text>`, x, y, html.EscapeString(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (d *drawing) rect(x, y, w, h float64, class string) {
	d.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`, x, y, w, h, class)
}

func (d *drawing) dot(x, y float64, class string) {
	d.printf(`<circle cx="%.1f" cy="%.1f" r="3" class="%s"/>`, x, y, class)
}

func (d *drawing) path(points [][2]float64, class string) {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", p[0], p[1])
	}
	d.printf(`<polyline points="%s" class="line %s"/>`, strings.TrimSpace(b.String()), class)
}

// legend draws the names of the series below the title.
func (d *drawing) legend(all []series) {
	x := 16.0
	for _, s := range all {
		d.rect(x, 36, 12, 12, s.fill())
		d.text(x+17, 46, "start", "", s.name)
		x += 40 + 6.3*float64(len([]rune(s.name)))
	}
}

// String returns the contents of the file.
func (d *drawing) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`,
		d.width, d.height, d.width, d.height) + "\n" + style + d.body.String() + "</svg>\n"
}
