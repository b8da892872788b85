// Command passage counts the files through which the value of one parameter passes: the
// files that a reader has to open who wants to know where that value goes.
//
//	go -C tools run ./passage [-v] [-fields] [-C DIR] [[FILE.go:][Type.]Func:param[=LIMIT] ...]
//
// FILE.go is relative to the module in DIR, and needed for functions outside of its root
// package. Without arguments the passages of this repository are counted, with their
// limits. -v prints the parameters by file.
//
// The passage begins in the file that declares the function. In the body of a function,
// function literals included, the value is
//
//   - the parameter, and a local variable to which the value was assigned,
//   - an element or a slice of the value, and the variables of a range over it; also its
//     target if it is a pointer, its address, and a conversion or assertion of it,
//   - a composite literal that contains the value.
//
// A field is a value of its own: a call such as c.r.read() takes c nowhere, while c.read()
// does, even if it is promoted from c.r. With -fields the fields are followed, too; then
// each further type that a value is composed of counts as a file.
//
// A value that is an argument of a function, or the receiver of a method, enters the
// file in which that function or method is declared, and is followed there as the
// parameter or the receiver. It does not matter whether the method is called or taken as
// a value, nor whether it is promoted from an embedded field.
//
// Only functions of the module count, and no test files. Calls of interface methods and
// of function values are not followed, nor is a value that was assigned to a field or to
// a variable of a package, sent on a channel, appended, or returned.
//
// The exit status is 0, or 1 if a passage has more files than its limit, or 2 if it
// cannot be counted.
package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// limits are the passages of this repository, and how many files each may touch.
var limits = []string{"Client.SelectOneOf:protocols=8", "Muxer.NegotiateOn:c=8"}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("passage", flag.ContinueOnError)
	flags.SetOutput(stderr)
	verbose := flags.Bool("v", false, "print the parameters by file")
	fields := flags.Bool("fields", false, "follow fields of the value, too")
	dir := flags.String("C", "..", "the `folder` of the module")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: passage [-v] [-fields] [-C DIR] [[FILE.go:][Type.]Func:param[=LIMIT] ...]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	asked := flags.Args()
	if len(asked) == 0 {
		asked = limits
	}
	m, err := load(*dir)
	if err != nil {
		fmt.Fprintln(stderr, "passage:", err)
		return 2
	}
	status := 0
	for _, a := range asked {
		name, limit, err := parseLimit(a)
		if err != nil {
			fmt.Fprintln(stderr, "passage:", err)
			return 2
		}
		through, err := m.passage(name, *fields)
		if err != nil {
			fmt.Fprintln(stderr, "passage:", err)
			return 2
		}
		files := slices.Sorted(maps.Keys(through))
		fmt.Fprintf(stdout, "%s passes through %d files", name, len(files))
		if limit >= 0 {
			fmt.Fprintf(stdout, " (at most %d)", limit)
		}
		fmt.Fprintf(stdout, ": %s\n", strings.Join(files, " "))
		if *verbose {
			for _, f := range files {
				fmt.Fprintf(stdout, "  %s: %s\n", f, strings.Join(through[f], " "))
			}
		}
		if limit >= 0 && len(files) > limit {
			fmt.Fprintf(stderr, "passage: %s passes through %d files, above %d\n", name, len(files), limit)
			status = 1
		}
	}
	return status
}

// parseLimit splits "name=limit". Without a limit it is -1.
func parseLimit(s string) (name string, limit int, err error) {
	name, number, ok := strings.Cut(s, "=")
	if !ok {
		return name, -1, nil
	}
	limit, err = strconv.Atoi(number)
	return name, limit, err
}
