package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The tables of performance.md.tmpl.

// FigureTable lists the promises.
func (r *report) FigureTable() string { return figureTable(r.figures).String() }

// figureTable has a row for each name, with the time limit on and switched off.
func figureTable(figures []figure) *table {
	t := &table{header: []string{"figure", "time limit on", "at most", "switched off", "at most", "promise"}}
	var names []string
	for _, f := range figures {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	for _, name := range names {
		cells, promise := []string{name, "-", "", "-", ""}, "none"
		for _, f := range figures {
			if f.Name != name {
				continue
			}
			column := 3
			if f.Limited {
				column = 1
			}
			cells[column] = formatRatio(f.Ratio)
			if !f.isPromised() {
				continue
			}
			cells[column+1] = fmt.Sprintf("%.2f", f.Bound)
			switch {
			case !f.isKept():
				promise = missed
			case promise == "none":
				promise = kept
			}
		}
		t.add(append(cells, promise)...)
	}
	return t
}

// comparisonTable has a row for each figure that the other checkout has or that is promised.
func comparisonTable(all []comparison) *table {
	t := &table{header: []string{"figure", "time limit", "this", "base", "this / base", "at most", "verdict"}}
	for _, c := range all {
		if math.IsNaN(c.Base) && !c.isPromised() {
			continue
		}
		bound, change := "", "-"
		if c.isPromised() {
			bound = fmt.Sprintf("%.2f", c.Bound)
		}
		if c.verdict() != shown && !c.isPromised() {
			bound = fmt.Sprintf("%.2f × base", maxPipeChange)
		}
		if !math.IsNaN(c.Base) {
			change = c.Change.String()
		}
		t.add(c.Name, onOrOff(c.Limited), formatRatio(c.Ratio), formatRatio(c.Base), change, bound, c.verdict())
	}
	return t
}

// ratios returns a row of ratios to the floor.
func ratios(r results, vs []variant) (cells []string) {
	for _, v := range vs {
		cells = append(cells, r.ratio(v.name, theFloor).String())
	}
	return cells
}

func namesOf(vs []variant) (names []string) {
	for _, v := range vs {
		names = append(names, v.name)
	}
	return names
}

// TransportTable compares all variants with one name length.
func (r *report) TransportTable() string {
	return r.transportTable(func(t transportCost) results { return t.one })
}

// MixedTable compares all variants with mixed name lengths.
func (r *report) MixedTable() string {
	return r.transportTable(func(t transportCost) results { return t.mixed })
}

func (r *report) transportTable(of func(transportCost) results) string {
	rest := variants[1:] // without the floor
	t := &table{header: append([]string{"transport", "floor"}, namesOf(rest)...)}
	for _, cost := range r.transports {
		res := of(cost)
		t.add(append([]string{cost.transport, formatTime(res.cost(theFloor).median)}, ratios(res, rest)...)...)
	}
	return t.String()
}

// KthTable has success at the k-th proposal.
func (r *report) KthTable() string {
	rest := kthVariants[1:]
	t := &table{header: append([]string{"transport", "k", "floor"}, namesOf(rest)...)}
	for _, cost := range r.transports {
		for _, k := range proposalCounts {
			res := cost.kth[k]
			t.add(append([]string{cost.transport, itoa(k), formatTime(res.cost(theFloor).median)}, ratios(res, rest)...)...)
		}
	}
	return t.String()
}

// LazyTable has the time to the first bytes of the protocol.
func (r *report) LazyTable() string {
	rest := lazyVariants[1:]
	t := &table{header: append([]string{"transport", "floor"}, namesOf(rest)...)}
	for _, cost := range r.transports {
		if cost.lazy != nil {
			t.add(append([]string{cost.transport, formatTime(cost.lazy.cost(theFloor).median)}, ratios(cost.lazy, rest)...)...)
		}
	}
	return t.String()
}

// AloneTable has the CPU time of each side.
func (r *report) AloneTable() string {
	t := &table{header: []string{"implementation", "initiator", "ratio to goms", "responder", "ratio to goms"}}
	for _, s := range soloImplementations {
		t.add(s.name,
			formatTime(r.initiators.cost(s.name).median), r.initiators.ratio(s.name, goms.name).String(),
			formatTime(r.responders.cost(s.name).median), r.responders.ratio(s.name, goms.name).String())
	}
	return t.String()
}

// HandlerTable has the cost by number of handlers.
func (r *report) HandlerTable() string {
	rest := handlerVariants[1:]
	t := &table{header: append([]string{"handlers", "ours: CPU", "ours, no limit: CPU", "goms: CPU", "TCP floor"}, namesOf(rest)...)}
	for _, h := range r.handlers {
		row := []string{itoa(h.handlers)}
		for _, name := range []string{ours.name, oursNoLimit.name, goms.name} {
			row = append(row, formatTime(h.cpu.cost(name).median))
		}
		row = append(row, formatTime(h.tcp.cost(theFloor).median))
		t.add(append(row, ratios(h.tcp, rest)...)...)
	}
	return t.String()
}

// FreshTable has new connections and streams.
func (r *report) FreshTable() string {
	rest := freshVariants[1:]
	t := &table{header: append([]string{"stream", "clients", "floor"}, namesOf(rest)...)}
	for _, f := range r.fresh {
		t.add(append([]string{f.source, itoa(f.clients), formatTime(f.results.cost(theFloor).median)}, ratios(f.results, rest)...)...)
	}
	return t.String()
}

// MemoryTable has the memory of half-open negotiations.
func (r *report) MemoryTable() string {
	t := &table{header: []string{"on", "sent", "responder", "heap", "stack", "heap + stack", "ratio to the floor", "resident"}}
	for _, m := range r.memory {
		base := m.sum()
		for _, other := range r.memory {
			if other.on == m.on && other.sent == m.sent && other.responder == "floor" {
				base = other.sum()
			}
		}
		number := func(x float64) string { return fmt.Sprintf("%.0f", x) }
		t.add(m.on, m.sent, m.responder, number(m.heap), number(m.stack), number(m.sum()), fmt.Sprintf("%.2f", m.sum()/base), number(m.resident))
	}
	return t.String()
}

// StallTable has the times with Nagle's algorithm on.
func (r *report) StallTable() string {
	t := &table{header: []string{"client~server", "median", "99 %", "longest"}}
	for _, s := range r.stalls {
		t.add(s.name, formatTime(s.median), formatTime(s.p99), formatTime(s.max))
	}
	return t.String()
}

// CountTable has the counts of each mode.
func (r *report) CountTable() string {
	t := &table{header: []string{"mode", "client~server", "round trips", "bytes", "segments", "client reads, writes", "server reads, writes", "allocations", "goroutines"}}
	for _, c := range r.counts {
		pair := func(a, b float64) string { return fmt.Sprintf("%s, %s", formatCount(a), formatCount(b)) }
		t.add(c.mode.name, c.variant.name, formatCount(c.roundTrips),
			pair(c.initiator.bytes, c.responder.bytes), pair(c.initiator.segments, c.responder.segments),
			pair(c.initiator.reads, c.initiator.writes), pair(c.responder.reads, c.responder.writes),
			formatCount(c.allocs), formatCount(c.goroutines))
	}
	return t.String()
}

// formatCount returns a count, with one decimal if it varies.
func formatCount(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }

// ForeignTable has the other languages.
func (r *report) ForeignTable() string {
	t := &table{header: []string{"language", "library", "floor", "first proposal", "floor, k = 10", "k = 10"}}
	for _, f := range r.foreign {
		t.add(f.name, f.library,
			formatTime(f.first.cost("floor").median), f.first.ratio("mss", "floor").String(),
			formatTime(f.tenth.cost("floor").median), f.tenth.ratio("mss", "floor").String())
	}
	s := t.String()
	for _, skipped := range r.skipped {
		s += fmt.Sprintf("\nSkipped, %d of %d: %s, because %s.\n", len(r.skipped), len(foreigners), skipped.name, skipped.reason)
	}
	return s
}

// AccountTable divides the time of a negotiation, in ns.
func (r *report) AccountTable() string {
	t := &table{header: []string{"place"}}
	for _, a := range r.accounts {
		t.header = append(t.header, a.transport+", "+a.variant)
	}
	add := func(name string, of func(account) float64) {
		row, any := []string{name}, false
		for _, a := range r.accounts {
			ns := of(a)
			any = any || ns >= 0.5
			row = append(row, fmt.Sprintf("%.0f", ns))
		}
		if any {
			t.add(row...)
		}
	}
	for _, p := range places {
		add(p.name, func(a account) float64 { return a.perNegotiation(a.places[p.name]) })
	}
	add(otherPlace, func(a account) float64 { return a.perNegotiation(a.places[otherPlace]) })
	add("**together**", func(a account) float64 { return a.perNegotiation(a.total()) })
	return t.String()
}

// FunctionTable has the functions of the library that take the most time, in memory.
func (r *report) FunctionTable() string {
	t := &table{header: []string{"function, with its calls of other packages", "ns, both sides"}}
	for _, a := range r.accounts {
		if a.transport != "in-memory" || a.variant != limitOn {
			continue
		}
		for _, name := range largest(a.functions, 12) {
			t.add("`"+name+"`", fmt.Sprintf("%.0f", a.perNegotiation(a.functions[name])))
		}
	}
	return t.String()
}

// Plot returns the line for a picture.
func (r *report) Plot(name, alternative string) string {
	return fmt.Sprintf("![%s](performance/%s.svg)", alternative, name)
}
