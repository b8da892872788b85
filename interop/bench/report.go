package main

import (
	_ "embed"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/multiselect/multiselect/internal/draw"
)

//go:embed performance.md.tmpl
var pageText string

// write writes the page and its plots into the folder docs.
func (r *report) write(docs string) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := page.Execute(&b, r); err != nil {
		return err
	}
	plots := filepath.Join(docs, "performance")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	for name, picture := range map[string]string{
		"transports.svg": r.plotTransports(),
		"handlers.svg":   r.plotHandlers(),
		"half-open.svg":  r.plotMemory(),
	} {
		if err := os.WriteFile(filepath.Join(plots, name), []byte(picture), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, "performance.md"), []byte(b.String()), 0o644)
}

// The series of the plots. Each has the same ink in all of them.
var (
	seriesFloor       = draw.Series{Name: "floor: blocked in Read", Ink: draw.Gray}
	seriesOurs        = draw.Series{Name: "ours", Ink: draw.Blue}
	seriesOursNoLimit = draw.Series{Name: "ours, no limit", Ink: draw.Sky}
	seriesTheirs      = draw.Series{Name: "go-multistream", Ink: draw.Orange}
)

func (r *report) plotTransports() string {
	b := draw.Bars{
		Title:  "Time of a negotiation, as a ratio to the floor of its transport",
		Y:      "ratio to the floor",
		X:      "transport (dashed: the floor)",
		Series: []draw.Series{seriesOurs, seriesOursNoLimit, seriesTheirs},
		Base:   1,
		Format: "%.2f",
	}
	for _, t := range r.transports {
		b.Groups = append(b.Groups, draw.Group{Name: t.transport, Values: []float64{
			t.one.ratio(limitOn, theFloor).median,
			t.one.ratio(limitOff, theFloor).median,
			t.one.ratio("goms~goms", theFloor).median,
		}})
	}
	return b.Picture().File()
}

func (r *report) plotHandlers() string {
	c := draw.Lines{
		Title: "CPU of the responder, by the number of protocols that it serves",
		Curves: []draw.Curve{
			{Series: seriesOurs, Dots: true}, {Series: seriesOursNoLimit, Dots: true}, {Series: seriesTheirs, Dots: true},
		},
	}
	lowest, highest := math.Inf(1), 0.0
	for _, h := range r.handlers {
		for i, name := range []string{ours.name, oursNoLimit.name, goms.name} {
			v := h.cpu.cost(name).median
			lowest, highest = min(lowest, v), max(highest, v)
			c.Curves[i].Points = append(c.Curves[i].Points, draw.Point{X: float64(h.handlers), Y: v})
		}
	}
	most := float64(r.handlers[len(r.handlers)-1].handlers)
	c.X = draw.Decades("protocols registered (logarithmic)", 1, most, spaced)
	c.Y = draw.Decades("ns for a negotiation (logarithmic)", lowest, highest, spaced)
	return c.Picture().File()
}

// spaced returns a number with narrow spaces between the thousands.
func spaced(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func (r *report) plotMemory() string {
	responders := []string{"floor", "ours", "goms"}
	b := draw.Bars{
		Title:  "Memory of a half-open negotiation",
		Y:      "bytes, heap and stack",
		X:      "transport, and the bytes that the initiator had sent",
		Series: []draw.Series{seriesFloor, seriesOurs, seriesTheirs},
		Format: "%.0f",
	}
	for _, m := range r.memory {
		name := m.on + ", " + m.sent
		if len(b.Groups) == 0 || b.Groups[len(b.Groups)-1].Name != name {
			b.Groups = append(b.Groups, draw.Group{Name: name, Values: []float64{math.NaN(), math.NaN(), math.NaN()}})
		}
		for i, responder := range responders {
			if m.responder == responder {
				b.Groups[len(b.Groups)-1].Values[i] = m.sum()
			}
		}
	}
	return b.Picture().File()
}

// The template performance.md.tmpl calls the methods below by name.

// Ratio returns the ratio of a variant to the floor of a transport, with one name length.
func (r *report) Ratio(transport, variant string) string {
	for _, t := range r.transports {
		if t.transport == transport {
			return fmt.Sprintf("%.2f", t.one.ratio(variant, theFloor).median)
		}
	}
	return "?"
}

// Lazy returns the ratio of a variant to the lazy floor of a transport.
func (r *report) Lazy(transport, variant string) string {
	for _, t := range r.transports {
		if t.transport == transport {
			return fmt.Sprintf("%.2f", t.lazy.ratio(variant, theFloor).median)
		}
	}
	return "?"
}

// MixedCost returns the cost of mixed name lengths, in percent of the floor.
func (r *report) MixedCost(transport, variant string) string {
	for _, t := range r.transports {
		if t.transport == transport {
			more := t.mixed.ratio(variant, theFloor).median - t.one.ratio(variant, theFloor).median
			return fmt.Sprintf("%.1f %%", max(0, more*100))
		}
	}
	return "?"
}

// Alone returns the time of one side of a negotiation alone.
func (r *report) Alone(role, implementation string) string {
	both := map[string]results{"initiator": r.initiators, "responder": r.responders}
	return formatTime(both[role].cost(implementation).median)
}

// Memory returns the memory of a half-open negotiation whose initiator sent nothing.
func (r *report) Memory(on, responder string) string {
	for _, m := range r.memory {
		if m.on == on && m.responder == responder && m.sent == "nothing" {
			return fmt.Sprintf("%.1f kB", m.sum()/1000)
		}
	}
	return "?"
}

// Fresh returns the ratio to the floor with a new stream for each negotiation.
func (r *report) Fresh(source string, clients int, variant string) string {
	for _, f := range r.fresh {
		if f.source == source && f.clients == clients {
			return fmt.Sprintf("%.2f", f.results.ratio(variant, theFloor).median)
		}
	}
	return "?"
}

// Stall returns the time of the longest negotiation with Nagle's algorithm on.
func (r *report) Stall(variant string) string {
	for _, s := range r.stalls {
		if s.name == variant {
			return formatTime(s.max)
		}
	}
	return "?"
}

// Census returns the numbers of rounds.
func (r *report) Census() string {
	return fmt.Sprintf("In this\n  run %d of %d rounds count; %d of these were disturbed", census.Kept, census.Tried, census.Disturbed)
}

// Verdict returns the numbers of promises that are kept and of all promises.
func (r *report) Verdict() string {
	promised, kept := 0, 0
	for _, f := range r.figures {
		if f.isPromised() {
			promised++
			if f.isKept() {
				kept++
			}
		}
	}
	return fmt.Sprintf("%d of %d", kept, promised)
}

// MaxPipeChange returns the bound of net.Pipe in a comparison with another checkout.
func (r *report) MaxPipeChange() string { return fmt.Sprintf("%.2f", maxPipeChange) }

// MaxChange returns the ratio to another checkout up to which a figure is no worse.
func (r *report) MaxChange() string { return fmt.Sprintf("%.2f", maxChange) }

// PassRounds returns the number of rounds of each race of a pass.
func (r *report) PassRounds() int { return passRounds }
