// Command notices writes the notices that the licences of the modules in the tool mss ask
// for, to cmd/mss/NOTICES.md.
//
//	go -C tools run ./notices [-update] [DIR]
//
// DIR is a checkout of the repository, by default the one around the folder tools. The
// modules are those of which a package is in the binary for Linux, macOS or Windows, and the
// texts are the files of licences and notices in the folders of these packages and in those
// above them. -update writes the document.
//
// The exit status is 0, or 1 if the document is not up to date, or 2 if a module has
// no licence that is known.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("notices", flag.ContinueOnError)
	flags.SetOutput(stderr)
	update := flags.Bool("update", false, "write the document")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	dir := ".."
	if flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	tool := filepath.Join(dir, "cmd", "mss")
	fail := func(err error) int {
		fmt.Fprintln(stderr, "notices:", err)
		return 2
	}
	texts, err := collect(tool)
	if err != nil {
		return fail(err)
	}
	name, now := filepath.Join(tool, "NOTICES.md"), document(texts)
	if *update {
		if err := os.WriteFile(name, []byte(now), 0o644); err != nil {
			return fail(err)
		}
	}
	before, err := os.ReadFile(name)
	if err != nil {
		return fail(err)
	}
	if string(before) != now {
		fmt.Fprintln(stderr, "notices: cmd/mss/NOTICES.md is not up to date: go -C tools run ./notices -update")
		return 1
	}
	return 0
}
