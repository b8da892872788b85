package main

import (
	"fmt"
	"slices"
	"strings"
)

// document returns docs/conformance.md. It has no times and no unpinned versions,
// so that it changes only when the behaviour of a peer changes.
func (r *results) document() string {
	var b strings.Builder
	b.WriteString(`# Who passes what

Written by ` + "`cd interop/peers && GOWORK=off go run .`" + `; TestDocument fails when a peer
behaves differently. Each peer is a small program around a released library, at the
version given; [interop/peers](../interop/peers/README.md) has the contract. That run
also writes a page of 6 MB with the bytes of every case, ` + "`interop/peers/report/conformance.html`" + `.
[A nightly job](../.github/workflows/nightly.yml) builds it, and keeps it as the artifact
` + "`conformance`" + `.

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
A relay between the two joins or splits the bytes. A scenario is ok when both ends
report the right protocol, every byte of the exchange, and the right end of the
stream. Rows are initiators, columns responders. A cell has the number of scenarios
that are ok; the rest is not offered (` + "–" + `) or deviates (` + "!" + `), both listed below.

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

// summary returns the cells of two peers as one.
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
