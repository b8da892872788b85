// Command lines counts the lines of the core: of the non-test Go files of the root
// package, of wire, of transcript, and of the packages below internal that are part of a
// library.
//
//	go -C tools run ./lines [-max N] [DIR]
//
// DIR is a checkout of the repository, by default the one around the folder tools. A
// line is what wc -l counts. A package below internal is part of a library if a package
// that others can import depends on it, directly or through others, in a file that is no
// test. Those that only tests, the tool in cmd, interop or tools use are printed with
// their lines in parentheses and do not count.
//
// The exit status is 0, or 1 above the limit, or 2 if the lines cannot be counted.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxLines is what root and wire had before there were other packages.
const maxLines = 6700

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("lines", flag.ContinueOnError)
	flags.SetOutput(stderr)
	limit := flags.Int("max", maxLines, "the `number` of lines to allow")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	dir := ".."
	if flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	packages, err := read(dir)
	if err == nil && packages["."] == nil {
		err = errors.New("there is no package in " + dir)
	}
	if err != nil {
		fmt.Fprintln(stderr, "lines:", err)
		return 2
	}
	total := 0
	ships := library(packages)
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		lines := packages[folder].lines
		switch {
		case !isCore(folder):
		case ships[folder]:
			fmt.Fprintf(stdout, "%7d  %s\n", lines, folder)
			total += lines
		default:
			fmt.Fprintf(stdout, "%8s %s\n", fmt.Sprintf("(%d)", lines), folder)
		}
	}
	fmt.Fprintf(stdout, "%7d  of at most %d\n", total, *limit)
	if total > *limit {
		fmt.Fprintf(stderr, "lines: %d lines are above the limit of %d\n", total, *limit)
		return 1
	}
	return 0
}

// A source is the non-test part of a package.
type source struct {
	lines   int
	imports []string // folders of this repository
}

// read returns the packages of a checkout by their folder.
func read(dir string) (map[string]*source, error) {
	module, err := modulePath(dir)
	if err != nil {
		return nil, err
	}
	packages := make(map[string]*source)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != dir && isIgnored(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(dir, filepath.Dir(name))
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if packages[rel] == nil {
			packages[rel] = new(source)
		}
		return packages[rel].add(name, module)
	})
	return packages, err
}

// isIgnored reports whether the go command ignores folders of this name.
func isIgnored(name string) bool {
	return name == "testdata" || name == "vendor" || name == "node_modules" || name[0] == '.' || name[0] == '_'
}

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)

// modulePath returns the path of the module in dir, which is a prefix of those of the
// other modules.
func modulePath(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	m := moduleLine.FindSubmatch(mod)
	if m == nil {
		return "", errors.New("go.mod has no line with the module")
	}
	return string(m[1]), nil
}

// add counts a file in.
func (s *source) add(name, module string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	s.lines += bytes.Count(text, []byte("\n"))
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if p == module || strings.HasPrefix(p, module+"/") {
			s.imports = append(s.imports, path.Join(".", strings.TrimPrefix(p[len(module):], "/")))
		}
	}
	return nil
}
