package terminal

import (
	"fmt"
	"io"
)

// StatusLine is the last line of a terminal, which shows how far a run has come. Its
// methods must not be called concurrently.
type StatusLine struct {
	W io.Writer // nil if there is no terminal: then nothing is written
}

// StatusLine returns the status line of standard error.
func (s *Stdio) StatusLine() StatusLine {
	if isTerminal(s.Err) {
		return StatusLine{s.Err}
	}
	return StatusLine{}
}

// Show replaces the text of the line.
func (l StatusLine) Show(format string, args ...any) {
	if l.W != nil {
		fmt.Fprintf(l.W, "\r\x1b[K"+format, args...)
	}
}

// Clear erases the line. It must be called before other text is written.
func (l StatusLine) Clear() { l.Show("") }
