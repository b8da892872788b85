package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

const checkout = `
-- go.mod --
module example.org/m

go 1.26
-- a.go --
package m

import _ "example.org/m/internal/used"
-- a_test.go --
package m

import _ "example.org/m/internal/helper"
-- b.go --
package m
-- testdata/c.go --
package c

import _ "example.org/m/internal/helper"
-- wire/wire.go --
package wire
-- transcript/transcript.go --
package transcript
-- netmux/netmux.go --
package netmux

import _ "example.org/m/internal/other"
-- cmd/tool/go.mod --
module example.org/m/cmd/tool
-- cmd/tool/main.go --
package main

import (
	_ "example.org/m"
	_ "example.org/m/internal/tool/deep"
	_ "example.org/major"
)
-- internal/used/used.go --
package used

import _ "example.org/m/internal/indirect"
-- internal/indirect/indirect.go --
package indirect

var X = 1
-- internal/other/other.go --
package other
-- internal/tool/deep/deep.go --
package deep
-- internal/helper/helper.go --
package helper

import _ "example.org/m/internal/helped"
-- internal/helped/helped.go --
package helped
-- internal/apitest/apitest.go --
package apitest

import _ "example.org/m/internal/helper"
-- interop/interop.go --
package interop

import _ "example.org/m/internal/helper"
-- tools/x/x.go --
package main

import _ "example.org/m/internal/helper"
`

const counted = `      4  .
     (3) internal/apitest
     (1) internal/helped
     (3) internal/helper
      3  internal/indirect
      1  internal/other
     (1) internal/tool/deep
      3  internal/used
      1  transcript
      1  wire
`

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(checkout)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		max    string
		status int
		stdout string
		stderr string
	}{
		{"13", 0, counted + "     13  of at most 13\n", ""},
		{"12", 1, counted + "     13  of at most 12\n", "lines: 13 lines are above the limit of 12\n"},
	}
	for _, test := range tests {
		t.Run(test.max, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if status := run([]string{"-max", test.max, dir}, &stdout, &stderr); status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if stdout.String() != test.stdout || stderr.String() != test.stderr {
				t.Errorf("got\n%s%swant\n%s%s", stdout.String(), stderr.String(), test.stdout, test.stderr)
			}
		})
	}
}

// A folder that is no checkout is an error, and so is one without a package.
func TestRunNeedsCheckout(t *testing.T) {
	without := t.TempDir()
	if err := os.WriteFile(filepath.Join(without, "go.mod"), []byte("module m\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{t.TempDir(), without} {
		var stdout, stderr bytes.Buffer
		if status := run([]string{dir}, &stdout, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("exit status %d, want 2: %s%s", status, stdout.Bytes(), stderr.Bytes())
		}
	}
}
