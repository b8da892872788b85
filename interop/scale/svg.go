package main

import (
	"fmt"
	"html"
	"strings"
)

// drawing is an SVG picture under construction. It has a page of its own, and
// its colours are classes, so that it is readable on a light and a dark page;
// series differ in their dashes too.
type drawing struct {
	width, height int
	body          strings.Builder
}

const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.axis { stroke: #57606a; stroke-width: 1 }
.grid { stroke: #d8dee4; stroke-width: 1 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
.dot { fill: #ffffff; stroke-width: 2 }
.page { fill: #ffffff }
.l0 { stroke: #8c959f }
.l1 { stroke: #0969da }
.l2 { stroke: #bc4c00 } .line.l2 { stroke-dasharray: 7 7 }
.l3 { stroke: #1a7f37 } .line.l3 { stroke-dasharray: 2 3 }
.l4 { stroke: #8250df } .line.l4 { stroke-dasharray: 9 3 }
.l5 { stroke: #bf3989 } .line.l5 { stroke-dasharray: 12 4 2 4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.axis { stroke: #9198a1 }
.grid { stroke: #30363d }
.dot, .page { fill: #0d1117 }
.l0 { stroke: #9198a1 }
.l1 { stroke: #4493f8 }
.l2 { stroke: #f0883e }
.l3 { stroke: #3fb950 }
.l4 { stroke: #ab7df8 }
.l5 { stroke: #f778ba }
}
</style>
`

func newDrawing(width, height int, title string) *drawing {
	d := &drawing{width: width, height: height}
	d.printf(`<title>%s</title>`, html.EscapeString(title))
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

// upwards writes s from the bottom to the top, around y.
func (d *drawing) upwards(x, y float64, s string) {
	d.printf(`<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle">%s</text>`, x, y, html.EscapeString(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	d.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (d *drawing) path(points []point, series int) {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", p.x, p.y)
	}
	d.printf(`<polyline points="%s" class="line l%d"/>`, strings.TrimSpace(b.String()), series)
}

func (d *drawing) dot(p point, series int) {
	d.printf(`<circle cx="%.1f" cy="%.1f" r="3" class="dot l%d"/>`, p.x, p.y, series)
}

// String is the file.
func (d *drawing) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`,
		d.width, d.height, d.width, d.height) + "\n" + style + d.body.String() + "</svg>\n"
}
