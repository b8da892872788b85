package terminal

import (
	"bytes"
	"io"
	"strings"
)

// TranscriptWriter returns the writer for live transcripts: standard error, coloured if
// that is. Each Write must consist of whole lines.
func (s *Stdio) TranscriptWriter() io.Writer {
	if s.errColor {
		return arrows{s.Err}
	}
	return s.Err
}

// arrows colours the lines of a transcript on their way to w.
type arrows struct{ w io.Writer }

func (a arrows) Write(p []byte) (int, error) {
	var b bytes.Buffer
	for line := range bytes.Lines(p) {
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteString(PaintMessage(text))
		b.WriteByte('\n')
	}
	if _, err := a.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// PaintMessage colours a line of a transcript.
func PaintMessage(line string) string { return Paint(true, arrowColor(line), line) }

func arrowColor(line string) string {
	line = strings.TrimLeft(line, " ")
	switch {
	case strings.HasPrefix(line, ">!"), strings.HasPrefix(line, "<!"):
		return Red
	case line == "< na":
		return Yellow
	case strings.HasPrefix(line, ">"):
		return Cyan
	case strings.HasPrefix(line, "#"):
		return faint
	}
	return Green
}
