package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, text := range map[string]string{
		"go.mod":       "module example.org/m\n\ngo 1.26\n",
		".gitignore":   "ignored\n",
		"a.go":         "package m\n",
		"ignored":      "x",
		"b/b.go":       "package b\n",
		"docs/go.mod":  "module example.org/m/docs\n",
		"docs/page.md": "# Page\n",
		"docs/c/c.md":  "# C\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	size := regexp.MustCompile(`(?m)^ *\d+  `)
	for _, tc := range []struct {
		max    string
		status int
		stderr string
	}{
		{"100000", 0, ""},
		{"10", 1, `^archive: \d+ bytes are above the limit of 10\n$`},
	} {
		var stdout, stderr bytes.Buffer
		if status := run([]string{"-v", "-max", tc.max, dir}, &stdout, &stderr); status != tc.status {
			t.Errorf("-max %s: exit status %d, want %d: %s", tc.max, status, tc.status, &stderr)
		}
		if got, want := size.ReplaceAllString(stdout.String(), ""), ".\nb\nof at most "+tc.max+"\n"; got != want {
			t.Errorf("-max %s: %q, want %q", tc.max, got, want)
		}
		if !regexp.MustCompile(tc.stderr).Match(stderr.Bytes()) || tc.stderr == "" && stderr.Len() > 0 {
			t.Errorf("-max %s: stderr %q", tc.max, &stderr)
		}
	}
	var stderr bytes.Buffer
	if status := run([]string{t.TempDir()}, &stderr, &stderr); status != 2 || stderr.Len() == 0 {
		t.Errorf("without a module: exit status %d, %q", status, &stderr)
	}
}
