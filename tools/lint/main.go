// Command lint holds the prose of the published packages to plain English.
//
//	go -C tools run ./lint [-v] DIR [PATH ...]
//
// DIR is a checkout of the repository. With paths, which are files or folders
// relative to DIR, only their problems are printed; "." means the files of the root
// folder itself.
//
// It reads the comments and the string literals of the non-test Go files of the
// published packages, and the documents named in published.docs, and fails on
//
//   - a word or phrase of the list in words.go,
//   - an identifier such as "mostX", where Go says "maxX",
//   - a comment line of more than 100 columns, a tab counting as four,
//   - a link in a doc comment, as in "[Name]" or "[pkg.Type.Method]", that does not
//     resolve to an exported name, as pkg.go.dev resolves it,
//   - a relative link in a document to a file or a heading that does not exist, and a
//     link to a label that the document does not define, and
//   - more than one "what" in 1000 words of the comments of a package.
//
// Quotations in double quotes or in a Markdown blockquote, fenced or indented code,
// and inline code are not prose and are not read. -v also prints the number of words
// and of "what" of every package and document.
//
// The exit status is 0 without problems, 1 with problems, and 2 if it cannot run.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// A problem is one line of the output.
type problem struct {
	file string // relative to the checkout, with slashes
	line int
	text string
}

// A layout says which parts of a checkout are read.
type layout struct {
	packages []string // folders; "/..." includes the folders below
	docs     []string // files and globs; a folder stands for the *.md files below it
}

// published is the layout of this repository.
var published = layout{
	packages: []string{
		".", "wire", "transcript", "telemetry", "netmux/...", "conform/...", "internal/...",
		"gomultistream/...", "otel/...",
	},
	docs: []string{
		"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "conform/cases/README.md",
		"interop/README.md", "interop/peers/README.md",
	},
}

func main() { os.Exit(run(os.Args[1:], published, os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, l layout, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("lint", flag.ContinueOnError)
	flags.SetOutput(stderr)
	verbose := flags.Bool("v", false, "print the words and the `what` of each package")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: lint [-v] DIR [PATH ...]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	details := io.Discard
	if *verbose {
		details = stderr
	}
	problems, err := lint(flags.Arg(0), l, flags.Args()[1:], details)
	if err != nil {
		fmt.Fprintln(stderr, "lint:", err)
		return 2
	}
	for _, p := range problems {
		fmt.Fprintf(stdout, "%s:%d: %s\n", p.file, p.line, p.text)
	}
	if len(problems) > 0 {
		fmt.Fprintf(stderr, "lint: %d problems\n", len(problems))
		return 1
	}
	return 0
}

// lint returns the problems of the selected paths of the checkout in dir, sorted by
// file and line. Without paths it returns all problems.
func lint(dir string, l layout, paths []string, details io.Writer) ([]problem, error) {
	packages, err := findPackages(dir, l.packages)
	if err != nil {
		return nil, err
	}
	docs, err := findDocs(dir, l.docs)
	if err != nil {
		return nil, err
	}
	s, err := newSelection(paths, packages, docs)
	if err != nil {
		return nil, err
	}
	var problems []problem
	links := newResolver(dir)
	for _, folder := range packages {
		if !s.touches(folder) {
			continue
		}
		found, err := lintPackage(dir, folder, links, details)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	for _, file := range docs {
		if !s.has(file) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		paragraphs := markdownParagraphs(string(text))
		problems = append(problems, lintParagraphs(file, paragraphs)...)
		problems = append(problems, lintTargets(dir, file, paragraphs)...)
		words, whats := countWhats(paragraphs)
		fmt.Fprintf(details, "%-28s %6d words, %4d what\n", file, words, len(whats))
	}
	return s.filter(problems), nil
}

// A selection is the set of paths that the user asked for. Empty, it has every file.
type selection []string

// newSelection checks that every path selects a file.
func newSelection(paths, packages, docs []string) (selection, error) {
	var s selection
	for _, p := range paths {
		p = filepath.ToSlash(filepath.Clean(p))
		one := selection{p}
		known := false
		for _, folder := range packages {
			known = known || one.touches(folder)
		}
		for _, file := range docs {
			known = known || one.has(file)
		}
		if !known {
			return nil, fmt.Errorf("%s is neither a document nor in a published package", p)
		}
		s = append(s, p)
	}
	return s, nil
}

// touches reports whether files of the folder may be in the selection.
func (s selection) touches(folder string) bool {
	for _, p := range s {
		if p == folder || isBelow(folder, p) ||
			strings.HasSuffix(p, ".go") && filepath.ToSlash(filepath.Dir(p)) == folder {
			return true
		}
	}
	return len(s) == 0
}

// has reports whether the file is in the selection.
func (s selection) has(file string) bool {
	for _, p := range s {
		if p == file || isBelow(file, p) {
			return true
		}
	}
	return len(s) == 0
}

// isBelow reports whether a file or folder is in the folder. Only files of the root folder
// itself are below ".".
func isBelow(path, folder string) bool {
	if folder == "." {
		return path != "." && !strings.Contains(path, "/") && strings.Contains(path, ".")
	}
	return strings.HasPrefix(path, folder+"/")
}

// filter returns the selected problems, sorted and without duplicates.
func (s selection) filter(problems []problem) []problem {
	sort.Slice(problems, func(i, j int) bool {
		a, b := problems[i], problems[j]
		if a.file != b.file {
			return a.file < b.file
		}
		if a.line != b.line {
			return a.line < b.line
		}
		return a.text < b.text
	})
	var kept []problem
	for _, p := range problems {
		if s.has(p.file) && (len(kept) == 0 || kept[len(kept)-1] != p) {
			kept = append(kept, p)
		}
	}
	return kept
}
