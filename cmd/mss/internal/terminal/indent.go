package terminal

import (
	"bytes"
	"io"
	"strings"
)

// Indent returns a writer that indents the lines written to w. Each Write must
// consist of whole lines.
func Indent(w io.Writer, level int) io.Writer {
	if level == 0 || w == io.Discard {
		return w
	}
	return indented{w, strings.Repeat("  ", level)}
}

type indented struct {
	w      io.Writer
	margin string
}

func (i indented) Write(p []byte) (int, error) {
	var b bytes.Buffer
	for line := range bytes.Lines(p) {
		b.WriteString(i.margin)
		b.Write(line)
	}
	if _, err := i.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
