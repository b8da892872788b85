package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

func TestSetColor(t *testing.T) {
	unset := func(string) string { return "" }
	s := &Stdio{Out: io.Discard, Err: io.Discard}
	if s.SetColor("auto", unset); s.OutColor || s.errColor {
		t.Error("auto: colour, but no terminal")
	}
	if s.SetColor("always", func(string) string { return "1" }); !s.OutColor || !s.errColor {
		t.Error("always: no colour")
	}
	if s.SetColor("never", unset); s.OutColor || s.errColor {
		t.Error("never: colour")
	}
	if err := s.SetColor("mauve", unset); exit.Code(err) != exit.Usage {
		t.Errorf("mauve: %v", err)
	}
}

func TestIsTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if isTerminal(null) || isTerminal(new(bytes.Buffer)) {
		t.Error("a file and a buffer are terminals")
	}
}

// Each line of a message begins with the name of the tool, and none is empty.
func TestPrintError(t *testing.T) {
	for in, want := range map[string]string{
		"one":              "mss: one\n",
		"one\n":            "mss: one\n",
		"one\n\n two\n":    "mss: one\nmss:  two\n",
		"a\tb  \n":         "mss: a    b\n",
		"\x1b[2J\rü\u009b": "mss: \\x1b[2J\\rü\\u009b\n",
		"":                 "",
	} {
		var b bytes.Buffer
		if (&Stdio{Err: &b}).PrintError(in); b.String() != want {
			t.Errorf("PrintError(%q) writes %q, want %q", in, &b, want)
		}
	}
	var b bytes.Buffer
	if (&Stdio{Err: &b, errColor: true}).PrintError("one"); b.String() != "\x1b[31mmss:\x1b[0m one\n" {
		t.Errorf("in colour: %q", &b)
	}
}

// failing is a writer whose file is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestJSON(t *testing.T) {
	document := struct {
		Name string `json:"name"`
	}{"<a> & \x1b"}
	var b bytes.Buffer
	if err := WriteJSON(&b, document); err != nil || b.String() != "{\n  \"name\": \"<a> & \\u001b\"\n}\n" {
		t.Errorf("%q, %v", &b, err)
	}
	b.Reset()
	if err := (&Stdio{Err: &b}).PrintLine(document); err != nil || b.String() != "{\"name\":\"<a> & \\u001b\"}\n" {
		t.Errorf("%q, %v", &b, err)
	}
	for _, err := range []error{WriteJSON(failing{}, document), (&Stdio{Err: failing{}}).PrintLine(document)} {
		if exit.Code(err) != exit.Local || !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a full file: %v", err)
		}
	}
}

// Lines are passed on one by one, however they arrive; a long one in pieces.
func TestLineWriter(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct{ writes, want []string }{
		{[]string{"one\ntwo\n"}, []string{"one", "two"}},
		{[]string{"o", "ne", "\n", "\n"}, []string{"one", ""}},
		{[]string{"last"}, []string{"last"}},
		{[]string{}, nil},
		{[]string{long, "y", "z\n"}, []string{long + "y", "z"}},
	} {
		var got []string
		w := &LineWriter{Line: func(text string) { got = append(got, text) }}
		for _, p := range c.writes {
			if n, err := io.WriteString(w, p); n != len(p) || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		}
		w.Flush()
		w.Flush() // there is nothing left
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%.60q: got %.60q, want %.60q", c.writes, got, c.want)
		}
	}
}

// A transcript is written as it is, or each line in its colour.
func TestTranscriptWriter(t *testing.T) {
	lines := "> /a\n< na\n  < /b\n# /c\n<! \"x\"\n"
	var b bytes.Buffer
	s := &Stdio{Err: &b}
	if io.WriteString(s.TranscriptWriter(), lines); b.String() != lines {
		t.Errorf("got %q", &b)
	}
	b.Reset()
	s.errColor = true
	n, err := io.WriteString(s.TranscriptWriter(), lines)
	want := "\x1b[36m> /a\x1b[0m\n\x1b[33m< na\x1b[0m\n\x1b[32m  < /b\x1b[0m\n\x1b[2m# /c\x1b[0m\n\x1b[31m<! \"x\"\x1b[0m\n"
	if b.String() != want || n != len(lines) || err != nil {
		t.Errorf("got %q, %d, %v; want %q", &b, n, err, want)
	}
	if _, err := io.WriteString(arrows{failing{}}, lines); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full file: %v", err)
	}
}

func TestIndent(t *testing.T) {
	var b bytes.Buffer
	w := Indent(&b, 2)
	if n, err := io.WriteString(w, "> /a\n< /a\n"); n != 10 || err != nil || b.String() != "    > /a\n    < /a\n" {
		t.Errorf("%d, %v: %q", n, err, &b)
	}
	if Indent(&b, 0) != io.Writer(&b) || Indent(io.Discard, 3) != io.Discard {
		t.Error("a writer that needs no margin is wrapped")
	}
	if _, err := io.WriteString(Indent(failing{}, 1), "x\n"); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full file: %v", err)
	}
}

// The status line is erased before it is written again, and is shown on terminals only.
func TestStatusLine(t *testing.T) {
	var b bytes.Buffer
	shown := StatusLine{&b}
	shown.Show("%d of %d", 1, 2)
	shown.Clear()
	if want := "\r\x1b[K1 of 2\r\x1b[K"; b.String() != want {
		t.Errorf("got %q, want %q", &b, want)
	}
	b.Reset()
	hidden := (&Stdio{Err: &b}).StatusLine()
	hidden.Show("x")
	hidden.Clear()
	if b.Len() > 0 {
		t.Errorf("without a terminal: %q", &b)
	}
}
