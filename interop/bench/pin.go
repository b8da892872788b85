package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// pinnedEnv marks the process that is pinned.
const pinnedEnv = "MULTISELECT_BENCH_PINNED"

// isPinned reports whether this process was started on one CPU by runPinned.
func isPinned() bool { return os.Getenv(pinnedEnv) == "1" }

// runPinned runs this program again, with the same arguments, on one CPU and with one
// thread for Go code. A wake-up that crosses CPUs costs more than a negotiation, and the
// scheduler decides which ones do, so unpinned times have two peaks. The exit code is
// that of the child.
func runPinned() int {
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	args := append([]string{self}, os.Args[1:]...)
	if taskset, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{taskset, "-c", "0"}, args...)
	} else {
		fmt.Fprintf(os.Stderr, "bench: taskset (util-linux) is not installed: GOMAXPROCS=1, but not pinned to a CPU on %s; ratios will vary more\n", runtime.GOOS)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), pinnedEnv+"=1", "GOMAXPROCS=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 2
}
