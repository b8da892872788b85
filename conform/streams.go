package conform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"
)

// PipeInitiator returns an initiator that is a function in this process. For each play, open
// returns the two ends of a new stream, and initiate performs the task on the first. It
// must close that end; the tester closes the other.
func PipeInitiator(
	open func() (initiators, testers io.ReadWriteCloser, err error),
	initiate func(ctx context.Context, stream io.ReadWriteCloser, task Task) error,
) Initiator {
	streams := make(chan io.ReadWriteCloser)
	return Initiator{
		Run: func(ctx context.Context, task Task) error {
			initiators, testers, err := open()
			if err != nil {
				return err
			}
			select {
			case streams <- testers:
				return initiate(ctx, initiators, task)
			case <-ctx.Done():
				initiators.Close()
				testers.Close()
				return ctx.Err()
			}
		},
		Accept: func(ctx context.Context) (io.ReadWriteCloser, error) {
			select {
			case s := <-streams:
				return s, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
}

// DialInitiator returns an initiator that is a function in this process and connects to the
// listener. The listener must have a SetDeadline method. The caller closes it after the run.
func DialInitiator(l net.Listener, dial func(ctx context.Context, network, addr string, task Task) error) Initiator {
	return Initiator{
		Run: func(ctx context.Context, task Task) error {
			return dial(ctx, l.Addr().Network(), l.Addr().String(), task)
		},
		Accept: func(ctx context.Context) (io.ReadWriteCloser, error) { return accept(ctx, l) },
	}
}

// Exit codes of programs under test, see [CommandInitiator].
const (
	exitRefused     = 7
	exitUnsupported = 127
)

// errNotStarted means that a program could not be started, which is no failure of the
// program.
var errNotStarted = errors.New("conform: not started")

// CommandInitiator returns an initiator that is a program, which is started for each play
// and connects to the listener. The listener must have a SetDeadline method. The caller
// closes it after the run. The task is in the program's environment:
//
//	MSS_CONFORM_CASE       Task.Case
//	MSS_CONFORM_NETWORK    the network of the listener, "tcp" or "unix"
//	MSS_CONFORM_ADDR       its address, "127.0.0.1:4001" or a path
//	MSS_CONFORM_MODE       Task.Mode
//	MSS_CONFORM_PROTOCOLS  Task.Protocols, as a JSON array of strings; the names are
//	                       always valid UTF-8
//	MSS_CONFORM_TIMEOUT    Task.Timeout in milliseconds
//
// The program reports the outcome by its exit code: 0 for an agreement, 7 if all proposals
// were refused, 127 if it cannot perform such a task, and any other code for a failure. Its
// standard error is written to stderr, which may be nil.
func CommandInitiator(l net.Listener, stderr io.Writer, argv ...string) Initiator {
	return Initiator{
		Run: func(ctx context.Context, task Task) error {
			cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
			names, err := json.Marshal(task.Protocols)
			if err != nil {
				return err
			}
			cmd.Env = append(os.Environ(),
				"MSS_CONFORM_CASE="+task.Case,
				"MSS_CONFORM_NETWORK="+l.Addr().Network(),
				"MSS_CONFORM_ADDR="+l.Addr().String(),
				"MSS_CONFORM_MODE="+task.Mode,
				"MSS_CONFORM_PROTOCOLS="+string(names),
				fmt.Sprint("MSS_CONFORM_TIMEOUT=", task.Timeout.Milliseconds()),
			)
			cmd.Stderr = stderr
			cmd.WaitDelay = time.Second // its children may keep stderr open
			if err := cmd.Start(); err != nil {
				return fmt.Errorf("%w: %w", errNotStarted, err)
			}
			err = cmd.Wait()
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				switch exit.ExitCode() {
				case exitRefused:
					return fmt.Errorf("%w: exit code %d", ErrRefused, exitRefused)
				case exitUnsupported:
					return fmt.Errorf("exit code %d: %w", exitUnsupported, errors.ErrUnsupported)
				}
			}
			return err
		},
		Accept: func(ctx context.Context) (io.ReadWriteCloser, error) { return accept(ctx, l) },
	}
}

// accept waits for a connection or the end of ctx.
func accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	timed, ok := l.(interface{ SetDeadline(t time.Time) error })
	if !ok {
		return nil, fmt.Errorf("conform: a listener of type %T has no deadlines", l)
	}
	if err := timed.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { timed.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := l.Accept()
	if ctx.Err() != nil {
		if err == nil {
			conn.Close()
		}
		return nil, ctx.Err()
	}
	return conn, err
}
