package main

import (
	_ "embed"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed performance.md.tmpl
var pageText string

// write writes the page and its plots.
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
		"half-open.svg":  r.plotHeld(),
	} {
		if err := os.WriteFile(filepath.Join(plots, name), []byte(picture), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, "performance.md"), []byte(b.String()), 0o644)
}

func (r *report) plotTransports() string {
	b := bars{
		title:  "Time of a negotiation, as a ratio to the floor of its transport",
		yLabel: "ratio to the floor",
		xLabel: "transport (dashed: the floor)",
		series: []series{{"ours, no budget", inkOursFree}, {"ours", inkOurs}, {"go-multistream", inkGoms}},
		base:   1,
		format: "%.2f",
	}
	for _, t := range r.transports {
		b.groups = append(b.groups, t.transport)
		b.values = append(b.values, []float64{
			t.one.ratio("ours~ours, no budget", theFloor).median,
			t.one.ratio("ours~ours", theFloor).median,
			t.one.ratio("goms~goms", theFloor).median,
		})
	}
	return b.draw()
}

func (r *report) plotHandlers() string {
	c := curves{
		title:  "CPU of the responder, by the number of protocols that it serves",
		xLabel: "protocols registered (logarithmic)",
		yLabel: "ns for a negotiation (logarithmic)",
		series: []series{{"ours, no budget", inkOursFree}, {"ours", inkOurs}, {"go-multistream", inkGoms}},
		y:      make([][]float64, 3),
	}
	for _, h := range r.handlers {
		c.x = append(c.x, float64(h.handlers))
		for i, who := range []string{oursFree.name, ours.name, goms.name} {
			c.y[i] = append(c.y[i], h.cpu.cost(who).median)
		}
	}
	return c.draw()
}

func (r *report) plotHeld() string {
	who := []string{"floor", "ours", "goms"}
	b := bars{
		title:  "Memory of a half-open negotiation",
		yLabel: "bytes, heap and stack",
		xLabel: "transport, and what the initiator had sent",
		series: []series{{"floor: blocked in Read", inkFloor}, {"ours", inkOurs}, {"go-multistream", inkGoms}},
		format: "%.0f",
	}
	for _, h := range r.held {
		group := h.on + ", " + h.sent
		if len(b.groups) == 0 || b.groups[len(b.groups)-1] != group {
			b.groups = append(b.groups, group)
			b.values = append(b.values, []float64{math.NaN(), math.NaN(), math.NaN()})
		}
		for i, name := range who {
			if h.responder == name {
				b.values[len(b.values)-1][i] = h.sum()
			}
		}
	}
	return b.draw()
}

// The rest is what performance.md.tmpl asks for by name.

// Ratio is that of a variant to the floor of a transport, one name length.
func (r *report) Ratio(transport, variant string) string {
	for _, t := range r.transports {
		if t.transport == transport {
			return fmt.Sprintf("%.2f", t.one.ratio(variant, theFloor).median)
		}
	}
	return "?"
}

// Lazy is the ratio to the lazy floor of a transport.
func (r *report) Lazy(transport, variant string) string {
	for _, t := range r.transports {
		if t.transport == transport {
			return fmt.Sprintf("%.2f", t.lazy.ratio(variant, theFloor).median)
		}
	}
	return "?"
}

// MixedCost is what mixed name lengths add, in percent of the floor.
func (r *report) MixedCost(transport, variant string) string {
	for _, t := range r.transports {
		if t.transport == transport {
			more := t.mixed.ratio(variant, theFloor).median - t.one.ratio(variant, theFloor).median
			return fmt.Sprintf("%.1f %%", max(0, more*100))
		}
	}
	return "?"
}

// Alone is what one side of a negotiation costs by itself.
func (r *report) Alone(role, speaker string) string {
	return nanoseconds(map[string]results{"initiator": r.asks, "responder": r.serves}[role].cost(speaker).median)
}

// Held is what a half-open negotiation holds of which the initiator sent nothing.
func (r *report) Held(on, responder string) string {
	for _, h := range r.held {
		if h.on == on && h.responder == responder && h.sent == "nothing" {
			return fmt.Sprintf("%.1f kB", h.sum()/1000)
		}
	}
	return "?"
}

// Fresh is the ratio to the floor with a new stream for each negotiation.
func (r *report) Fresh(source string, clients int, variant string) string {
	for _, f := range r.fresh {
		if f.source == source && f.clients == clients {
			return fmt.Sprintf("%.2f", f.results.ratio(variant, theFloor).median)
		}
	}
	return "?"
}

// Stall is the longest that a negotiation took with Nagle's algorithm on.
func (r *report) Stall(variant string) string {
	for _, s := range r.stalls {
		if s.name == variant {
			return nanoseconds(s.max)
		}
	}
	return "?"
}

// Census tells how many rounds were disturbed.
func (r *report) Census() string {
	return fmt.Sprintf("In this\n  run %d of %d rounds count; %d of them were disturbed", census.Kept, census.Tried, census.Disturbed)
}

// Verdict counts the promises.
func (r *report) Verdict() string {
	kept := 0
	for _, f := range r.figures {
		if f.ok() {
			kept++
		}
	}
	return fmt.Sprintf("%d of %d", kept, len(r.figures))
}
