package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// mss runs the tool with buffers in place of the standard files. Commands do not run if prepare
// replaces them.
func mss(prepare func(*cobra.Command), args ...string) (out string, err error) {
	var written bytes.Buffer
	root := newRoot(&terminal.Stdio{In: strings.NewReader(""), Out: &written, Err: &written})
	if prepare != nil {
		prepare(root)
	}
	root.SetArgs(args)
	err = root.Execute()
	return written.String(), err
}

// walk calls visit for c and all commands below it.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

// commands returns all commands of the tool, as mss runs them.
func commands() (all []*cobra.Command) {
	walk(newRoot(&terminal.Stdio{}), func(c *cobra.Command) { all = append(all, c) })
	return all
}

// Every help page fits a terminal of 80 columns, and says something.
func TestHelpWidth(t *testing.T) {
	pages := 0
	for _, c := range commands() {
		path := strings.Fields(c.CommandPath())[1:]
		page, err := mss(nil, append(path, "--help")...)
		if c.IsAdditionalHelpTopicCommand() {
			page, err = mss(nil, append([]string{"help"}, path...)...)
		}
		if err != nil || !strings.Contains(page, c.Short) && !strings.Contains(page, c.Long) {
			t.Errorf("help of %q: %v\n%s", c.CommandPath(), err, page)
		}
		for line := range strings.Lines(page) {
			// A tab, which cobra's pages of completion have, is at most 8 columns.
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "        ")
			if n := utf8.RuneCountInString(line); n > helpWidth {
				t.Errorf("help of %q: %d columns: %s", c.CommandPath(), n, line)
			}
		}
		pages++
	}
	if pages < 17 {
		t.Errorf("%d pages", pages)
	}
}

// Every verb has examples, and the command line of each is one that mss accepts: a shell reads
// the line, and cobra the arguments. Nothing runs.
func TestHelpExamples(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh; the jobs on Linux and macOS play this test")
	}
	for _, c := range commands() {
		if c.Runnable() && c.Example == "" && c.Name() != "completion" && c.Name() != "help" &&
			c.Parent().Name() != "completion" && c.CommandPath() != "mss conform" {
			t.Errorf("%q has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			checkCommands(t, shell, line)
		}
	}
}

// command matches a line with mss, alone or at the end of a pipe, in a document.
var command = regexp.MustCompile(`^    \$ ((?:printf \w+ \| )?mss .*)`)

// The commands in the documents are accepted, too.
func TestPageCommands(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh; the jobs on Linux and macOS play this test")
	}
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.Replace(line, "go run ./cmd/mss", "mss", 1)
			if m := command.FindStringSubmatch(line); m != nil {
				checkCommands(t, shell, m[1])
				found++
			}
		}
	}
	if found < 8 {
		t.Errorf("%d commands in the documents", found)
	}
}

// checkCommands fails the test unless each mss in a line is accepted. Nothing runs.
func checkCommands(t *testing.T, shell, line string) {
	t.Helper()
	for _, args := range shellCommands(t, shell, line) {
		var ran string
		_, err := mss(func(root *cobra.Command) {
			walk(root, func(c *cobra.Command) {
				if c.RunE != nil {
					c.RunE = func(c *cobra.Command, _ []string) error { ran = c.CommandPath(); return nil }
				}
			})
		}, args...)
		if err != nil || ran == "" {
			t.Errorf("%s: ran %q, %v", line, ran, err)
		}
	}
}

// shellCommands returns the arguments of each mss in a line, as a shell passes them.
func shellCommands(t *testing.T, shell, line string) (commands [][]string) {
	t.Helper()
	dir := t.TempDir()
	// The functions take the place of the programs, and redirections go to dir.
	const functions = `mss() { { printf '%s\0' "$@"; printf '\n\0'; } >>"$MSS_ARGS"; }
jq() { :; }
`
	cmd := exec.Command(shell, "-c", functions+line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MSS_ARGS="+filepath.Join(dir, "args"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "args"))
	if err != nil {
		t.Fatalf("%s: no mss in it: %v", line, err)
	}
	for args := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n\x00"), "\n\x00") {
		commands = append(commands, strings.Split(strings.TrimSuffix(args, "\x00"), "\x00"))
	}
	return commands
}

// "mss -h dial" and "mss dial -h" are the same page, and -v is no flag of mss itself.
func TestHelpFlag(t *testing.T) {
	before, err := mss(nil, "-h", "dial")
	if err != nil {
		t.Fatal(err)
	}
	after, err := mss(nil, "dial", "-h")
	if err != nil || before != after {
		t.Errorf("%v, mss -h dial is not mss dial -h:\n%s", err, before)
	}
	if _, err := mss(nil, "-v"); exit.Code(err) != exit.Usage {
		t.Errorf("mss -v: %v", err)
	}
}

// Each address form that an error names is one that the topic explains.
func TestHelpAddresses(t *testing.T) {
	page, err := mss(nil, "help", "addresses")
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"host:port", "unix:PATH", "tls://", "quic://", "yamux://", "/ip4/HOST/tcp/PORT", "/quic-v1", "/p2p/ID"} {
		if !strings.Contains(page, form) {
			t.Errorf("no %s in\n%s", form, page)
		}
	}
	codes, err := mss(nil, "help", "exit-codes")
	if err != nil || !strings.Contains(codes, "  130  ") {
		t.Errorf("%v\n%s", err, codes)
	}
}
