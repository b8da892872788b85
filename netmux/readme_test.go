package netmux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program of README.md runs, and writes the output that its reader expects.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## One port, many protocols\n")
	_, program, _ := strings.Cut(section, "```go\n")
	program, _, ok := strings.Cut(program, "```\n")
	if !ok {
		t.Fatal("no program")
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", file).CombinedOutput()
	if want := "hello from HTTP\nhello from /echo/1.0.0\n"; err != nil || string(out) != want {
		t.Errorf("%v, the program wrote %q, want %q", err, out, want)
	}
}
