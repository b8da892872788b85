package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

const checkout = `
-- go.work --
go 1.26.0

use (
	.
	./cmd/tool
	./extra
	./internal/suite
)
-- LICENSE --
free
-- go.mod --
module github.com/example/m

go 1.26.0
-- m.go --
package m

const Greeting = "hello from a release"
-- docs/go.mod --
module github.com/example/m/docs
-- CHANGELOG.md --
# Changelog

## [Unreleased]

## [0.1.0] - 2026-11-30

### Added

- Everything.

## [0.0.9] - 2026-11-29
-- extra/go.mod --
module github.com/example/m/extra

go 1.26.0

require github.com/example/m v0.0.0

replace github.com/example/m => ../
-- extra/extra.go --
package extra

import "github.com/example/m"

func Greet() string { return m.Greeting }
-- cmd/tool/go.mod --
module github.com/example/m/cmd/tool

go 1.26.0

require (
	github.com/example/m v0.0.0
	github.com/example/m/extra v0.0.0
)

replace github.com/example/m => ../..

replace github.com/example/m/extra => ../../extra
-- cmd/tool/main.go --
package main

import (
	"fmt"

	"github.com/example/m"
	"github.com/example/m/extra"
)

func main() { fmt.Println(extra.Greet() == m.Greeting, m.Greeting) }
-- internal/suite/go.mod --
module github.com/example/m/internal/suite

go 1.26.0

require github.com/example/m v0.0.0

replace github.com/example/m => ../..
-- internal/suite/suite.go --
package suite
`

// clone returns a repository with the checkout, committed.
func clone(t *testing.T) string {
	t.Helper()
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
	for _, key := range []string{"GIT_AUTHOR_", "GIT_COMMITTER_"} {
		t.Setenv(key+"NAME", "a maintainer")
		t.Setenv(key+"EMAIL", "maintainer@example.org")
	}
	command(t, dir, "git", "init", "-q", "-b", "main")
	commit(t, dir)
	return dir
}

func command(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}

func commit(t *testing.T, dir string) {
	t.Helper()
	command(t, dir, "git", "add", "-A")
	command(t, dir, "git", "commit", "-q", "--allow-empty", "-m", "a commit")
}

