package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/multiselect/multiselect/conform"
)

// Text writes a line for each case, with its verdict, its id and its title. What
// is not as it should be is explained below it. The last line is [Summary].
func Text(w io.Writer, r *conform.Report) error {
	for i := range r.Results {
		if err := TextResult(w, &r.Results[i], false); err != nil {
			return err
		}
	}
	return TextSummary(w, r)
}

// TextResult writes what [Text] has about one case, for those who write while
// the suite runs. If verbose, the transcript is there also if nothing is wrong.
func TextResult(w io.Writer, r *conform.Result, verbose bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-11s  %s: %s\n", status(r), r.Case.ID, r.Case.Title)
	wrong := r.Bad() || r.Verdict == conform.VerdictFail || r.Verdict == conform.VerdictWarn
	if r.Verdict != conform.VerdictPass || wrong {
		fmt.Fprintf(&b, "    %s\n", reason(r))
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

// TextSummary writes how many cases have which verdict, and [Summary].
func TextSummary(w io.Writer, r *conform.Report) error {
	var counts []string
	for _, v := range allVerdicts {
		if n := r.Count(v); n > 0 {
			counts = append(counts, fmt.Sprintf("%v %d", v, n))
		}
	}
	if n := expected(r); n > 0 {
		counts = append(counts, fmt.Sprintf("failed as expected %d", n))
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", strings.Join(counts, ", "), Summary(r))
	return err
}

// expected counts the failures that were expected.
func expected(r *conform.Report) (n int) {
	for i := range r.Results {
		if r.Results[i].Verdict == conform.VerdictFail && !r.Results[i].Bad() {
			n++
		}
	}
	return n
}

// describe says what a legal outcome is, in one line.
func describe(o *conform.Outcome) string {
	said := "nothing is said"
	if len(o.Sent) > 0 {
		said = strings.Join(o.Sent, " ⏎ ")
	}
	return oneLine(said + "; " + conditions(o) + ": " + o.Reason)
}

// conditions says what else has to be, beside what is said.
func conditions(o *conform.Outcome) string {
	s := "then " + ends(o.Ends)
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

func ends(e conform.Ending) string {
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
