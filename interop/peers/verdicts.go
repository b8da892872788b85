package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/conform/report"
)

// marks are the statuses of package report for the tables, in their order.
var marks = []struct{ status, sign string }{
	{"pass", "✓"},
	{"info", "i"},
	{"warn", "!"},
	{"fail", "**fail**"},
	{"unexpected", "**unexpected**"},
	{"error", "**error**"},
	{"fail, known", "✗"},
	{"either", "~"},
	{"unsupported", "–"},
	{"skipped", "·"},
}

// bad lists the results that have no explanation.
func bad(verdicts []verdict) (wrong []string) {
	for _, v := range verdicts {
		for n := range v.report.Results {
			if r := &v.report.Results[n]; r.Bad() {
				wrong = append(wrong, fmt.Sprintf("%s as %v, %s: %v, expected to fail because %q: %s\n%s",
					v.peer, v.role, r.Case.ID, r.Verdict, r.Expected, r.Reason, conversation(r)))
			}
		}
	}
	return wrong
}

// mark returns the status of a result for the tables.
func mark(r *conform.Result) string {
	status := report.Status(r)
	for _, m := range marks {
		if m.status == status {
			return m.sign
		}
	}
	return status
}

func (r *results) writeVerdicts(b *strings.Builder) {
	b.WriteString(`
## Results of the conformance suite

The suite of [conform](../conform) plays the other side of each peer, on TCP and with
SHOULD as strict as MUST. Every failure is expected, with its reason, in
` + "`interop/peers/expect`" + ` (files for ` + "`mss conform --expect-fail`" + `). An unexpected failure
fails the test, and so does an expected one that no longer occurs.

`)
	b.WriteString("| peer | role | summary |")
	for _, m := range marks {
		if r.occurs(m.status) {
			fmt.Fprintf(b, " %s %s |", m.status, m.sign)
		}
	}
	b.WriteString("\n|---|---|---|")
	for _, m := range marks {
		if r.occurs(m.status) {
			b.WriteString("---|")
		}
	}
	b.WriteString("\n")
	for _, v := range r.verdicts {
		fmt.Fprintf(b, "| %s | %v | %s |", v.peer, v.role, report.Summary(v.report))
		for _, m := range marks {
			if r.occurs(m.status) {
				fmt.Fprintf(b, " %d |", v.count(m.status))
			}
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

// count returns the number of results with the status.
func (v *verdict) count(status string) (n int) {
	for i := range v.report.Results {
		if report.Status(&v.report.Results[i]) == status {
			n++
		}
	}
	return n
}

// occurs reports whether a result of any peer has the status.
func (r *results) occurs(status string) bool {
	return slices.ContainsFunc(r.verdicts, func(v verdict) bool { return v.count(status) > 0 })
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
			fmt.Fprintf(b, " %s |", mark(&v.report.Results[n]))
		}
		b.WriteString("\n")
	}
}

func writeFailures(b *strings.Builder, v verdict) {
	if v.count("fail, known") == 0 && v.count("either") == 0 {
		return
	}
	fmt.Fprintf(b, "\n#### %s as %v\n", v.peer, v.role)
	for n := range v.report.Results {
		r := &v.report.Results[n]
		switch report.Status(r) {
		case "either":
			fmt.Fprintf(b, "\n* **%s** (%v), %s: %s\n", r.Case.ID, r.Case.Level, r.Case.Title, r.Expected)
		case "fail, known":
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
