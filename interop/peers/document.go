package main

import (
	"fmt"
	"slices"
	"strings"
)

// document is docs/conformance.md. It has no times and no versions of anything
// that is not pinned, so that it changes only when somebody behaves differently.
func (r *results) document() string {
	var b strings.Builder
	b.WriteString(`# Who passes what

Written by ` + "`cd interop/peers && GOWORK=off go run .`" + `; TestDocument fails when it is
not what the peers do. Each peer is a small program around what its registry has at
the version given; [interop/peers](../interop/peers/README.md) has the contract.

| peer | |
|---|---|
`)
	for _, p := range peers {
		fmt.Fprintf(&b, "| %s | %s |\n", p.name, p.library)
	}
	r.writeMatrix(&b)
	r.writeVerdicts(&b)
	return b.String()
}

func (r *results) writeMatrix(b *strings.Builder) {
	b.WriteString(`
## Who talks to whom

Every peer is the initiator of every peer, on TCP, in these scenarios:

| scenario | |
|---|---|
`)
	for _, s := range scenarios {
		fmt.Fprintf(b, "| %s | %s |\n", s.name, s.what)
	}
	b.WriteString(`
A relay between the two glues or cuts the bytes. A cell is ok when both ends report
what they must: the protocol, every byte of the exchange, who ended the stream.
Rows are initiators, columns responders. A cell says how many scenarios are ok; the
rest is not offered (` + "–" + `) or deviates (` + "!" + `), both listed below.

| |`)
	for _, p := range peers {
		fmt.Fprintf(b, " %s |", p.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(peers)) + "\n")
	for _, i := range peers {
		fmt.Fprintf(b, "| **%s** |", i.name)
		for _, responder := range peers {
			fmt.Fprintf(b, " %s |", r.summary(i.name, responder.name))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	r.writeNotOffered(b)
	r.writeDeviations(b)
}

// summary is the cells of two peers in one.
func (r *results) summary(initiator, responder string) string {
	count := map[state]int{}
	for _, c := range r.cells {
		if c.Initiator == initiator && c.Responder == responder {
			count[c.State]++
		}
	}
	words := []string{fmt.Sprint(count[agreed])}
	for _, mark := range []struct {
		state state
		sign  string
	}{{notOffered, "–"}, {deviation, "!"}, {failed, "**failed**"}} {
		if n := count[mark.state]; n > 0 {
			words = append(words, fmt.Sprint(n, mark.sign))
		}
	}
	return strings.Join(words, " ")
}

func (r *results) writeNotOffered(b *strings.Builder) {
	b.WriteString("Not offered:\n\n| scenario | why | cells |\n|---|---|---|\n")
	type row struct{ scenario, why string }
	count := map[row]int{}
	var rows []row
	for _, c := range r.cells {
		if c.State != notOffered {
			continue
		}
		this := row{c.Scenario, c.Why}
		if count[this]++; count[this] == 1 {
			rows = append(rows, this)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.scenario+a.why, b.scenario+b.why) })
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | %s | %d |\n", row.scenario, row.why, count[row])
	}
}

func (r *results) writeDeviations(b *strings.Builder) {
	b.WriteString("\nDeviations:\n")
	for _, e := range r.known {
		fmt.Fprintf(b, "\n* %s with %s, %s: %s. %s (%s)\n", strings.Join(e.Initiators, ", "),
			strings.Join(e.Responders, ", "), strings.Join(e.Scenarios, ", "), code(e.Seen), e.Reason, e.Upstream)
		for _, c := range r.cells {
			if c.State == deviation && e.covers(c) {
				fmt.Fprintf(b, "\n%s\n", indented(c.Wire))
				break // the first cell stands for all
			}
		}
	}
}

func code(s string) string { return "`` " + s + " ``" }

func indented(s string) string {
	return "      " + strings.ReplaceAll(s, "\n", "\n      ")
}
