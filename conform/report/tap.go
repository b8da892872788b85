package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/multiselect/multiselect/conform"
)

// TAP writes TAP version 14. Skipped and unsupported cases have the directive SKIP,
// known failures have TODO. Every case except a plain pass has a YAML block with the
// level, the verdict, the reason and the transcript.
func TAP(w io.Writer, r *conform.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 14\n1..%d\n", len(r.Results))
	for i := range r.Results {
		tapResult(&b, i+1, &r.Results[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tapResult(b *strings.Builder, n int, r *conform.Result) {
	word := "ok"
	if r.Bad() || r.Verdict == conform.VerdictFail {
		word = "not ok"
	}
	fmt.Fprintf(b, "%s %d - %s", word, n, tapText(r.Case.ID+": "+r.Case.Title))
	switch {
	case groupOf(r) == known && r.Verdict == conform.VerdictFail:
		fmt.Fprintf(b, " # TODO %s", tapText(r.Expected))
	case groupOf(r) == skipped:
		fmt.Fprintf(b, " # SKIP %v: %s", r.Verdict, tapText(r.Reason))
	}
	b.WriteByte('\n')
	if Status(r) == conform.VerdictPass.String() {
		return
	}
	b.WriteString("  ---\n")
	field := func(key, value string) {
		// A JSON string is also a YAML string.
		quoted, _ := json.Marshal(value)
		fmt.Fprintf(b, "  %s: %s\n", key, quoted)
	}
	field("level", r.Case.Level.String())
	field("verdict", r.Verdict.String())
	field("reason", reasonOf(r))
	fmt.Fprintf(b, "  duration_ms: %.3f\n", milliseconds(r.Duration))
	if lines := transcriptLines(r); len(lines) > 0 {
		b.WriteString("  transcript: |2\n")
		for _, line := range lines {
			b.WriteString(strings.TrimRight("    "+line, " ") + "\n")
		}
	}
	b.WriteString("  ...\n")
}

// tapText escapes "#", which begins a directive of TAP.
func tapText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `#`, `\#`).Replace(oneLine(s))
}
