// Command api compares the exported API of the modules in go.work with the lists in
// docs/api, one for each module.
//
//	go -C tools run ./api [-update] [DIR]
//
// DIR is a checkout of the repository, by default the one around the folder tools. A line
// of a list is an exported constant, variable, function, method, type, or field, with its
// type. Internal packages and commands have no API. -update writes the lists.
//
// A line that is missing now breaks programs of users: it needs a row in
// docs/api-changes.md. The exit status is 0, or 1 if the API is not that of the lists, or 2
// if a package cannot be read.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("api", flag.ContinueOnError)
	flags.SetOutput(stderr)
	update := flags.Bool("update", false, "write the lists")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	dir := ".."
	if flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	changed, err := compare(dir, *update, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "api:", err)
		return 2
	}
	if changed {
		fmt.Fprintln(stderr, "api: the exported API is not that of docs/api; if it is right: go -C tools run ./api -update")
		return 1
	}
	return 0
}

// compare compares each module with its list, or writes it. It reports whether a list that
// it has not written differs.
func compare(dir string, update bool, w io.Writer) (changed bool, err error) {
	modules, err := workspace(dir)
	if err != nil {
		return false, err
	}
	lists := filepath.Join(dir, "docs", "api")
	for _, m := range modules {
		now, err := exported(filepath.Join(dir, m))
		if err != nil {
			return false, err
		}
		modulePath, err := pathOf(filepath.Join(dir, m))
		if err != nil {
			return false, err
		}
		name := filepath.Join(lists, path.Base(modulePath)+".txt")
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		want := strings.Join(append(now, ""), "\n")
		switch {
		case want == string(text) || len(now) == 0 && text == nil:
		case update:
			if err := os.MkdirAll(lists, 0o755); err != nil {
				return false, err
			}
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				return false, err
			}
		default:
			changed = true
			printDifference(w, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), now)
		}
	}
	return changed, nil
}

// printDifference prints the lines that only one of the lists has.
func printDifference(w io.Writer, before, now []string) {
	for _, line := range before {
		if line != "" && !slices.Contains(now, line) {
			fmt.Fprintln(w, "-", line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			fmt.Fprintln(w, "+", line)
		}
	}
}

// workspace returns the folders of the modules in go.work.
func workspace(dir string) (folders []string, err error) {
	name := filepath.Join(dir, "go.work")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(name, text, nil)
	if err != nil {
		return nil, err
	}
	for _, use := range work.Use {
		folders = append(folders, use.Path)
	}
	return folders, nil
}

// pathOf returns the path of the module in dir.
func pathOf(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	return modfile.ModulePath(text), nil
}
