// Package draw writes SVG: the charts of docs/performance.md, docs/scale.md and mss bench,
// and the diagrams of docs/protocol.md.
//
// A [Picture] is made of layers of elements. [Lines] and [Bars] are charts, and have one as
// their result. Colours are classes, with a colour for light and one for dark pages. Colour is
// never the only difference: inks have dashes of their own, and bars a position.
//
// The tool and the programs in interop use this package; the library does not.
package draw

import (
	"fmt"
	"html"
	"strings"
)

// Point is a place in a picture, in pixels from the upper left corner, or in a chart, in the
// units of its axes.
type Point struct{ X, Y float64 }

// Layer is a sequence of elements. The zero value is an empty layer.
type Layer struct{ elements strings.Builder }

// Printf adds an element as it is formatted. Text in it must be escaped.
func (l *Layer) Printf(format string, args ...any) {
	fmt.Fprintf(&l.elements, format+"\n", args...)
}

// Anchor is the part of a text that is at its coordinates.
type Anchor string

const (
	Start  Anchor = "start"
	Middle Anchor = "middle"
	End    Anchor = "end"
)

// Text adds a line of text with its baseline at y. The class may be empty.
func (l *Layer) Text(x, y float64, a Anchor, class, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	l.Printf(`<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>`, x, y, a, class, html.EscapeString(s))
}

// TextUpwards adds a line of text that runs from the bottom to the top, with its middle at y.
func (l *Layer) TextUpwards(x, y float64, s string) {
	l.Printf(`<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle">%s</text>`, x, y, html.EscapeString(s))
}

// Line adds a straight line.
func (l *Layer) Line(x1, y1, x2, y2 float64, class string) {
	l.Printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

// Polyline adds a line through all points.
func (l *Layer) Polyline(points []Point, class string) {
	pairs := make([]string, len(points))
	for i, p := range points {
		pairs[i] = fmt.Sprintf("%.1f,%.1f", p.X, p.Y)
	}
	l.Printf(`<polyline points="%s" class="%s"/>`, strings.Join(pairs, " "), class)
}

// Rect adds a rectangle by its upper left corner and its size.
func (l *Layer) Rect(x, y, w, h float64, class string) {
	l.Printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`, x, y, w, h, class)
}

// Box adds a rectangle with round corners.
func (l *Layer) Box(x, y, w, h float64, class string) {
	l.Printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="4" class="%s"/>`, x, y, w, h, class)
}

// Dot adds a point of a series.
func (l *Layer) Dot(p Point, class string) {
	l.Printf(`<circle cx="%.1f" cy="%.1f" r="3" class="%s"/>`, p.X, p.Y, class)
}

// Picture is a complete picture. A later layer covers an earlier one.
type Picture struct {
	Width, Height float64 // in pixels
	Title, About  string  // name and description, for readers who do not see it
	Style, Defs   string  // rules and definitions, the rules in addition to those for text and page
	Layers        []*Layer
}

// File returns the picture as the content of a file, with all styles and its background.
func (p Picture) File() string {
	names, about := "title", ""
	if p.About != "" {
		names, about = "title desc", `<desc id="desc">`+html.EscapeString(p.About)+"</desc>\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-labelledby="%s">`+"\n",
		p.Width, p.Height, p.Width, p.Height, names)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n%s", html.EscapeString(p.Title), about)
	fmt.Fprintf(&b, "<style>\n%s%s</style>\n%s", base, p.Style, p.Defs)
	fmt.Fprintf(&b, `<rect class="page" width="%.0f" height="%.0f"/>`+"\n", p.Width, p.Height)
	p.writeLayers(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

// Inline returns the picture as an element of an HTML document, scaled by its container.
// The document must have the rules, [ChartStyle] for a chart, and has the background.
func (p Picture) Inline() string {
	name := p.Title
	if p.About != "" {
		name += ": " + p.About
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`+"\n", p.Width, p.Height, html.EscapeString(name))
	b.WriteString(p.Defs)
	p.writeLayers(&b)
	b.WriteString("</svg>")
	return b.String()
}

func (p Picture) writeLayers(b *strings.Builder) {
	for _, l := range p.Layers {
		b.WriteString(l.elements.String())
	}
}
