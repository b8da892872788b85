package suite

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var named = regexp.MustCompile("`((?:Test|Benchmark|Example)\\w+)`")

// The tests, benchmarks and examples that these pages name exist.
func TestNamedTests(t *testing.T) {
	root := filepath.Join("..", "..")
	var tests strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "testdata"):
			return fs.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			tests.Write(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"guarantees.md", "netmux.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		names := named.FindAllStringSubmatch(string(text), -1)
		if len(names) < 5 {
			t.Errorf("%s names %d tests", page, len(names))
		}
		for _, name := range names {
			if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(") {
				t.Errorf("%s names %s, which does not exist", page, name[1])
			}
		}
	}
}

// The programs of README.md and of the pages below docs run as they are, and write the output
// that their readers expect.
func TestDocumentedPrograms(t *testing.T) {
	for page, want := range map[string]string{
		"README.md":      "/hello/1.0.0: hello, world <nil>\n",
		"docs/lazy.md":   "HELLO\n",
		"docs/netmux.md": "hello from HTTP\nhello from /echo/1.0.0\n",
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
			if err != nil {
				t.Fatal(err)
			}
			_, program, _ := strings.Cut(string(text), "```go\npackage main\n")
			program, _, ok := strings.Cut(program, "```\n")
			if !ok {
				t.Fatal("no program")
			}
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte("package main\n"+program), 0o666); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("go", "run", file).CombinedOutput()
			if err != nil || string(out) != want {
				t.Errorf("%v, the program wrote %q, want %q", err, out, want)
			}
		})
	}
}
