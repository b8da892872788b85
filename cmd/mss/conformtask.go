package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/subject"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

const conformTaskHelp = `Is the initiator of one case, as "mss conform initiator" starts it: the task is
in the environment. It tests mss as a process, and is an example of a COMMAND.`

func newConformTask() *cobra.Command {
	return &cobra.Command{
		Use:               "task",
		Short:             "be a COMMAND of conform initiator",
		Long:              conformTaskHelp,
		Example:           "  mss conform initiator -- mss conform task",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, task, err := readTask(os.Getenv)
			if err != nil {
				return err
			}
			return asFailure(dialTask(cmd.Context(), a.Network(), a.Where, task))
		},
	}
}

// readTask reads the environment that [conform.CommandInitiator] sets.
func readTask(getenv func(string) string) (a address.Address, task conform.Task, err error) {
	network, where := getenv("MSS_CONFORM_NETWORK"), getenv("MSS_CONFORM_ADDR")
	if a = plainAddress(network, where); network == "" || where == "" {
		return a, task, exit.Usagef("there is no MSS_CONFORM_NETWORK and MSS_CONFORM_ADDR\ntry: mss conform initiator -- mss conform task")
	}
	task = conform.Task{Case: getenv("MSS_CONFORM_CASE"), Mode: getenv("MSS_CONFORM_MODE")}
	if err := json.Unmarshal([]byte(getenv("MSS_CONFORM_PROTOCOLS")), &task.Protocols); err != nil {
		return a, task, exit.Usagef("MSS_CONFORM_PROTOCOLS: %v", err)
	}
	ms, err := strconv.Atoi(getenv("MSS_CONFORM_TIMEOUT"))
	if err != nil || ms <= 0 {
		return a, task, exit.Usagef("MSS_CONFORM_TIMEOUT: %q is no number of milliseconds", getenv("MSS_CONFORM_TIMEOUT"))
	}
	task.Timeout = time.Duration(ms) * time.Millisecond
	return a, task, nil
}

// plainAddress is the address of a listener of package net.
func plainAddress(network, where string) address.Address {
	if network == "unix" {
		return address.Address{Form: address.Unix, Where: where}
	}
	return address.Address{Form: address.TCP, Where: where}
}

// dialTask connects and does a task.
func dialTask(ctx context.Context, network, addr string, task conform.Task) error {
	conn, err := transport.Dial(ctx, plainAddress(network, addr))
	if err != nil {
		return err
	}
	err = subject.Do(ctx, conn, task)
	if errors.Is(err, errors.ErrUnsupported) {
		return &exit.Error{Code: exitUnsupported, Err: err}
	}
	return err
}

// exitUnsupported is the exit code of a COMMAND that does not support its task.
const exitUnsupported = 127
