package terminal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
)

// QuoteName returns a name as a transcript writes it: bare, or quoted if it could
// be misread or could change what a terminal shows.
func QuoteName(name string) string {
	line := transcript.Transcript{{From: multiselect.Initiator, Kind: transcript.KindMessage, Text: name}}.String()
	return strings.TrimSuffix(strings.TrimPrefix(line, "> "), "\n")
}

// QuoteNames returns names within a sentence, separated by commas.
func QuoteNames(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = QuoteInList(name)
	}
	return strings.Join(shown, ", ")
}

// QuoteInList is QuoteName for a name within a sentence: it also quotes names with
// commas or blanks.
func QuoteInList(name string) string {
	if shown := QuoteName(name); shown != name || !strings.ContainsAny(name, ", \t") {
		return shown
	}
	return strconv.Quote(name)
}

// QuoteBytes quotes bytes that the other end sent in place of a message, 120 at most.
func QuoteBytes(text string) string { return fmt.Sprintf("%.120q", text) }

// SummarizeNames returns at most twelve names within a sentence, and the number of the
// others. The hint tells how to see them.
func SummarizeNames(names []string, hint string) string {
	const maxShown = 12
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > maxShown:
		return fmt.Sprintf("%s and %d more%s", QuoteNames(names[:maxShown]), len(names)-maxShown, hint)
	}
	return QuoteNames(names)
}

// CountBytes returns a number of bytes in words.
func CountBytes(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// QuoteForShell returns text as one word of a POSIX shell, so that a suggested
// command is safe to run even if a peer chose the name. It returns "" for text
// that cannot be shown on one line.
func QuoteForShell(text string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/.:_+-,@%[]", r)
	}
	switch {
	case strings.HasPrefix(text, "-") || QuoteName(text) != text:
		return ""
	case strings.ContainsFunc(text, func(r rune) bool { return !safe(r) }):
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}
