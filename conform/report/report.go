// Package report writes down what came of a run of package conform: as text for
// people, as JSON, JUnit XML and TAP for programs, and as one HTML file for
// browsers and paper, which needs nothing but itself.
//
//	result, err := conform.RunResponder(ctx, responder, conform.Options{})
//	…
//	err = report.HTML(file, "my responder", result)
//
// [Matrix] writes several runs side by side, one column for each party under
// test.
//
// # What is counted
//
// A result is failed if [conform.Result.Bad] says so, and then the run has
// failed. It is skipped if it says nothing for or against the party: skipped,
// unsupported, or failed as expected. Everything else, with warn and info, is
// passed. All formats count in this way.
//
// # Limits
//
// Of one play text, TAP and JUnit have at most 200 lines of the transcript and
// HTML at most 200 events and 4096 bytes; they say how much they leave out. JSON
// has everything.
//
// The functions read the reports and keep nothing. An error is that of the writer.
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

// NamedReport is what came of one party under test, in one role or in both.
type NamedReport struct {
	Name    string
	Reports []*conform.Report
}

// Summary returns "N passed, N failed, N skipped".
func Summary(r *conform.Report) string {
	n := count(r.Results)
	return fmt.Sprintf("%d passed, %d failed, %d skipped", n.passed, n.failed, n.skipped)
}

// outcome is what a result counts as.
type outcome uint8

const (
	passed outcome = iota
	failed
	skipped
)

func judge(r *conform.Result) outcome {
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
		switch judge(&results[i]) {
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

// status is the verdict, or what it is worth for a case that was expected to fail.
func status(r *conform.Result) string {
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

// reason says in one line why the result is what it is.
func reason(r *conform.Result) string {
	switch status(r) {
	case "unexpected":
		return oneLine(fmt.Sprintf("%v, but was expected to fail: %s", r.Verdict, r.Expected))
	case "fail, known":
		return oneLine(r.Reason + "; expected: " + r.Expected)
	}
	return oneLine(r.Reason)
}

// oneLine keeps what peers and systems say from breaking a layout.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// allVerdicts are the verdicts in the order in which reports count them.
var allVerdicts = []conform.Verdict{
	conform.VerdictPass, conform.VerdictInfo, conform.VerdictWarn, conform.VerdictFail,
	conform.VerdictUnsupported, conform.VerdictSkipped, conform.VerdictError,
}

const (
	mostEvents = 200 // of a play
	mostLines  = 200 // of a transcript
	mostWidth  = 400 // bytes of a line
)

// transcript returns the lines of the play, and says what it leaves out.
func transcriptLines(r *conform.Result) []string {
	begin := *r
	begin.Events = r.Events[:min(mostEvents, len(r.Events))]
	shown := clip(begin.Transcript(), mostLines)
	if left := len(r.Events) - len(begin.Events); left > 0 {
		shown = append(shown, fmt.Sprintf("# … %d events more", left))
	}
	return shown
}

// clip returns the lines of a transcript, at most so many, none too long.
func clip(t transcript.Transcript, most int) []string {
	all := lines(t.String())
	shown := all[:min(most, len(all))]
	for i, line := range shown {
		if over := len(line) - mostWidth; over > 0 {
			shown[i] = strings.ToValidUTF8(line[:mostWidth], "") + fmt.Sprintf("… (%d bytes more)", over)
		}
	}
	if left := len(all) - len(shown); left > 0 {
		shown = append(shown, fmt.Sprintf("# … %d lines more", left))
	}
	return shown
}

func lines(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// quoted returns a name as the transcript writes it: bare, or quoted where it
// would be misread.
func quoted(name string) string {
	line := transcript.Transcript{{From: multiselect.Initiator, Kind: transcript.KindMessage, Text: name}}.String()
	return strings.TrimSuffix(strings.TrimPrefix(line, "> "), "\n")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
