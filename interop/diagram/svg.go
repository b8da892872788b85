package main

import (
	"fmt"
	"math"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/draw"
)

// drawing is the picture of a conversation under construction. Each colour comes with a word
// or a pattern of the same meaning.
type drawing struct {
	draw.Layer
	under draw.Layer // below it
}

// style has the rules for conversations.
const style = `.title { font-size: 16px }
.about, .unit, .note { fill: #59636e }
.wire { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.said { font-size: 11px; fill: #59636e }
.happens { font-size: 11.5px }
.unit { font-size: 10px }
.count { font-size: 15px; font-weight: 600 }
rect.role { fill: #1f2328 } text.role { fill: #ffffff; font-weight: 600 }
.life { stroke: #8c959f; stroke-width: 2 }
.life.agreed { stroke: #1a7f37; stroke-width: 6 }
.life.wounded { stroke: #b3131f; stroke-width: 6 }
.life.waiting { stroke-dasharray: 2 5 }
.cut, .lost { stroke: #cf222e; stroke-width: 2.5; fill: none; stroke-linecap: round }
.bracket, .pause { stroke: #59636e; stroke-width: 1.2; fill: none }
.pause { stroke-dasharray: 2 5 }
.tip { fill: #1f2328 }
.end { stroke: #1f2328; stroke-width: 1.6; fill: none }
.end.reset { stroke: #cf222e } .tip.reset, text.reset { fill: #cf222e }
.edge { fill: none; stroke: #1f2328; stroke-width: 1.2; stroke-linejoin: round }
.m0 { fill: #e6eaef } .m1 { fill: #c8e6ff } .m2 { fill: #c3f0cd } .m3, .m7 { fill: #ffd1cd } .m4 { fill: #ead9fb } .m5 { fill: #ffeeb0 } .m6 { fill: #ffffff }
.hatch { stroke: #b08800; stroke-width: 1.5; stroke-opacity: .38 }
rect.handler, rect.failure, rect.note { fill: #ffffff; stroke-width: 1.4 }
rect.handler { stroke: #1a7f37 } text.handler { fill: #116329; font-weight: 600 }
rect.failure { stroke: #cf222e } text.failure { fill: #a40e26 }
rect.note { stroke: #8c959f; stroke-dasharray: 3 2.5 }
rect.wound { fill: #b3131f } text.wound { fill: #ffffff; font-weight: 600 }
@media (prefers-color-scheme: dark) {
.about, .unit, .note { fill: #9ea7b3 }
.said { fill: #c4ccd5 }
rect.role { fill: #e6edf3 } text.role { fill: #0d1117 }
.life { stroke: #767e89 }
.life.agreed { stroke: #3fb950 }
.life.wounded { stroke: #da3633 }
.cut, .lost { stroke: #ff7b72 }
.bracket, .pause { stroke: #9ea7b3 }
.tip { fill: #e6edf3 }
.end, .edge { stroke: #e6edf3 }
.end.reset { stroke: #ff7b72 } .tip.reset, text.reset { fill: #ff7b72 }
.m0 { fill: #2b323b } .m1 { fill: #0f3b73 } .m2 { fill: #114a26 } .m3, .m7 { fill: #6e1c20 } .m4 { fill: #41266b } .m5 { fill: #4d3a00 } .m6 { fill: #0d1117 }
.hatch { stroke: #f2cc60; stroke-opacity: .28 }
rect.handler, rect.failure, rect.note { fill: #0d1117 }
rect.handler { stroke: #3fb950 } text.handler { fill: #56d364 }
rect.failure { stroke: #ff7b72 } text.failure { fill: #ff9d95 }
rect.note { stroke: #767e89 }
rect.wound { fill: #da3633 } text.wound { fill: #ffffff }
}
`

const defs = `<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="7" class="hatch"/></pattern></defs>
`

const (
	point  = 12.0 // the length of an arrow's head
	lostAt = 0.64 // of the way
	margin = 10.0 // beside the text
)

// arrow draws a flight or an ending in a skewed group, so that all elements in it have upright
// coordinates.
func (d *drawing) arrow(e step, y, down float64) {
	angle := math.Atan(down/across) * 180 / math.Pi
	if e.from == multiselect.Responder {
		y, angle = y+down, -angle
	}
	d.Printf(`<g transform="translate(%.1f %.1f) skewY(%.3f)">`, left, y, angle)
	if e.kind == flight {
		d.flight(e)
	} else {
		d.ending(e)
	}
	d.Printf(`</g>`)
}

// at returns the coordinate of a place x pixels from the sender, and the anchor of text that
// begins there.
func at(r multiselect.Role, x float64) (float64, draw.Anchor) {
	if r == multiselect.Responder {
		return across - x, draw.End
	}
	return x, draw.Start
}

// flight draws the messages of one write, in one arrow.
func (d *drawing) flight(e step) {
	length, h := across-point, e.height()
	if e.lost {
		length = across * lostAt
	}
	y := 0.0
	for _, p := range e.parts {
		x, _ := at(e.from, 0)
		if e.from == multiselect.Responder {
			x -= length
		}
		d.Rect(x, y, length, p.height(), fmt.Sprintf("m%d", p.kind))
		if p.kind == early {
			d.Printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="url(#hatch)"/>`, x, y, length, p.height())
		}
		d.part(e, p, y)
		y += p.height()
	}
	tail, _ := at(e.from, 0)
	neck, _ := at(e.from, length)
	tip, _ := at(e.from, across)
	if e.lost {
		d.Printf(`<path d="M%.1f 0H%.1fV%.1fH%.1f" class="edge"/>`, neck, tail, h, neck)
		d.Printf(`<path d="M%.1f %.1fm-7 -7l14 14m0 -14l-14 14" class="lost"/>`, neck, h/2)
		return
	}
	d.Printf(`<path d="M%.1f 0L%.1f %.1fL%.1f %.1fz" class="tip"/>`, neck, tip, h/2, neck, h)
	d.Printf(`<path d="M%.1f 0H%.1fV%.1fH%.1f" class="edge"/>`, neck, tail, h, neck)
}

// part writes a message at the sender's end of an arrow, and its note at the other end.
func (d *drawing) part(e step, p part, y float64) {
	x, anchor := at(e.from, margin)
	for i, text := range p.texts {
		d.Text(x, y+strip/2+4.2+float64(i)*(strip-4), anchor, "wire", text)
	}
	if p.note == "" || e.lost {
		return
	}
	x, anchor = at(e.from.Peer(), point+margin-3)
	d.Text(x, y+strip/2+4, anchor, "said", p.note)
}

// ending draws the end of one direction, or of the stream.
func (d *drawing) ending(e step) {
	class := ""
	if e.kind == reset {
		class = " reset"
	}
	tail, _ := at(e.from, 0)
	neck, _ := at(e.from, across-point)
	tip, _ := at(e.from, across)
	d.Line(tail, thin-4, neck, thin-4, "end"+class)
	d.Printf(`<path d="M%.1f %.1fl0 -8L%.1f %.1fL%.1f %.1fz" class="tip%s"/>`, neck, thin, tip, thin-4, neck, thin, class)
	x, anchor := at(e.from, margin)
	d.Text(x, thin-8, anchor, "wire"+class, e.text)
}

// file returns the picture, with the conversation in words as its description.
func (d *drawing) file(s *scene, height float64) string {
	return draw.Picture{
		Width: width, Height: height, Title: s.title, About: s.about + "\n\n" + s.words, Style: style, Defs: defs,
		Layers: []*draw.Layer{&d.under, &d.Layer},
	}.File()
}
