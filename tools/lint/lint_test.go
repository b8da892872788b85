package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Each archive is a checkout, its packages and documents as in sample. The comment of
// the archive lists the paths to select; the file "want" is the output.
func TestLint(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	sample := layout{packages: []string{".", "lib/..."}, docs: []string{"README.md", "docs"}}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir, want := unpack(t, archive)
			status := 0
			if want != "" {
				status = 1
			}
			var got, stderr bytes.Buffer
			args := append([]string{dir}, strings.Fields(string(archive.Comment))...)
			if s := run(args, sample, &got, &stderr); s != status {
				t.Errorf("exit status %d, want %d: %s", s, status, stderr.Bytes())
			}
			if got.String() != want {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
			}
		})
	}
}

// unpack writes the files of an archive to a folder, and returns the one called "want".
func unpack(t *testing.T, archive *txtar.Archive) (dir, want string) {
	t.Helper()
	dir = t.TempDir()
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}

// A part of the layout that is not there, and a path that selects nothing, are errors:
// otherwise the lint would pass because it has nothing to read.
func TestLintNeedsFiles(t *testing.T) {
	dir, _ := unpack(t, txtar.Parse([]byte("-- a.go --\npackage a\n-- README.md --\nText.\n-- docs/empty.txt --\n")))
	tests := []struct {
		name string
		l    layout
		args []string
	}{
		{"package", layout{packages: []string{".", "wire"}}, []string{dir}},
		{"packages", layout{packages: []string{"docs/..."}}, []string{dir}},
		{"document", layout{docs: []string{"CONTRIBUTING.md"}}, []string{dir}},
		{"documents", layout{docs: []string{"docs"}}, []string{dir}},
		{"path", layout{packages: []string{"."}, docs: []string{"README.md"}}, []string{dir, "wire"}},
		{"folder", layout{packages: []string{"."}}, nil},
		{"flag", layout{packages: []string{"."}}, []string{"-x", dir}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if status := run(test.args, test.l, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
				t.Errorf("exit status %d, want 2: %s", status, stderr.Bytes())
			}
		})
	}
}

func TestPhrases(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"nothing behind the agreement", []string{"behind"}},
		{"Behind that, nothing", []string{"Behind"}},
		{"a goroutine is left behind.", []string{"behind"}},
		{"the port is open. Bytes behind the header", []string{"behind"}},
		{"bytes behind the header; the port is open", []string{"behind"}},
		{"behind one two three four five six proxy", []string{"behind"}},
		{"in front of\nthe header", []string{"in front of"}},
		{"beside it, at once", []string{"beside", "at once"}},
		{"at\n  once", []string{"at once"}},
		{"Whoever takes note gives back", []string{"Whoever", "takes note", "gives back"}},
		{"it took note and is taking note", []string{"took note", "taking note"}},
		{"as it stands there", []string{"stands there"}},
		{"it is over, was over, and they are over", []string{"is over", "was over", "are over"}},
		{"given back for ever", []string{"given back", "for ever"}},
		{"unsaid", []string{"unsaid"}},
		{"see mostKept", []string{"mostKept"}},

		{"behind a proxy, or a TCP load balancer", nil},
		{"clients behind the same NAT", nil},
		{"the proxy that it is behind", nil},
		{"many are behind one address", nil},
		{"put it in front of port 4001 or behind a firewall", nil},
		{"besides, the most common", nil},
		{"at one time, once; it takes notes", nil},
		{"it runs over TCP; the takeover was", nil},
		{"forever", nil},
		{"the case R13-slash-behind", nil},
		{`the text "left behind at once" is quoted`, nil},
		{"“behind” and «beside»\nand \"at\nonce\"", nil},
		{"the flag `behind` and ``whoever``", nil},
		{"see https://example.org/behind/unsaid", nil},
		{"see [the page](behind.md)", nil},
	}
	for _, test := range tests {
		var got []string
		for _, p := range lintParagraphs("f", []paragraph{newParagraph(1, test.text)}) {
			word, _, _ := strings.Cut(strings.TrimPrefix(p.text, `"`), `"`)
			got = append(got, word)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(test.want))
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", test.text, got, want)
		}
	}
}

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"Lazy streams":              "lazy-streams",
		"Why did this dial fail?":   "why-did-this-dial-fail",
		"One port, many protocols":  "one-port-many-protocols",
		"`Limits.Timeout` and more": "limitstimeout-and-more",
	} {
		if got := slug(title); got != want {
			t.Errorf("slug(%q) = %q, want %q", title, got, want)
		}
	}
}

// The layout of this repository exists, as far as this checkout goes.
func TestPublishedLayout(t *testing.T) {
	packages, err := findPackages("../..", published.packages)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".", "wire", "conform/report"} {
		if !slices.Contains(packages, want) {
			t.Errorf("%s is not read", want)
		}
	}
	if _, err := findDocs("../..", published.docs); err != nil {
		t.Error(err)
	}
}
