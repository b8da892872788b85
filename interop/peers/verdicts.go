package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

var marks = map[conform.Verdict]string{
	conform.VerdictPass: "✓", conform.VerdictFail: "✗", conform.VerdictWarn: "!", conform.VerdictInfo: "i",
	conform.VerdictUnsupported: "–", conform.VerdictSkipped: "·", conform.VerdictError: "E",
}

// bad lists the results that have no explanation.
func bad(verdicts []verdict) (wrong []string) {
	for _, v := range verdicts {
		for id := range v.undecided {
			if !slices.ContainsFunc(v.report.Results, func(r conform.Result) bool { return r.Case.ID == id }) {
				wrong = append(wrong, fmt.Sprintf("%s as %v: there is no case %s to fail sometimes", v.peer, v.role, id))
			}
		}
		for n := range v.report.Results {
			if r := &v.report.Results[n]; v.bad(r) {
				wrong = append(wrong, fmt.Sprintf("%s as %v, %s: %v, expected to fail because %q: %s\n%s",
					v.peer, v.role, r.Case.ID, r.Verdict, r.Expected, r.Reason, conversation(r)))
			}
		}
	}
	return wrong
}

// mark returns the verdict for the tables.
func (v *verdict) mark(r *conform.Result) string {
	if v.undecided[r.Case.ID] != "" {
		return "~"
	}
	return marks[r.Verdict]
}

func (r *results) writeVerdicts(b *strings.Builder) {
	b.WriteString(`
## Results of the conformance suite

The suite of [conform](../conform) plays the other side of each peer, on TCP and with
SHOULD as strict as MUST. Every failure is expected, with its reason, in
` + "`interop/peers/expect`" + ` (files for ` + "`mss conform --expect-fail`" + `). An unexpected failure
fails the test, and so does an expected one that no longer occurs.

| peer | role | pass ✓ | fail ✗ | either ~ | info i | unsupported – | skipped · |
|---|---|---|---|---|---|---|---|
`)
	for _, v := range r.verdicts {
		count := map[string]int{}
		for n := range v.report.Results {
			count[v.mark(&v.report.Results[n])]++
		}
		fmt.Fprintf(b, "| %s | %v |", v.peer, v.role)
		for _, mark := range []string{"✓", "✗", "~", "i", "–", "·"} {
			fmt.Fprintf(b, " %d |", count[mark])
		}
		b.WriteString("\n")
	}
	for _, role := range []multiselect.Role{multiselect.Responder, multiselect.Initiator} {
		r.writeCases(b, role)
	}
	writeForeknown(b)
	b.WriteString("\n### Failures\n\nThe bytes are those of the run that wrote this; `>` is the initiator.\n")
	for _, v := range r.verdicts {
		writeFailures(b, v)
	}
}

func (r *results) writeCases(b *strings.Builder, role multiselect.Role) {
	fmt.Fprintf(b, "\n### The %v's cases\n\n", role)
	b.WriteString("| case | level |")
	var shown []verdict
	for _, v := range r.verdicts {
		if v.role == role {
			shown = append(shown, v)
			fmt.Fprintf(b, " %s |", v.peer)
		}
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(shown)) + "\n")
	for n, c := range conform.Cases(role) {
		fmt.Fprintf(b, "| %s | %v |", c.ID, c.Level)
		for _, v := range shown {
			fmt.Fprintf(b, " %s |", v.mark(&v.report.Results[n]))
		}
		b.WriteString("\n")
	}
}

func writeFailures(b *strings.Builder, v verdict) {
	if v.report.Count(conform.VerdictFail) == 0 && len(v.undecided) == 0 {
		return
	}
	fmt.Fprintf(b, "\n#### %s as %v\n", v.peer, v.role)
	for n := range v.report.Results {
		r := &v.report.Results[n]
		switch why := v.undecided[r.Case.ID]; {
		case why != "":
			fmt.Fprintf(b, "\n* **%s** (%v), %s: %s\n", r.Case.ID, r.Case.Level, r.Case.Title, why)
		case r.Verdict == conform.VerdictFail:
			fmt.Fprintf(b, "\n* **%s** (%v), %s: %s\n\n%s\n", r.Case.ID, r.Case.Level, r.Case.Title, r.Expected, indented(conversation(r)))
		}
	}
}

// conversation returns the bytes of both sides, those of one side together until
// the other one sends.
func conversation(r *conform.Result) string {
	var lines []string
	var said bytes.Buffer
	var who multiselect.Role
	flush := func() {
		if said.Len() > 0 {
			lines = append(lines, arrow(who)+" "+quoted(said.Bytes()))
			said.Reset()
		}
	}
	for _, e := range r.Events {
		if e.Kind == conform.EventNote {
			continue
		}
		if e.From != who {
			flush()
			who = e.From
		}
		if e.Kind == conform.EventData {
			said.Write(e.Data)
			continue
		}
		flush()
		lines = append(lines, arrow(e.From)+" "+e.Kind.String())
	}
	flush()
	return strings.Join(lines, "\n")
}

func arrow(role multiselect.Role) string {
	if role == multiselect.Initiator {
		return ">"
	}
	return "<"
}

const maxQuoted = 96 // bytes

func quoted(p []byte) string {
	if len(p) <= maxQuoted {
		return fmt.Sprintf("%q", p)
	}
	return fmt.Sprintf("%q… %d bytes", p[:maxQuoted], len(p))
}
