// Package report writes the results of package conform: as text for people, as JSON,
// JUnit XML and TAP for programs, and as one self-contained HTML file for browsers and
// print.
//
//	result, err := conform.RunResponder(ctx, responder, conform.Options{})
//	…
//	err = report.HTML(file, "my responder", result)
//
// [Matrix] writes several runs side by side, one column for each party under test.
//
// # Passed, failed, known, skipped
//
// All formats count in the same way, by the [Status] of a result:
//
//	passed   pass, info, warn
//	failed   fail, unexpected, error
//	known    fail, known; either
//	skipped  unsupported, skipped
//
// One failed result makes the run fail, see [conform.Result.Bad]. Known results are those
// that [conform.Options.ExpectFail] names.
//
// # Limits
//
// For each case, text, TAP and JUnit contain at most 200 lines of the transcript, and HTML
// at most 200 events and 4096 bytes; each of them states how much it omits. JSON is
// complete.
//
// The functions read the reports and retain nothing. They return the error of the writer.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/transcript"
)

// NamedReport holds the reports of one party under test, for one role or for both.
type NamedReport struct {
	Name    string
	Reports []*conform.Report
}

// The groups of statuses that a summary counts.
const (
	passed  = "passed"
	failed  = "failed"
	known   = "known"
	skipped = "skipped"
)

var groups = []string{passed, failed, known, skipped}

// statuses are the results of [Status], in the order in which reports count them, with
// their groups.
var statuses = []struct{ name, group string }{
	{"pass", passed},
	{"info", passed},
	{"warn", passed},
	{"fail", failed},
	{"unexpected", failed},
	{"error", failed},
	{"fail, known", known},
	{"either", known},
	{"unsupported", skipped},
	{"skipped", skipped},
}

// Status returns the verdict as all reports print and count it. It is that of
// [conform.Result.Verdict], but for a case in [conform.Options.ExpectFail]: "fail, known" if
// it failed, "unexpected" if it did not, and "either" for both if it fails sometimes.
func Status(r *conform.Result) string {
	switch {
	case r.Expected == "" || r.Verdict == conform.VerdictError,
		r.Verdict == conform.VerdictSkipped, r.Verdict == conform.VerdictUnsupported:
		return r.Verdict.String()
	case r.Bad():
		return "unexpected"
	case strings.HasPrefix(r.Expected, conform.Sometimes):
		return "either"
	}
	return "fail, known"
}

// groupOf returns the group in which a summary counts the result.
func groupOf(r *conform.Result) string {
	status := Status(r)
	for _, s := range statuses {
		if s.name == status {
			return s.group
		}
	}
	panic("report: no group for " + status)
}

// count returns the number of results of each status.
func count(results []conform.Result) map[string]int {
	n := make(map[string]int)
	for i := range results {
		n[Status(&results[i])]++
	}
	return n
}

// total returns the number of results of each group.
func total(results []conform.Result) map[string]int {
	n := make(map[string]int)
	for i := range results {
		n[groupOf(&results[i])]++
	}
	return n
}

// Summary returns "N passed, N failed, N skipped", and "N known" before the last count if
// there are known results.
func Summary(r *conform.Report) string {
	n := total(r.Results)
	var counts []string
	for _, group := range groups {
		if group != known || n[group] > 0 {
			counts = append(counts, fmt.Sprint(n[group], " ", group))
		}
	}
	return strings.Join(counts, ", ")
}

// reasonOf returns the reason for the result, in one line.
func reasonOf(r *conform.Result) string {
	switch Status(r) {
	case "unexpected":
		return oneLine(fmt.Sprintf("%v, but was expected to fail: %s", r.Verdict, r.Expected))
	case "fail, known", "either":
		return oneLine(r.Reason + "; expected: " + r.Expected)
	}
	return oneLine(r.Reason)
}

// oneLine replaces line breaks and repeated spaces, so that error texts of peers and
// systems cannot break the layout.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

const (
	maxEvents = 200 // of a play
	maxLines  = 200 // of a transcript
	maxWidth  = 400 // bytes of a line
)

// transcriptLines returns the lines of the play, and at the end the number of omitted ones.
func transcriptLines(r *conform.Result) []string {
	first := *r
	first.Events = r.Events[:min(maxEvents, len(r.Events))]
	shown := clip(first.Transcript(), maxLines)
	if omitted := len(r.Events) - len(first.Events); omitted > 0 {
		shown = append(shown, fmt.Sprintf("# … %d more events", omitted))
	}
	return shown
}

// clip returns at most limit lines of a transcript, each with at most maxWidth bytes.
func clip(t transcript.Transcript, limit int) []string {
	all := lines(t.String())
	shown := all[:min(limit, len(all))]
	for i, line := range shown {
		if omitted := len(line) - maxWidth; omitted > 0 {
			shown[i] = strings.ToValidUTF8(line[:maxWidth], "") + fmt.Sprintf("… (%d more bytes)", omitted)
		}
	}
	if omitted := len(all) - len(shown); omitted > 0 {
		shown = append(shown, fmt.Sprintf("# … %d more lines", omitted))
	}
	return shown
}

func lines(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// quoteName returns a name as transcripts write it: with quotes only where they are
// needed.
func quoteName(name string) string {
	line := transcript.Transcript{{From: multiselect.Initiator, Kind: transcript.KindMessage, Text: name}}.String()
	return strings.TrimSuffix(strings.TrimPrefix(line, "> "), "\n")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
