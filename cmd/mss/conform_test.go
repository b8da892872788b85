package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/conform"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// A run that is interrupted says what it has found so far, in all reports.
func TestConformInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exit.ErrInterrupted)
	page := filepath.Join(t.TempDir(), "page.html")
	var out, stderr bytes.Buffer
	s := &terminal.Stdio{In: strings.NewReader(""), Out: &out, Err: &stderr}
	root := newRoot(s)
	root.SetArgs([]string{"conform", "responder", "--json", "--html", page, "R10-empty", "R10-slash"})
	if code := finish(s, root.ExecuteContext(ctx)); code != exit.Interrupted {
		t.Errorf("exit code %d, want %d: %s", code, exit.Interrupted, &stderr)
	}
	var doc struct {
		Summary string
		Results []struct{ Verdict, Reason string }
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	if doc.Summary != "0 passed, 0 failed, 2 skipped" || !strings.Contains(doc.Results[0].Reason, "interrupted") {
		t.Errorf("document %+v", doc)
	}
	if text, err := os.ReadFile(page); err != nil || !bytes.Contains(text, []byte(doc.Summary)) {
		t.Errorf("the page: %v", err)
	}
}

// Progress is shown on terminals only, and is erased.
func TestConformProgress(t *testing.T) {
	var b bytes.Buffer
	c := &conform.Case{ID: "R10-empty"}
	nobody := newProgress(&terminal.Stdio{Err: &b}, 2)
	nobody.started(c)
	nobody.clear()
	if b.Len() > 0 {
		t.Errorf("without a terminal: %q", &b)
	}
	somebody := &progress{line: terminal.StatusLine{W: &b}, total: 2}
	somebody.started(c)
	somebody.clear()
	if want := "\r\x1b[K[1/2] R10-empty\r\x1b[K"; b.String() != want {
		t.Errorf("on a terminal: %q, want %q", &b, want)
	}
}

// A report that cannot be written takes no device along.
func TestReportIsNoFile(t *testing.T) {
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Skip(err)
	}
	out, err := (&conformFlags{html: link}).open(new(terminal.Stdio), "nobody")
	if err != nil {
		t.Fatal(err)
	}
	out.drop()
	if _, err := os.Lstat(link); err != nil {
		t.Error(err)
	}
}
