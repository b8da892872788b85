package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/multiselect/multiselect/conform"
)

// Text writes a line for each case, with its verdict, its id and its title. Below a
// failure or a warning it explains the reason. The last line is [Summary].
func Text(w io.Writer, r *conform.Report) error {
	for i := range r.Results {
		if err := TextResult(w, &r.Results[i], false); err != nil {
			return err
		}
	}
	return TextSummary(w, r)
}

// TextResult writes the part of [Text] about one case, for output while the suite runs. If
// verbose is true, it writes the transcript of every case; otherwise that of failures and
// warnings.
func TextResult(w io.Writer, r *conform.Result, verbose bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-11s  %s: %s\n", statusOf(r), r.Case.ID, r.Case.Title)
	wrong := r.Bad() || r.Verdict == conform.VerdictFail || r.Verdict == conform.VerdictWarn
	if r.Verdict != conform.VerdictPass || wrong {
		fmt.Fprintf(&b, "    %s\n", reasonOf(r))
	}
	if wrong {
		for _, q := range r.Case.Requirements {
			fmt.Fprintf(&b, "    %s, %v: %s (%s)\n", q.Key, q.Level, oneLine(q.Text), q.Source)
		}
		for i, o := range r.Case.Legal {
			fmt.Fprintf(&b, "    legal %d: %s\n", i+1, describe(&o))
		}
	}
	if wrong || verbose {
		for _, line := range transcriptLines(r) {
			fmt.Fprintf(&b, "    | %s\n", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// TextSummary writes the number of cases with each verdict, and [Summary].
func TextSummary(w io.Writer, r *conform.Report) error {
	var counts []string
	for _, v := range allVerdicts {
		if n := r.Count(v); n > 0 {
			counts = append(counts, fmt.Sprintf("%v %d", v, n))
		}
	}
	if n := countExpected(r); n > 0 {
		counts = append(counts, fmt.Sprintf("failed as expected %d", n))
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", strings.Join(counts, ", "), Summary(r))
	return err
}

// countExpected returns the number of failures that were expected.
func countExpected(r *conform.Report) (n int) {
	for i := range r.Results {
		if r.Results[i].Verdict == conform.VerdictFail && !r.Results[i].Bad() {
			n++
		}
	}
	return n
}

// describe returns a legal outcome in one line.
func describe(o *conform.Outcome) string {
	sent := "nothing is sent"
	if len(o.Sent) > 0 {
		sent = strings.Join(o.Sent, " ⏎ ")
	}
	return oneLine(sent + "; " + describeConditions(o) + ": " + o.Reason)
}

// describeConditions returns the conditions of an outcome apart from the bytes.
func describeConditions(o *conform.Outcome) string {
	s := "then " + describeEnd(o.Ends)
	if o.OneRead {
		s = "in one read, " + s
	}
	if o.Reports != "" {
		s += "; the initiator reports: " + o.Reports
	}
	if o.Verdict != conform.VerdictPass {
		s += "; verdict: " + o.Verdict.String()
	}
	return s
}

func describeEnd(e conform.Ending) string {
	switch e {
	case conform.EndAny:
		return "nothing more"
	case conform.EndQuiet:
		return "silence, with the stream open"
	case conform.EndClosed:
		return "the end of its direction"
	}
	return "the end of the stream, or a reset"
}
