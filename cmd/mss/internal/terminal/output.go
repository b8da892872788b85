package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Stdio holds the standard files: data goes to Out, everything else to Err. Its writers
// must not be nil; the zero value of the other fields is output without colours.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
	OutColor bool // Out is coloured
	JSON     bool // each line of Err is a document

	errColor bool
}

// SetColor decides which outputs are coloured: both with "always", none with "never", and
// with "auto" those that are terminals, unless NO_COLOR is set or TERM is dumb. It
// returns a usage error for other modes.
func (s *Stdio) SetColor(mode string, getenv func(string) string) error {
	plain := getenv("NO_COLOR") != "" || getenv("TERM") == "dumb"
	switch mode {
	case "auto":
		s.OutColor = !plain && isTerminal(s.Out)
		s.errColor = !plain && isTerminal(s.Err)
	case "always", "never":
		s.OutColor = mode == "always"
		s.errColor = s.OutColor
	default:
		return exit.Usagef("--color %q: it is auto, always or never", mode)
	}
	return nil
}

// isTerminal reports whether w is a file that is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// The colours for [Paint], as the terminal's own palette has them.
const (
	Red    = "31"
	Green  = "32"
	Yellow = "33"
	Cyan   = "36"
	faint  = "2"
)

// Paint returns text in a colour if on is set.
func Paint(on bool, color, text string) string {
	if !on || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// PrintError writes a message of one or more lines, each of which begins with
// "mss: ". Control characters, which can be those of a peer, are escaped.
func (s *Stdio) PrintError(text string) {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		line = escapeControls(strings.TrimRight(strings.ReplaceAll(line, "\t", "    "), "\n "))
		if line != "" {
			fmt.Fprintf(&b, "%s %s\n", Paint(s.errColor, Red, "mss:"), line)
		}
	}
	io.WriteString(s.Err, b.String())
}

// escapeControls replaces the control characters in a line, such as those that move the cursor of
// a terminal, by their escapes in Go.
func escapeControls(line string) string {
	var b strings.Builder
	for _, r := range line {
		if unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// WriteJSON writes one indented document.
func WriteJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return exit.AsLocal("writing JSON", e.Encode(document))
}
