package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/multiselect/multiselect/conform"
	reports "github.com/multiselect/multiselect/conform/report"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// conformOutput writes the reports of a run. The files are created before the
// run, so that a wrong path fails before it.
type conformOutput struct {
	flags       *conformFlags
	stdio       *terminal.Stdio
	party       string
	html, junit *os.File // nil if not asked for, or written
	err         error    // the first error of standard output
}

func (f *conformFlags) open(s *terminal.Stdio, party string) (*conformOutput, error) {
	out := &conformOutput{flags: f, stdio: s, party: party}
	var err error
	create := func(path string) *os.File {
		if path == "" || err != nil {
			return nil
		}
		var file *os.File
		if file, err = os.Create(path); err != nil {
			return nil
		}
		return file
	}
	out.html = create(f.html)
	out.junit = create(f.junit)
	if err != nil {
		out.drop()
	}
	return out, exit.AsLocal("report", err)
}

// drop removes the files that were not written.
func (o *conformOutput) drop() {
	for _, file := range []*os.File{o.html, o.junit} {
		if file == nil {
			continue
		}
		info, err := os.Lstat(file.Name())
		file.Close()
		if err == nil && info.Mode().IsRegular() { // and no device
			os.Remove(file.Name())
		}
	}
}

// observe writes the result of a case, if the report is text.
func (o *conformOutput) observe(r *conform.Result) {
	if o.flags.json || o.flags.tap || o.err != nil {
		return
	}
	var b bytes.Buffer
	reports.TextResult(&b, r, o.flags.verbose)
	text := b.String()
	if o.stdio.OutColor {
		text = paintResult(r, text)
	}
	_, o.err = io.WriteString(o.stdio.Out, text)
}

// finish writes the reports on the whole run.
func (o *conformOutput) finish(r *conform.Report) error {
	if o.err != nil {
		return exit.AsLocal("standard output", o.err)
	}
	var err error
	switch {
	case o.flags.json:
		err = reports.JSON(o.stdio.Out, o.party, r)
	case o.flags.tap:
		if err = reports.TAP(o.stdio.Out, r); err == nil {
			_, err = fmt.Fprintln(o.stdio.Out, reports.Summary(r))
		}
	default:
		err = reports.TextSummary(o.stdio.Out, r)
	}
	if err != nil {
		return exit.AsLocal("standard output", err)
	}
	if err := writeReport(&o.html, func(w io.Writer) error { return reports.HTML(w, o.party, r) }); err != nil {
		return err
	}
	return writeReport(&o.junit, func(w io.Writer) error { return reports.JUnit(w, o.party, r) })
}

// writeReport writes a file and closes it, if there is one.
func writeReport(file **os.File, write func(io.Writer) error) error {
	if *file == nil {
		return nil
	}
	err := write(*file)
	if closing := (*file).Close(); err == nil {
		err = closing
	}
	*file = nil
	return exit.AsLocal("report", err)
}

// paintResult colours the verdict at the start of the text, and its transcript.
func paintResult(r *conform.Result, text string) string {
	color := map[conform.Verdict]string{
		conform.VerdictPass: terminal.Green, conform.VerdictInfo: terminal.Cyan, conform.VerdictWarn: terminal.Yellow, conform.VerdictFail: terminal.Red, conform.VerdictError: terminal.Red,
	}[r.Verdict]
	if r.Bad() {
		color = terminal.Red
	}
	first, rest, _ := strings.Cut(text, "\n")
	verdict, title, _ := strings.Cut(first, "  ")
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", terminal.Paint(color != "", color, verdict), title)
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		if message, ok := strings.CutPrefix(line, "    | "); ok {
			line = "    | " + terminal.PaintMessage(message)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// progress shows on a terminal which case is being played.
type progress struct {
	line     terminal.StatusLine
	n, total int
}

func newProgress(s *terminal.Stdio, total int) *progress {
	p := &progress{total: total}
	if os.Getenv("TERM") != "dumb" {
		p.line = s.StatusLine()
	}
	return p
}

func (p *progress) started(c *conform.Case) {
	p.n++
	p.line.Show("[%d/%d] %s", p.n, p.total, c.ID)
}

// clear erases the line before another one is written.
func (p *progress) clear() { p.line.Clear() }
