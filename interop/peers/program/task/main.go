// Program task lets "mss conform initiator" start the program of any peer: it
// reads the task from the environment, runs the program that its arguments name
// as an initiator, and ends with the exit code that the suite understands.
//
//	mss conform initiator -- task python peer.py
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

// The exit codes of conform.Command.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 7
	exitUnsupported = 127
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "task:", err)
	}
	os.Exit(code)
}

func run(command []string) (code int, err error) {
	if len(command) == 0 {
		return exitUsage, errors.New("usage: task PROGRAM [ARGUMENT...]")
	}
	job, ok := contract.Modes[os.Getenv("MSS_CONFORM_MODE")]
	if !ok {
		return exitUnsupported, nil
	}
	if err := json.Unmarshal([]byte(os.Getenv("MSS_CONFORM_PROTOCOLS")), &job.Protocols); err != nil {
		return exitUsage, fmt.Errorf("MSS_CONFORM_PROTOCOLS: %w", err)
	}
	if job.Timeout, err = time.ParseDuration(os.Getenv("MSS_CONFORM_TIMEOUT") + "ms"); err != nil {
		return exitUsage, fmt.Errorf("MSS_CONFORM_TIMEOUT: %w", err)
	}
	job.Address = os.Getenv("MSS_CONFORM_ADDR")

	cmd := exec.Command(command[0], append(append(command[1:], "initiator"), job.Args()...)...)
	cmd.Stderr = os.Stderr
	out, failed := cmd.Output()
	var o contract.Outcome
	if err := json.Unmarshal(out, &o); err != nil {
		return exitFailed, fmt.Errorf("%q is no outcome: %w", out, errors.Join(err, failed))
	}
	switch {
	case o.OK:
		return 0, nil
	case o.Error == contract.Refused:
		return exitRefused, nil
	case o.Error == contract.Unsupported:
		return exitUnsupported, nil
	}
	return exitFailed, fmt.Errorf("%s: %s", o.Error, o.Detail)
}
