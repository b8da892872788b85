package internal_test

import (
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	// A cached result of the test must not outlive a change of the packages.
	_ "github.com/multiselect/multiselect/cmd/mss/internal/load"
	_ "github.com/multiselect/multiselect/cmd/mss/internal/serving"
)

// The packages import each other as the comment of package internal draws it, and all
// arrows point down.
func TestArrows(t *testing.T) {
	above, drawn := drawing(t)
	imported := make(map[string][]string)
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "../...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		paths := strings.Fields(line)
		from := name(paths[0])
		imported[from] = nil
		for _, to := range paths[1:] {
			if strings.Contains(to, "/cmd/mss/internal/") {
				imported[from] = append(imported[from], name(to))
			}
		}
	}
	delete(imported, "internal") // the package of the comment
	for from, to := range imported {
		want, ok := drawn[from]
		slices.Sort(want)
		slices.Sort(to)
		if !ok || !slices.Equal(to, want) {
			t.Errorf("%s imports %q; drawn (%v) is %q", from, to, ok, want)
		}
		for _, other := range to {
			if slices.Index(above, other) <= slices.Index(above, from) {
				t.Errorf("the arrow from %s to %s points up", from, other)
			}
		}
	}
	if len(imported) != len(above) {
		t.Errorf("%d packages, and %d are drawn", len(imported), len(above))
	}
}

// name returns the last element of an import path, and "main" for the command.
func name(importPath string) string {
	if last := path.Base(importPath); last != "mss" {
		return last
	}
	return "main"
}

// drawing reads the arrows of doc.go: the packages from top to bottom, and what each of
// them imports.
func drawing(t *testing.T) (above []string, drawn map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	drawn = make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		from, to, ok := strings.Cut(strings.TrimPrefix(line, "//"), "→")
		if !ok {
			continue
		}
		from = strings.TrimSpace(from)
		above = append(above, from)
		drawn[from] = strings.Fields(to)
	}
	if len(above) == 0 {
		t.Fatal("doc.go draws no arrows")
	}
	return above, drawn
}
