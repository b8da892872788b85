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
// # Passed, failed, skipped
//
// All formats count in the same way. A result is failed if [conform.Result.Bad] returns
// true; one such result makes the run fail. A result is skipped if its verdict is
// skipped or unsupported, or if the case failed as expected. All other results are
// passed, including warn and info.
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
	"slices"
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

// Summary returns "N passed, N failed, N skipped".
func Summary(r *conform.Report) string {
	n := count(r.Results)
	return fmt.Sprintf("%d passed, %d failed, %d skipped", n.passed, n.failed, n.skipped)
}

// outcome is one of the three counts of a summary.
type outcome uint8

const (
	passed outcome = iota
	failed
	skipped
)

func countedAs(r *conform.Result) outcome {
	switch {
	case r.Bad():
		return failed
	case slices.Contains([]conform.Verdict{conform.VerdictSkipped, conform.VerdictUnsupported, conform.VerdictFail}, r.Verdict):
		return skipped
	}
	return passed
}

type tally struct{ passed, failed, skipped int }

func count(results []conform.Result) (n tally) {
	for i := range results {
		switch countedAs(&results[i]) {
		case passed:
			n.passed++
		case failed:
			n.failed++
		case skipped:
			n.skipped++
		}
	}
	return n
}

// statusOf returns the verdict as text. For a case that was expected to fail it is "fail,
// known", or "unexpected" if the case did not fail.
func statusOf(r *conform.Result) string {
	switch {
	case r.Expected == "" || r.Verdict == conform.VerdictError:
		return r.Verdict.String()
	case r.Bad():
		return "unexpected"
	case r.Verdict == conform.VerdictFail:
		return "fail, known"
	}
	return r.Verdict.String()
}

// reasonOf returns the reason for the result, in one line.
func reasonOf(r *conform.Result) string {
	switch statusOf(r) {
	case "unexpected":
		return oneLine(fmt.Sprintf("%v, but was expected to fail: %s", r.Verdict, r.Expected))
	case "fail, known":
		return oneLine(r.Reason + "; expected: " + r.Expected)
	}
	return oneLine(r.Reason)
}

// oneLine replaces line breaks and repeated spaces, so that error texts of peers and
// systems cannot break the layout.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// allVerdicts are the verdicts in the order in which reports count them.
var allVerdicts = []conform.Verdict{
	conform.VerdictPass, conform.VerdictInfo, conform.VerdictWarn, conform.VerdictFail,
	conform.VerdictUnsupported, conform.VerdictSkipped, conform.VerdictError,
}

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
