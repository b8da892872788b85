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

func (r *report) plotTransports() string {
	b := bars{
		title:  "Time of a negotiation, as a ratio to the floor of its transport",
		yLabel: "ratio to the floor",
		xLabel: "transport (dashed: the floor)",
		series: []series{{"ours", inkOurs}, {"ours, no limit", inkOursNoLimit}, {"go-multistream", inkGoms}},
		base:   1,
		format: "%.2f",
	}
	for _, t := range r.transports {
		b.groups = append(b.groups, t.transport)
		b.values = append(b.values, []float64{
			t.one.ratio(limitOn, theFloor).median,
			t.one.ratio(limitOff, theFloor).median,
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
		series: []series{{"ours", inkOurs}, {"ours, no limit", inkOursNoLimit}, {"go-multistream", inkGoms}},
		y:      make([][]float64, 3),
	}
	for _, h := range r.handlers {
		c.x = append(c.x, float64(h.handlers))
		for i, name := range []string{ours.name, oursNoLimit.name, goms.name} {
			c.y[i] = append(c.y[i], h.cpu.cost(name).median)
		}
	}
	return c.draw()
}

func (r *report) plotMemory() string {
	responders := []string{"floor", "ours", "goms"}
	b := bars{
		title:  "Memory of a half-open negotiation",
		yLabel: "bytes, heap and stack",
		xLabel: "transport, and the bytes that the initiator had sent",
		series: []series{{"floor: blocked in Read", inkFloor}, {"ours", inkOurs}, {"go-multistream", inkGoms}},
		format: "%.0f",
	}
	for _, m := range r.memory {
		group := m.on + ", " + m.sent
		if len(b.groups) == 0 || b.groups[len(b.groups)-1] != group {
			b.groups = append(b.groups, group)
			b.values = append(b.values, []float64{math.NaN(), math.NaN(), math.NaN()})
		}
		for i, name := range responders {
			if m.responder == name {
				b.values[len(b.values)-1][i] = m.sum()
			}
		}
	}
	return b.draw()
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