func edit(t *testing.T, dir, name, old, new string) {
	t.Helper()
	name = filepath.Join(dir, name)
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q: %v", name, old, err)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// call runs the command, and fails if its exit status is another.
func call(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	if status := run(args, &o, &e); status != want {
		t.Fatalf("release %q: exit status %d, want %d: %s%s", args, status, want, &o, &e)
	}
	return o.String(), e.String()
}

const tags = "v0.1.0 extra/v0.1.0 cmd/tool/v0.1.0"

// A user of a release that was prepared and tagged gets all of it.
func TestRelease(t *testing.T) {
	dir := clone(t)
	call(t, 0, "-prepare", "v0.1.0", dir)
	commit(t, dir)
	if out, _ := call(t, 0, "-dry-run", "v0.1.0", dir); out != "it would tag "+tags+"\n" {
		t.Errorf("-dry-run prints %q", out)
	}
	if have := command(t, dir, "git", "tag", "--list"); have != "" {
		t.Fatalf("-dry-run creates tags: %s", have)
	}
	if out, _ := call(t, 0, "v0.1.0", dir); out != "git push --atomic origin "+tags+"\n" {
		t.Errorf("it prints %q", out)
	}
	if have := command(t, dir, "git", "tag", "--list"); have != "cmd/tool/v0.1.0\nextra/v0.1.0\nv0.1.0\n" {
		t.Errorf("tags %q", have)
	}
	for _, name := range []string{"go.mod", "internal/suite/go.mod"} {
		if changed := command(t, dir, "git", "diff", "--stat", "HEAD~", "--", name); changed != "" {
			t.Errorf("it has changed %s", name)
		}
	}

	// The go command finds the repository here, and checks every hash in a go.sum.
	user := t.TempDir()
	for key, value := range map[string]string{
		"GOPATH": filepath.Join(user, "go"), "GOMODCACHE": filepath.Join(user, "modules"), "GOBIN": filepath.Join(user, "bin"),
		"GOWORK": "off", "GOPRIVATE": "github.com/example/*", "GOPROXY": "direct", "GOFLAGS": "-modcacherw", "GOVCS": "*:git",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "url." + dir + "/.git.insteadOf",
		"GIT_CONFIG_VALUE_0": "https://github.com/example/m",
	} {
		t.Setenv(key, value)
	}
	command(t, user, "go", "install", "github.com/example/m/cmd/tool@v0.1.0")
	if out := command(t, user, filepath.Join(user, "bin", "tool")); out != "true hello from a release\n" {
		t.Errorf("the tool prints %q", out)
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name    string
		version string
		change  func(t *testing.T, dir string)
		want    []string // on standard error
	}{
		{"not prepared", "v0.1.0", func(*testing.T, string) {}, []string{
			"extra/go.mod: there is a replace of github.com/example/m",
			"cmd/tool/go.mod: there is a replace of github.com/example/m/extra",
			"cmd/tool/go.mod: it requires github.com/example/m/extra v0.0.0, not v0.1.0",
		}},
		{"dirty", "v0.1.0", func(t *testing.T, dir string) {
			call(t, 0, "-prepare", "v0.1.0", dir)
		}, []string{"git sees changes:\n M cmd/tool/go.mod"}},
		{"an old tag", "v0.1.0", func(t *testing.T, dir string) {
			call(t, 0, "-prepare", "v0.1.0", dir)
			commit(t, dir)
			command(t, dir, "git", "tag", "extra/v0.1.0")
		}, []string{"the tag extra/v0.1.0 exists"}},
		{"no section", "v0.2.0", func(t *testing.T, dir string) {
			call(t, 0, "-prepare", "v0.2.0", dir)
			commit(t, dir)
		}, []string{`CHANGELOG.md has no section "## [0.2.0] - YYYY-MM-DD" with content`}},
		{"an empty section", "v0.0.9", func(t *testing.T, dir string) {
			call(t, 0, "-prepare", "v0.0.9", dir)
			commit(t, dir)
		}, []string{`CHANGELOG.md has no section "## [0.0.9] - YYYY-MM-DD" with content`}},
		{"changed after it was prepared", "v0.1.0", func(t *testing.T, dir string) {
			call(t, 0, "-prepare", "v0.1.0", dir)
			edit(t, dir, "m.go", "hello", "good morning")
			commit(t, dir)
		}, []string{"extra/go.mod: go.sum has no line", "cmd/tool/go.mod: go.sum has no line"}},
		{"a toolchain line", "v0.1.0", func(t *testing.T, dir string) {
			call(t, 0, "-prepare", "v0.1.0", dir)
			edit(t, dir, "cmd/tool/go.mod", "go 1.26.0\n", "go 1.26.0\n\ntoolchain go1.27.0\n\nexclude example.org/x v1.0.0\n")
			commit(t, dir)
		}, []string{"cmd/tool/go.mod: there is a toolchain line", "cmd/tool/go.mod: there is an exclude of example.org/x"}},
		{"no version", "0.1.0", func(*testing.T, string) {}, []string{`"0.1.0" is no version such as v0.1.0`}},
		{"another major version", "v2.0.0", func(*testing.T, string) {}, []string{"github.com/example/m"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := clone(t)
			tc.change(t, dir)
			before := command(t, dir, "git", "tag", "--list")
			_, stderr := call(t, 1, tc.version, dir)
			for _, want := range tc.want {
				if !strings.Contains(stderr, "release: "+want) {
					t.Errorf("it does not print %q, but:\n%s", want, stderr)
				}
			}
			if after := command(t, dir, "git", "tag", "--list"); after != before {
				t.Errorf("it creates tags: %s", after)
			}
		})
	}
}

// The checkout of this repository can be prepared.
func TestThisRepository(t *testing.T) {
	dir := t.TempDir()
	command(t, "../..", "git", "clone", "-q", ".", dir)
	call(t, 0, "-prepare", "v0.1.0", dir)
	_, stderr := call(t, 1, "-dry-run", "v0.1.0", dir)
	for _, reason := range []string{"go.mod:", "exists"} {
		if strings.Contains(stderr, reason) {
			t.Errorf("after -prepare:\n%s", stderr)
		}
	}
	if !strings.Contains(stderr, "git sees changes") {
		t.Errorf("it does not refuse uncommitted changes: %s", stderr)
	}
}
