package main

import (
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/draw"
)

// All lengths are in pixels. The picture is as narrow as a phone, so that
// nobody has to make its text smaller.
const (
	width  = 440.0
	left   = 62.0  // where the initiator's life is drawn
	right  = 420.0 // and the responder's
	across = right - left
	strip  = 21.0 // the height of a message
	thin   = 17.0 // of the end of a stream
	flown  = 26.0 // how far time goes on while something travels
	gap    = 9.0
	pause  = 58.0
	half   = 172.0 // the width of what happens at one side
	line   = 15.0  // of text
)

// stage is a picture while it is being laid out. Each side has a time of its
// own, which runs down, and so what happens there never covers what happens
// opposite.
type stage struct {
	*scene
	drawing
	sides  [2]side
	starts []float64 // when each step begins, where it is sent
	ends   []float64 // when it has arrived
	bottom float64
}

// side is one of the two.
type side struct {
	x    float64
	send float64 // nothing is sent before
	room float64 // nothing that needs room beside the lifeline happens before
	life []moment
}

// moment is when the life of a side changes.
type moment struct {
	y     float64
	state string // the class of the line from here
}

const (
	talking = "talking"
	agreed  = "agreed" // the stream is the protocol's
	waiting = "waiting"
	wounded = "wounded"
	over    = "over"
)

func (s *stage) side(r multiselect.Role) *side { return &s.sides[r-1] }

func (d *side) reach(y float64) { d.send, d.room = max(d.send, y), max(d.room, y) }

func (d *side) become(y float64, state string) {
	if d.now() != over {
		d.life = append(d.life, moment{y, state})
	}
}

func (d *side) now() string {
	if len(d.life) == 0 {
		return ""
	}
	return d.life[len(d.life)-1].state
}

// picture draws a scene.
func picture(sc *scene) string {
	s := &stage{scene: sc, starts: make([]float64, len(sc.steps)), ends: make([]float64, len(sc.steps))}
	y := s.head()
	s.sides = [2]side{{x: left}, {x: right}}
	for i := range s.sides {
		s.sides[i].become(y-gap, talking)
		s.sides[i].reach(y + 4)
	}
	for i, e := range s.steps {
		switch {
		case e.kind.travels():
			s.travel(i, e)
		case e.kind == silence:
			s.wait(e)
		default:
			s.happen(e)
		}
	}
	for _, d := range s.sides {
		s.bottom = max(s.bottom, d.send, d.room)
	}
	s.bottom += 14
	for n, trip := range s.roundTrips() {
		s.bracket(s.starts[trip[0]], s.ends[trip[1]], n+1)
	}
	for _, d := range s.sides {
		s.live(d)
	}
	return s.file(sc, s.bottom)
}

// head writes what stands above, and returns where the lives begin.
func (s *stage) head() float64 {
	y := 26.0
	s.Text(12, y, draw.Start, "title", s.title)
	y += 7
	for _, l := range wrap(s.about, 63) {
		y += line
		s.Text(12, y, draw.Start, "about", l)
	}
	y += 14
	for _, r := range []multiselect.Role{multiselect.Initiator, multiselect.Responder} {
		x, w := left-12, 82.0
		if r == multiselect.Responder {
			x = right + 12 - w
		}
		s.Box(x, y, w, 24, "role")
		s.Text(x+w/2, y+16, draw.Middle, "role", r.String())
	}
	return y + 24 + gap
}

func (e step) height() float64 {
	h := 0.0
	for _, p := range e.parts {
		h += p.height()
	}
	return max(h, thin)
}

func (p part) height() float64 { return strip + float64(len(p.texts)-1)*(strip-4) }

// travel draws an arrow. It must not touch what happens in the half that it
// reaches second.
func (s *stage) travel(i int, e step) {
	from, to := s.side(e.from), s.side(e.from.Peer())
	h, down := e.height(), flown
	crossing := e.meanwhile || i+1 < len(s.steps) && s.steps[i+1].meanwhile
	if crossing {
		down = 3 * h
	}
	start := max(from.send, to.room-down/2)
	if e.meanwhile {
		start = s.starts[i-1]
	}
	s.starts[i], s.ends[i] = start, start+h+down
	s.arrow(e, start, down)
	from.send = max(from.send, start+h+gap-3)
	from.room = max(from.room, start+h+down/2+gap)
	if crossing {
		from.reach(start + h + down + gap)
	}
	s.learn(e, start+h, start+h+down)
	if !e.lost {
		to.reach(start + h + down + gap)
	}
}

// learn changes the lives of both sides by what has been said.
func (s *stage) learn(e step, sent, arrived float64) {
	from, to := s.side(e.from), s.side(e.from.Peer())
	if e.kind == reset {
		from.become(sent, over)
		to.become(arrived, over)
	}
	for _, p := range e.parts {
		if p.kind == echo {
			from.become(sent, agreed)
			if !e.lost {
				to.become(arrived, agreed)
			}
		}
	}
}

// happen draws what one side does.
func (s *stage) happen(e step) {
	d := s.side(e.from)
	y := max(d.send, d.room)
	x := d.x - 9
	if e.from == multiselect.Responder {
		x = d.x + 9 - half
	}
	class := map[stepKind]string{handler: "handler", failure: "failure", wound: "wound"}[e.kind]
	if class == "" {
		class = "note"
	}
	text := strings.TrimPrefix(e.text, "wound: ")
	lines := wrap(text, 24)
	h := float64(len(lines))*(line-1) + 9
	s.Box(x, y, half, h, class)
	for i, l := range lines {
		s.Text(x+half/2, y+line+float64(i)*(line-1), draw.Middle, "happens "+class, l)
	}
	d.reach(y + h + gap)
	if e.kind == wound {
		d.become(y, wounded)
	}
}

// wait draws that time passes.
func (s *stage) wait(e step) {
	y := 0.0
	for _, d := range s.sides {
		y = max(y, d.send, d.room)
	}
	for i := range s.sides {
		d := &s.sides[i]
		before := d.now()
		d.become(y, waiting)
		d.become(y+pause, before)
		d.reach(y + pause + gap)
	}
	const middle = (left + right) / 2
	text := e.from.String() + ": " + e.text
	w := 8*letter + letter*letters(text)
	s.Line(left, y+pause/2, right, y+pause/2, "pause")
	s.Box(middle-w/2, y+pause/2-13, w, 26, "note")
	s.Text(middle, y+pause/2+4, draw.Middle, "happens note", text)
}

// bracket draws a round trip.
func (s *stage) bracket(from, to float64, number int) {
	const x, tick = 27.0, 7.0
	middle := (from + to) / 2
	s.Printf(`<path d="M%.1f %.1fh-%.0fV%.1fM%.1f %.1fV%.1fh%.0f" class="bracket"/>`,
		x+tick, from, tick, middle-16, x, middle+16, to, tick)
	s.Text(x, middle-1, draw.Middle, "count", fmt.Sprint(number))
	s.Text(x, middle+11, draw.Middle, "unit", "RTT")
}

// live draws the life of a side, below everything else.
func (s *stage) live(d side) {
	for i, m := range d.life {
		end := s.bottom - 8
		if i+1 < len(d.life) {
			end = d.life[i+1].y
		}
		if m.state == over {
			end = m.y
			s.under.Printf(`<path d="M%.1f %.1fm-5 -5l10 10m0 -10l-10 10" class="cut"/>`, d.x, m.y)
		}
		if end > m.y {
			s.under.Line(d.x, m.y, d.x, end, "life "+m.state)
		}
	}
}
