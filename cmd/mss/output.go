package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
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

// finish reports err on standard error and returns the exit code.
func (s *stdio) finish(err error) int {
	if err == nil {
		return exitOK
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		// The verbs return failures; other errors are cobra's: the command line,
		// or a completion script that could not be written.
		f = &failure{code: exitUsage, err: err}
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			f.code = exitLocal
		}
	}
	switch {
	case f.told:
	case s.json && f.code != exitUsage:
		s.printLine(event{Event: "error", Error: f.Error(), ExitCode: f.code})
	default:
		s.printError(f.Error())
	}
	return f.code
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

// arrows colours the lines of a transcript on their way to w.
type arrows struct{ w io.Writer }

func (a arrows) Write(p []byte) (int, error) {
	var b bytes.Buffer
	for line := range bytes.Lines(p) {
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteString(paint(true, arrowColor(text), text))
		b.WriteByte('\n')
	}
	if _, err := a.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func arrowColor(line string) string {
	line = strings.TrimLeft(line, " ")
	switch {
	case strings.HasPrefix(line, ">!"), strings.HasPrefix(line, "<!"):
		return red
	case line == "< na":
		return yellow
	case strings.HasPrefix(line, ">"):
		return cyan
	case strings.HasPrefix(line, "#"):
		return faint
	}
	return green
}

// transcriptWriter returns the writer for live transcripts.
func (s *stdio) transcriptWriter() io.Writer {
	if s.errColor {
		return arrows{s.err}
	}
	return s.err
}
