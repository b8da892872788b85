// Command release tags the published modules of a checkout with one version.
//
//	go -C tools run ./release -prepare VERSION [DIR]
//	go -C tools run ./release [-dry-run] VERSION [DIR]
//
// DIR is a checkout of the repository, by default the one around the folder tools. The
// published modules are those of go.work that are not below internal.
//
// With -prepare it edits their go.mod and go.sum files: the modules require each other at
// VERSION, without replace lines. go.sum has the hashes that the archives will have, so that
// one commit holds all modules. The root module must have its final content, CHANGELOG.md
// included. Commit the result, and call release again without -prepare. Until the tags are
// pushed, the modules can be built in the workspace only.
//
// Without -prepare it creates an annotated tag for each module, each after the modules that
// it requires: v0.1.0 for the root, otel/v0.1.0 for otel. It refuses to, and lists all
// reasons, if
//
//   - the version is not one of semantic versioning, or does not fit a module path,
//   - git sees a changed or new file, or has a tag of these names,
//   - a go.mod file has a replace, exclude or toolchain line,
//   - a module requires another at a different version, or go.sum has another hash of it, or
//   - CHANGELOG.md has no section with a date and content for the version.
//
// It pushes nothing, and prints the command that does. -dry-run creates no tags either.
//
// The exit status is 0, or 1 if it refuses, or 2 if it cannot run.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	prepare := flags.Bool("prepare", false, "edit go.mod and go.sum files, and create no tags")
	dry := flags.Bool("dry-run", false, "check everything, and create no tags")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: release [-prepare | -dry-run] VERSION [DIR]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() < 1 || flags.NArg() > 2 || *prepare && *dry {
		flags.Usage()
		return 2
	}
	version, dir := flags.Arg(0), ".."
	if flags.NArg() == 2 {
		dir = flags.Arg(1)
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "release:", err)
		return 2
	}
	r, err := newRelease(dir, version)
	if err != nil {
		return fail(err)
	}
	reasons := r.checkVersion()
	if !*prepare && reasons == nil {
		if reasons, err = r.check(); err != nil {
			return fail(err)
		}
	}
	if reasons != nil {
		for _, reason := range reasons {
			fmt.Fprintln(stderr, "release:", reason)
		}
		return 1
	}
	if *prepare {
		if err := r.prepare(); err != nil {
			return fail(err)
		}
		return 0
	}
	var tags []string
	for _, m := range r.modules {
		tag := m.tag(version)
		if !*dry {
			if _, err := r.git("tag", "-a", "-m", m.file.Module.Mod.Path+" "+version, tag); err != nil {
				return fail(err)
			}
		}
		tags = append(tags, tag)
	}
	if *dry {
		fmt.Fprintln(stdout, "it would tag", strings.Join(tags, " "))
	} else {
		fmt.Fprintln(stdout, "git push --atomic origin", strings.Join(tags, " "))
	}
	return 0
}

// git returns the output of a git command in the checkout.
func (r *release) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%v: %w: %s", cmd, err, out)
	}
	return strings.TrimRight(string(out), "\n"), nil
}
