package report

import (
	"bufio"
	"fmt"
	"html"
	"io"
)

// htmlWriter writes HTML.
//
// It replaces package html/template, whose methods are found by their names: a program
// that contains it keeps all exported methods of all types, which made mss 4 MB larger.
// Errors are returned by Flush.
type htmlWriter struct{ *bufio.Writer }

// markup is HTML. In the arguments of printf it is not escaped.
type markup string

// when returns m if condition holds.
func when(condition bool, m markup) markup {
	if condition {
		return m
	}
	return ""
}

func newHTMLWriter(w io.Writer) *htmlWriter { return &htmlWriter{bufio.NewWriter(w)} }

// printf formats as package fmt does. Its arguments are strings, which it escapes, numbers,
// or markup. Those in attributes must stand in double quotes.
func (w *htmlWriter) printf(format string, args ...any) {
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = html.EscapeString(text)
		}
	}
	fmt.Fprintf(w, format, args...)
}

// print writes markup.
func (w *htmlWriter) print(m markup) { w.WriteString(string(m)) }
