package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

const conformTaskHelp = `Is the initiator of one case, as "mss conform initiator" asks for it: its task is
in the environment. That is how mss is tested as a process, and what a COMMAND of
your own has to do.`

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
			return asFailure(dialTask(cmd.Context(), a.network(), a.where, task))
		},
	}
}

// readTask reads what [conform.Command] writes.
func readTask(getenv func(string) string) (a address, task conform.Task, err error) {
	network, where := getenv("MSS_CONFORM_NETWORK"), getenv("MSS_CONFORM_ADDR")
	if a = plainAddress(network, where); network == "" || where == "" {
		return a, task, usagef("there is no MSS_CONFORM_NETWORK and MSS_CONFORM_ADDR\ntry: mss conform initiator -- mss conform task")
	}
	task = conform.Task{Case: getenv("MSS_CONFORM_CASE"), Mode: getenv("MSS_CONFORM_MODE")}
	if err := json.Unmarshal([]byte(getenv("MSS_CONFORM_PROTOCOLS")), &task.Protocols); err != nil {
		return a, task, usagef("MSS_CONFORM_PROTOCOLS: %v", err)
	}
	ms, err := strconv.Atoi(getenv("MSS_CONFORM_TIMEOUT"))
	if err != nil || ms <= 0 {
		return a, task, usagef("MSS_CONFORM_TIMEOUT: %q is no number of milliseconds", getenv("MSS_CONFORM_TIMEOUT"))
	}
	task.Timeout = time.Duration(ms) * time.Millisecond
	return a, task, nil
}

// plainAddress is the address of a listener of package net.
func plainAddress(network, where string) address {
	if network == "unix" {
		return address{form: formUnix, where: where}
	}
	return address{form: formTCP, where: where}
}

// dialTask connects and does a task.
func dialTask(ctx context.Context, network, addr string, task conform.Task) error {
	conn, err := plainAddress(network, addr).dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = doTask(ctx, conn, task)
	if errors.Is(err, multiselect.ErrNotSupported) {
		return fmt.Errorf("%w: %w", conform.ErrRefused, err)
	}
	return err
}

func doTask(ctx context.Context, conn halfCloser, task conform.Task) error {
	client := multiselect.Client{Limits: multiselect.Limits{Budget: task.Timeout}}
	switch task.Mode {
	case "select":
		if _, err := client.SelectOneOf(ctx, conn, task.Protocols...); err != nil {
			return err
		}
	case "ls":
		if err := listAndSelect(ctx, &client, conn, task.Protocols); err != nil {
			return err
		}
	case "lazy", "lazy-read", "lazy-close", "lazy-half":
		if len(task.Protocols) == 0 {
			return multiselect.ErrNoProtocols
		}
		return doLazyTask(ctx, &client, conn, task)
	default:
		return &failure{code: exitUnsupported, err: fmt.Errorf("mode %q: %w", task.Mode, errors.ErrUnsupported)}
	}
	echoUntilEnd(conn)
	return nil
}

// exitUnsupported is what a COMMAND says that cannot do its task.
const exitUnsupported = 127

// echoUntilEnd is the protocol. What becomes of it is not what is tested.
func echoUntilEnd(conn io.ReadWriteCloser) {
	io.Copy(conn, conn)
	conn.Close()
}

func listAndSelect(ctx context.Context, client *multiselect.Client, conn halfCloser, protocols []string) error {
	c := multiselect.NewCommunicator(conn)
	list, err := client.List(ctx, c)
	if err != nil && !isRefusal(err) {
		return err
	}
	if n := len(list.Names); n > 0 {
		if err := client.TrySelect(ctx, c, list.Names[n-1]); !isRefusal(err) {
			return err
		}
	}
	_, err = client.SelectOneOfOver(ctx, c, protocols...)
	return err
}

func doLazyTask(ctx context.Context, client *multiselect.Client, conn halfCloser, task conform.Task) error {
	s, err := client.Lazy(ctx, conn, task.Protocols[0])
	if err != nil {
		return err
	}
	defer s.Close()
	if task.Mode != "lazy-read" {
		if _, err := io.WriteString(s, "early"); err != nil {
			return err
		}
	}
	switch task.Mode {
	case "lazy-close":
		s.Close()
		return s.Wait(ctx)
	case "lazy-half":
		if err := s.CloseWrite(); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, s)
	default:
		_, err = io.Copy(s, s)
	}
	return err
}
