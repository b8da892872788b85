package main

import (
	"bytes"
	"os"
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
	./cmd
)
-- go.mod --
module example.org/m

go 1.26.0
-- a.go --
package m

import (
	"io"

	"example.org/m/internal/hidden"
)

const (
	C      = 1
	D Kind = 7
	hidden_ = 2
)

type Kind int

var ErrX error

func F(n int, more ...string) (sum int, err error) { return }

func G[T any](t T) {}

type S struct {
	A int
	b int
	Embedded
	Do func(name string) error
}

type Embedded struct{}

func (Embedded) Promoted(x int) {}
func (*S) Pointer(r io.Reader) {}
func (S) Value() {}
func (S) hidden() {}

type I interface {
	M(name string) int
	private()
}

type Pair[K comparable] struct{ Key K }

type Alias = hidden.T
-- b/b.go --
package b

func B() {}
-- internal/hidden/hidden.go --
package hidden

type T struct{ X int }
-- cmd/go.mod --
module example.org/m/cmd

go 1.26.0
-- cmd/main.go --
package main

func Exported() {}

func main() {}
`

const listed = `pkg example.org/m, const C untyped int = 1
pkg example.org/m, const D Kind = 7
pkg example.org/m, func F(int, ...string) (int, error)
pkg example.org/m, func G[T any](t T)
pkg example.org/m, method (*S) Pointer(io.Reader)
pkg example.org/m, method (Embedded) Promoted(int)
pkg example.org/m, method (S) Promoted(int)
pkg example.org/m, method (S) Value()
pkg example.org/m, type Alias = example.org/m/internal/hidden.T
pkg example.org/m, type Embedded struct
pkg example.org/m, type I interface
pkg example.org/m, type I interface, M(string) int
pkg example.org/m, type I interface, an unexported method
pkg example.org/m, type Kind int
pkg example.org/m, type Pair[K comparable] struct
pkg example.org/m, type Pair[K comparable] struct, Key K
pkg example.org/m, type S struct
pkg example.org/m, type S struct, A int
pkg example.org/m, type S struct, Do func(string) error
pkg example.org/m, type S struct, embedded Embedded
pkg example.org/m, var ErrX error
pkg example.org/m/b, func B()
`

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(checkout)).Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	list := filepath.Join(dir, "docs", "api", "m.txt")

	check := func(wantStatus int, wantOut string, args ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if status := run(append(args, dir), &stdout, &stderr); status != wantStatus || stdout.String() != wantOut {
			t.Errorf("%q: exit status %d, want %d: %s%s", args, status, wantStatus, &stdout, &stderr)
		}
	}
	plus := "+ " + strings.ReplaceAll(strings.TrimSuffix(listed, "\n"), "\n", "\n+ ") + "\n"
	check(1, plus)
	check(0, "", "-update")
	check(0, "")
	if text, err := os.ReadFile(list); err != nil || string(text) != listed {
		t.Errorf("%v\n%s", err, text)
	}
	if others, err := filepath.Glob(filepath.Join(dir, "docs", "api", "*")); err != nil || len(others) != 1 {
		t.Errorf("a command has a list: %v, %v", others, err)
	}

	write(t, filepath.Join(dir, "b", "b.go"), "package b\n\nfunc B(int) {}\n")
	check(1, "- pkg example.org/m/b, func B()\n+ pkg example.org/m/b, func B(int)\n")
	write(t, filepath.Join(dir, "b", "b.go"), "package b\n\nfunc B(undefined) {}\n")
	check(2, "")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
