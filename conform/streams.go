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

// Streams returns an initiator that is a function of this process. Open makes
// the two ends of a stream; initiate gets the one that is its own, and closes it.
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

// Listener returns an initiator that is a function of this process and connects to
// the listener, which the caller closes when the run is over.
func DialInitiator(l net.Listener, dial func(ctx context.Context, network, addr string, task Task) error) Initiator {
	return Initiator{
		Run: func(ctx context.Context, task Task) error {
			return dial(ctx, l.Addr().Network(), l.Addr().String(), task)
		},
		Accept: func(ctx context.Context) (io.ReadWriteCloser, error) { return accept(ctx, l) },
	}
}

// Exit codes of programs under test, see [Command].
const (
	exitRefused     = 7
	exitUnsupported = 127
)

// errNotStarted says that a program could not be started, which is no fault of it.
var errNotStarted = errors.New("conform: not started")

// Command returns an initiator that is a program, started anew for each case. It
// connects to the listener, which the caller closes when the run is over. The
// task is in its environment:
//
//	MSS_CONFORM_CASE       the id
//	MSS_CONFORM_NETWORK    the network of the listener, "tcp" or "unix"
//	MSS_CONFORM_ADDR       its address, "127.0.0.1:4001" or a path
//	MSS_CONFORM_MODE       [Task].Mode
//	MSS_CONFORM_PROTOCOLS  the names, as a JSON array of strings; a name that is
//	                       not UTF-8 is never asked for
//	MSS_CONFORM_TIMEOUT    [Task].Timeout in milliseconds
//
// Its exit code says what came of it: 0 agreed, 7 all refused, 127 cannot do
// such a task, anything else failed. What it writes to its standard error goes to
// stderr, which may be nil.
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
			cmd.WaitDelay = time.Second // for what its children hold open
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
