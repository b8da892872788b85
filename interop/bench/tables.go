package main

import (
	"fmt"
	"strings"
)

// The tables of performance.md.tmpl.

// FigureTable holds the promises.
func (r *report) FigureTable() string {
	t := &table{header: []string{"figure", "measured", "at most", ""}}
	for _, f := range r.figures {
		verdict := "ok"
		if !f.ok() {
			verdict = "**short**"
		}
		t.add(f.Name, short(f.Ratio), fmt.Sprintf("%.2f", f.Target), verdict)
	}
	return t.String()
}

// ratios is a row of ratios to the floor.
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

// TransportTable holds all variants with one name length.
func (r *report) TransportTable() string {
	return r.transportTable(func(t transportCost) results { return t.one })
}

// MixedTable holds all variants with mixed name lengths.
func (r *report) MixedTable() string {
	return r.transportTable(func(t transportCost) results { return t.mixed })
}

func (r *report) transportTable(of func(transportCost) results) string {
	rest := variants[1:] // behind the floor
	t := &table{header: append([]string{"transport", "floor"}, namesOf(rest)...)}
	for _, cost := range r.transports {
		res := of(cost)
		t.add(append([]string{cost.transport, nanoseconds(res.cost(theFloor).median)}, ratios(res, rest)...)...)
	}
	return t.String()
}

// KthTable holds success at the k-th proposal.
func (r *report) KthTable() string {
	rest := kthVariants[1:]
	t := &table{header: append([]string{"transport", "k", "floor"}, namesOf(rest)...)}
	for _, cost := range r.transports {
		for _, k := range proposalCounts {
			res := cost.kth[k]
			t.add(append([]string{cost.transport, itoa(k), nanoseconds(res.cost(theFloor).median)}, ratios(res, rest)...)...)
		}
	}
	return t.String()
}

// LazyTable holds the time to the first bytes of the protocol.
func (r *report) LazyTable() string {
	rest := lazyVariants[1:]
	t := &table{header: append([]string{"transport", "floor"}, namesOf(rest)...)}
	for _, cost := range r.transports {
		if cost.lazy != nil {
			t.add(append([]string{cost.transport, nanoseconds(cost.lazy.cost(theFloor).median)}, ratios(cost.lazy, rest)...)...)
		}
	}
	return t.String()
}

// AloneTable holds the CPU of each side.
func (r *report) AloneTable() string {
	t := &table{header: []string{"who", "initiator", "ratio to goms", "responder", "ratio to goms"}}
	for _, s := range aloneSpeakers {
		t.add(s.name,
			nanoseconds(r.asks.cost(s.name).median), r.asks.ratio(s.name, goms.name).String(),
			nanoseconds(r.serves.cost(s.name).median), r.serves.ratio(s.name, goms.name).String())
	}
	return t.String()
}

// HandlerTable holds the cost by number of handlers.
func (r *report) HandlerTable() string {
	t := &table{header: []string{"handlers", "ours, no budget: CPU", "ours: CPU", "goms: CPU", "TCP floor", "ours, no budget", "ours", "goms"}}
	for _, h := range r.handlers {
		row := []string{itoa(h.handlers)}
		for _, who := range []string{oursFree.name, ours.name, goms.name} {
			row = append(row, nanoseconds(h.cpu.cost(who).median))
		}
		row = append(row, nanoseconds(h.tcp.cost(theFloor).median))
		t.add(append(row, ratios(h.tcp, find("ours~ours, no budget", "ours~ours", "goms~goms"))...)...)
	}
	return t.String()
}

// FreshTable holds new connections and streams.
func (r *report) FreshTable() string {
	rest := freshVariants[1:]
	t := &table{header: append([]string{"what", "clients", "floor"}, namesOf(rest)...)}
	for _, f := range r.fresh {
		t.add(append([]string{f.source, itoa(f.clients), nanoseconds(f.results.cost(theFloor).median)}, ratios(f.results, rest)...)...)
	}
	return t.String()
}

// HeldTable holds the memory of half-open negotiations.
func (r *report) HeldTable() string {
	t := &table{header: []string{"on", "sent", "responder", "heap", "stack", "heap + stack", "ratio to the floor", "resident"}}
	for _, h := range r.held {
		base := h.sum()
		for _, other := range r.held {
			if other.on == h.on && other.sent == h.sent && other.responder == "floor" {
				base = other.sum()
			}
		}
		number := func(x float64) string { return fmt.Sprintf("%.0f", x) }
		t.add(h.on, h.sent, h.responder, number(h.heap), number(h.stack), number(h.sum()), fmt.Sprintf("%.2f", h.sum()/base), number(h.resident))
	}
	return t.String()
}

// StallTable holds the Nagle cliff.
func (r *report) StallTable() string {
	t := &table{header: []string{"client~server", "median", "99 %", "longest"}}
	for _, s := range r.stalls {
		t.add(s.name, nanoseconds(s.median), nanoseconds(s.p99), nanoseconds(s.max))
	}
	return t.String()
}

// CountTable holds bytes, segments and round trips of each mode.
func (r *report) CountTable() string {
	t := &table{header: []string{"mode", "client~server", "round trips", "bytes", "segments", "client reads, writes", "server reads, writes", "allocations", "goroutines"}}
	for _, c := range r.counts {
		pair := func(a, b float64) string { return fmt.Sprintf("%s, %s", tenths(a), tenths(b)) }
		t.add(c.mode.name, c.variant.name, tenths(c.roundTrips),
			pair(c.initiator.bytes, c.responder.bytes), pair(c.initiator.segments, c.responder.segments),
			pair(c.initiator.reads, c.initiator.writes), pair(c.responder.reads, c.responder.writes),
			tenths(c.allocs), tenths(c.goroutines))
	}
	return t.String()
}

// tenths writes a count, which is whole unless something varies.
func tenths(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }

// ForeignTable holds the other languages.
func (r *report) ForeignTable() string {
	t := &table{header: []string{"language", "library", "floor", "first proposal", "floor, k = 10", "k = 10"}}
	for _, f := range r.foreign {
		t.add(f.name, f.library,
			nanoseconds(f.first.cost("floor").median), f.first.ratio("mss", "floor").String(),
			nanoseconds(f.tenth.cost("floor").median), f.tenth.ratio("mss", "floor").String())
	}
	s := t.String()
	for _, skipped := range r.skipped {
		s += fmt.Sprintf("\nSkipped, %d of %d: %s, because %s.\n", len(r.skipped), len(foreigners), skipped.what, skipped.why)
	}
	return s
}

// AccountTable says where the time goes, in ns of a negotiation.
func (r *report) AccountTable() string {
	t := &table{header: []string{"where"}}
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
		add(p.name, func(a account) float64 { return a.per(a.places[p.name]) })
	}
	add(elsewhere, func(a account) float64 { return a.per(a.places[elsewhere]) })
	add("**together**", func(a account) float64 { return a.per(a.total()) })
	return t.String()
}

// FunctionTable holds the library's functions that take most, in memory.
func (r *report) FunctionTable() string {
	t := &table{header: []string{"function, with what it calls outside of the library", "ns, both sides"}}
	for _, a := range r.accounts {
		if a.transport != "in-memory" || a.variant != "ours~ours" {
			continue
		}
		for _, name := range largest(a.functions, 12) {
			t.add("`"+name+"`", fmt.Sprintf("%.0f", a.per(a.functions[name])))
		}
	}
	return t.String()
}

// Plot is a picture of the page.
func (r *report) Plot(name, says string) string {
	return fmt.Sprintf("![%s](performance/%s.svg)", says, name)
}
