package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
)

// display returns a name as a transcript writes it: bare, or quoted if it could
// be misread or could change what a terminal shows.
func display(name string) string {
	line := transcript.Transcript{{From: multiselect.Initiator, Kind: transcript.KindMessage, Text: name}}.String()
	return strings.TrimSuffix(strings.TrimPrefix(line, "> "), "\n")
}

func displayAll(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = listed(name)
	}
	return strings.Join(shown, ", ")
}

// listed is display for a name within a sentence: it also quotes names with
// commas or blanks.
func listed(name string) string {
	if shown := display(name); shown != name || !strings.ContainsAny(name, ", \t") {
		return shown
	}
	return strconv.Quote(name)
}

// excerpt quotes the start of text that the other end sent in place of a message.
func excerpt(text string) string { return fmt.Sprintf("%.120q", text) }

// shorten keeps a long list readable. The hint tells how to see the rest.
func shorten(names []string, hint string) string {
	const maxShown = 12
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > maxShown:
		return fmt.Sprintf("%s and %d more%s", displayAll(names[:maxShown]), len(names)-maxShown, hint)
	}
	return displayAll(names)
}

// amount returns a number of bytes in words.
func amount(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// shellQuote returns text as one word of a POSIX shell, so that a suggested
// command is safe to run even if a peer chose the name. It returns "" for text
// that cannot be shown on one line.
func shellQuote(text string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/.:_+-,@%[]", r)
	}
	switch {
	case strings.HasPrefix(text, "-") || display(text) != text:
		return ""
	case strings.ContainsFunc(text, func(r rune) bool { return !safe(r) }):
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}
