// Command firstrun compares the first minutes of a newcomer at two commits.
//
//	nice go -C tools run ./firstrun [-starts N] [BASE]
//
// It clones the repository around the folder tools twice, once at BASE (by default the
// first commit that was measured) and once at HEAD. In each clone it runs the first command
// of README and builds mss with the environment that README shows, both with empty build and
// module caches in temporary folders. Modules come through the proxy that is configured.
// Then it starts both mss in turns, N times each.
//
// Standard output is a table of
//
//   - the processor time, user and system, of the go command and its children,
//   - the sizes of the downloaded module archives,
//   - the size of the binary, without options for the linker, and
//   - the processor time of "mss version", the median of its runs,
//
// with the ratios of HEAD to BASE. Processor time depends on the load of the machine much
// less than the time on a clock, but somewhat: measure on a quiet one.
//
// The exit status is 0, or 1 if a ratio is above its target or a command has changed a file
// of the clone of HEAD, or 2 if it cannot measure. It takes some minutes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// firstMeasured is the commit for which the targets were set.
const firstMeasured = "4f382e5"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("firstrun", flag.ContinueOnError)
	flags.SetOutput(stderr)
	starts := flags.Int("starts", 300, "the `number` of times that each mss is started")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	base := firstMeasured
	if flags.NArg() > 0 {
		base = flags.Arg(0)
	}
	rows, changed, err := compare(base, *starts, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "firstrun:", err)
		return 2
	}
	missed := writeTable(stdout, base, rows)
	if changed != "" {
		fmt.Fprintf(stderr, "firstrun: the commands have changed files:\n%s", changed)
	}
	if missed > 0 {
		fmt.Fprintf(stderr, "firstrun: %d targets are missed\n", missed)
	}
	if changed != "" || missed > 0 {
		return 1
	}
	return 0
}

// compare measures both commits. It also returns the changed files of the second clone, one
// on each line.
func compare(base string, starts int, progress io.Writer) (rows []row, changed string, err error) {
	if starts < 1 {
		return nil, "", errors.New("mss must be started at least once")
	}
	folder, err := os.MkdirTemp("", "firstrun")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(folder)
	var both [2]figures
	var binaries [2]string
	for i, commit := range []string{base, "HEAD"} {
		m := measurement{folder: filepath.Join(folder, fmt.Sprint(i)), progress: progress}
		if err := m.clone("..", commit); err != nil {
			return nil, "", err
		}
		if both[i], binaries[i], err = m.measure(); err != nil {
			return nil, "", fmt.Errorf("%s: %w", commit, err)
		}
		if changed, err = output(exec.Command("git", "-C", m.folder+"/clone", "status", "--porcelain")); err != nil {
			return nil, "", err
		}
	}
	fmt.Fprintf(progress, "starting both mss %d times\n", starts)
	medians, err := startTimes(binaries, starts)
	both[0].start, both[1].start = medians[0], medians[1]
	return newRows(both[0], both[1]), changed, err
}

// output runs a command and returns its standard output. The error contains its standard
// error.
func output(cmd *exec.Cmd) (string, error) {
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return string(out), err
}
