package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	mit, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a/LICENSE":      string(mit),
		"a/NOTICE":       "written by A\n",
		"a/license.go":   "package a",
		"a/in/COPYING":   strings.ReplaceAll(string(mit), "\n", "\r\n"),
		"b/LICENSE.md":   "All rights reserved: ask us first.",
		"c/README":       "no licence",
		"d/LICENSE":      "MIT, see https://opensource.org/licenses/MIT\nSPDX-License-Identifier: Apache-2.0 OR MIT\n",
		"e/LICENCE.txt":  string(mit),
		"e/LICENSE-2020": "see LICENCE.txt",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	for _, tc := range []struct {
		folders, names, err string
	}{
		{"a a/in", "MIT notice", ""},
		{"b", "", "m v1.0.0 has no licence that is known"},
		{"c", "", "m v1.0.0 has no licence that is known"},
		{"d", "Apache-2.0 OR MIT", ""},
		{"e", "MIT notice", ""},
	} {
		var folders []string
		for name := range strings.FieldsSeq(tc.folders) {
			folders = append(folders, filepath.Join(dir, name))
		}
		texts := make(map[string]*text)
		if err := read(texts, "m v1.0.0", folders); (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
			t.Errorf("%s: error %v, want %q", tc.folders, err, tc.err)
			continue
		}
		if tc.err != "" {
			continue
		}
		var names []string
		for _, want := range strings.SplitAfter(tc.names, "MIT ") {
			names = append(names, strings.TrimSpace(want))
		}
		if len(texts) != len(names) {
			t.Errorf("%s: %d texts, want %q", tc.folders, len(texts), names)
		}
		for _, text := range texts {
			if !strings.Contains(tc.names, text.name) || len(text.modules) != 1 {
				t.Errorf("%s: %q of %q, want one of %q", tc.folders, text.name, text.modules, names)
			}
		}
	}
}

func TestDocument(t *testing.T) {
	got := document([]*text{{"first line\n\n\tsecond", "MIT", []string{"a v1", "b v2"}}})
	if want := "\n## MIT\n\n* a v1\n* b v2\n\n    first line\n\n    \tsecond\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q does not end with %q", got, want)
	}
}

// A command of the standard library alone has the notices of Go.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cmd/mss/go.mod"), "module example.org/m/cmd/mss\n\ngo 1.26.0\n")
	write(t, filepath.Join(dir, "cmd/mss/main.go"), "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n")
	name := filepath.Join(dir, "cmd/mss/NOTICES.md")
	check := func(want int, args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		if status := run(append(args, dir), &stderr, &stderr); status != want {
			t.Errorf("%q: exit status %d, want %d: %s", args, status, want, &stderr)
		}
	}
	check(2)
	check(0, "-update")
	check(0)
	document, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(document, []byte("\n## BSD-3-Clause\n\n* Go, its runtime")) {
		t.Errorf("%v: %s", err, document)
	}
	write(t, name, string(document)+"\n")
	check(1)
}
