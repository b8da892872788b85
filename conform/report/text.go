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
	fmt.Fprintf(&b, "%-11s  %s: %s\n", Status(r), r.Case.ID, r.Case.Title)
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

// TextSummary writes which statuses each count of [Summary] consists of, and [Summary].
func TextSummary(w io.Writer, r *conform.Report) error {
	n := count(r.Results)
	var parts []string
	for _, group := range groups {
		var counts []string
		for _, s := range statuses {
			if s.group == group && n[s.name] > 0 {
				counts = append(counts, fmt.Sprint(n[s.name], " ", s.name))
			}
		}
		if counts != nil {
			parts = append(parts, group+": "+strings.Join(counts, " + "))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s\n", strings.Join(parts, "; "), Summary(r))
	return err
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
