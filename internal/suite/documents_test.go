package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

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
