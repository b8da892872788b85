package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// An error is reported once, as text or as a document, and decides the exit code.
func TestFinish(t *testing.T) {
	timeout := &exit.Error{Code: exit.Timeout, Err: errors.New("too late")}
	for _, c := range []struct {
		name       string
		err        error
		code       int
		text, json string
	}{
		{"nothing", nil, exit.OK, "", ""},
		{"a failure", timeout, exit.Timeout, "mss: too late\n", `{"event":"error","error":"too late","exit_code":4}` + "\n"},
		{"a wrapped one", fmt.Errorf("dial: %w", timeout), exit.Timeout, "mss: too late\n", `{"event":"error","error":"too late","exit_code":4}` + "\n"},
		{"one that was told", &exit.Error{Code: exit.Refused, Err: io.EOF, Told: true}, exit.Refused, "", ""},
		{"a usage error", exit.Usagef("one\ntwo"), exit.Usage, "mss: one\nmss: two\n", "mss: one\nmss: two\n"},
		{"cobra's", errors.New("unknown command"), exit.Usage, "mss: unknown command\n", "mss: unknown command\n"},
		{"cobra's with a file", &fs.PathError{Op: "write", Path: "/x", Err: fs.ErrPermission}, exit.Local, "mss: write /x: permission denied\n", `{"event":"error","error":"write /x: permission denied","exit_code":8}` + "\n"},
	} {
		for _, asJSON := range []bool{false, true} {
			var b bytes.Buffer
			want := c.text
			if asJSON {
				want = c.json
			}
			if code := finish(&terminal.Stdio{Err: &b, JSON: asJSON}, c.err); code != c.code || b.String() != want {
				t.Errorf("%s, JSON %v: exit code %d, %q; want %d, %q", c.name, asJSON, code, &b, c.code, want)
			}
		}
	}
}

// A panic is a bug of mss, and is reported as one.
func TestRunPanics(t *testing.T) {
	var b bytes.Buffer
	code := run([]string{"version"}, &terminal.Stdio{In: nil, Out: panicking{}, Err: &b})
	if code != exit.Internal || !bytes.HasPrefix(b.Bytes(), []byte("mss: internal error: out of order\n")) {
		t.Errorf("exit code %d: %s", code, &b)
	}
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("out of order") }
