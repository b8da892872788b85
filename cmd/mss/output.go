package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// stdio holds the standard files: data goes to out, everything else to err.
type stdio struct {
	in                 io.Reader
	out, err           io.Writer
	outColor, errColor bool
	json               bool // each line of err is a document
}

// setColor decides which outputs are coloured. With "auto" these are terminals,
// unless NO_COLOR is set or TERM is dumb.
func (s *stdio) setColor(mode string, getenv func(string) string) error {
	plain := getenv("NO_COLOR") != "" || getenv("TERM") == "dumb"
	switch mode {
	case "auto":
		s.outColor = !plain && isTerminal(s.out)
		s.errColor = !plain && isTerminal(s.err)
	case "always", "never":
		s.outColor = mode == "always"
		s.errColor = s.outColor
	default:
		return usagef("--color %q: it is auto, always or never", mode)
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// The colours, as the terminal's own palette has them.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	faint  = "2"
)

func paint(on bool, color, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// printError writes a message of one or more lines, each of which begins with
// "mss: ".
func (s *stdio) printError(text string) {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		line = strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\n ")
		if line != "" {
			fmt.Fprintf(&b, "%s %s\n", paint(s.errColor, red, "mss:"), line)
		}
	}
	io.WriteString(s.err, b.String())
}

// printJSON writes one indented document.
func printJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return local("writing JSON", e.Encode(document))
}

// transcriptWriter returns the writer for live transcripts.
func (s *stdio) transcriptWriter() io.Writer {
	if s.errColor {
		return arrows{s.err}
	}
	return s.err
}
