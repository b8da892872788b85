package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/multiselect/multiselect/conform"
)

// scene is what all tests look at: the peers are started and played with once.
type scene struct {
	*field
	results
}

var (
	staged scene
	stage  = sync.OnceValue(func() (err error) {
		if staged.field, err = newField(peers); err != nil {
			return err
		}
		staged.results, err = observe(staged.players)
		return err
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	if staged.field != nil {
		if err := staged.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// look returns what was seen. Peers that cannot be built here are counted and
// named; in CI there must be none.
func look(t *testing.T) *scene {
	t.Helper()
	if err := stage(); err != nil {
		t.Fatal(err)
	}
	s := &staged
	if len(s.skipped) > 0 {
		t.Logf("%d of %d peers skipped: %v", len(s.skipped), len(peers), s.skipped)
		if os.Getenv("CI") == "true" {
			t.Fatal("in CI no peer is skipped")
		}
	}
	return s
}

// TestMatrix lets every peer talk to every other in both roles.
func TestMatrix(t *testing.T) {
	s := look(t)
	for _, wrong := range s.unexplained {
		t.Error(wrong)
	}
	count := map[state]int{}
	for _, c := range s.cells {
		count[c.State]++
	}
	if want := len(s.players) * len(s.players) * len(scenarios); len(s.cells) != want {
		t.Errorf("%d cells, want %d", len(s.cells), want)
	}
	t.Logf("%d peers, %d scenarios, %d cells: %v", len(s.players), len(scenarios), len(s.cells), count)
}

// TestSuite holds the conformance suite against every peer in both roles.
func TestSuite(t *testing.T) {
	s := look(t)
	for _, wrong := range bad(s.verdicts) {
		t.Error(wrong)
	}
	for _, v := range s.verdicts {
		want := len(conform.Cases(v.role))
		if have := len(v.report.Results); have != want || have == 0 {
			t.Errorf("%s as %v: %d cases, want all %d", v.peer, v.role, have, want)
		}
		count := map[string]int{}
		for _, r := range v.report.Results {
			count[r.Verdict.String()]++
		}
		t.Logf("%s as %v: %v", v.peer, v.role, count)
		if v.report.Count(conform.VerdictPass) == 0 {
			t.Errorf("%s as %v passes nothing: is it there?", v.peer, v.role)
		}
	}
}

// TestDocument fails when docs/conformance.md is not what was seen.
func TestDocument(t *testing.T) {
	s := look(t)
	if len(s.skipped) > 0 {
		t.Skip("the document needs all peers")
	}
	have, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	if comparable(string(have)) != comparable(s.document()) {
		t.Error("docs/conformance.md is not up to date: GOWORK=off go run .")
	}
}

// comparable leaves out what was said in failed cases: it comes in other pieces
// each time, and a reset takes some of it away.
func comparable(document string) string {
	return regexp.MustCompile(`(?m)^      [<>] .*\n`).ReplaceAllString(document, "")
}

// TestVersions: the table of peers says what is pinned.
func TestVersions(t *testing.T) {
	for _, pin := range []struct{ peer, file, line string }{
		{"go-multistream", "go.mod", "github.com/multiformats/go-multistream v"},
		{"go-libp2p", "go.mod", "github.com/libp2p/go-libp2p v"},
		{"rust", "program/rust/Cargo.toml", `multistream-select = "=`},
		{"js", "program/js/package.json", `"@libp2p/multistream-select": "`},
		{"python", "program/python/requirements.txt", "libp2p=="},
	} {
		text, err := os.ReadFile(filepath.FromSlash(pin.file))
		if err != nil {
			t.Fatal(err)
		}
		found, err := find(pin.peer)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(text), pin.line)
		version := rest[:strings.IndexAny(rest, "\",\n")]
		if !ok || !strings.Contains(found[0].library, " "+version) {
			t.Errorf("%s is %s in the table, and %q in %s", pin.peer, found[0].library, version, pin.file)
		}
	}
}
