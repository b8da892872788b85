package transport

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// ConnectError is an error in connecting, before the negotiation.
type ConnectError struct{ err error }

func (e *ConnectError) Error() string { return e.err.Error() }
func (e *ConnectError) Unwrap() error { return e.err }

// ExitCode returns the exit code of mss for an error in connecting.
func (e *ConnectError) ExitCode() int { return exit.Connect }

// connecting returns the error of a connection that could not be made.
func connecting(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &ConnectError{err}
}

// Reason returns the innermost text of an error, that of the system, and "timed out" for
// every timeout.
func Reason(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return "timed out"
	}
	if e, ok := errors.AsType[*ConnectError](err); ok {
		err = e.err
	}
	return Cause(err).Error()
}

// Cause removes the operation and the addresses from an error of package net,
// because mss names them itself.
func Cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}
