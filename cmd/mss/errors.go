package main

import (
	"context"
	"errors"
	"net"
	"os"
)

// connectError is an error in connecting, before the negotiation.
type connectError struct{ err error }

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// ExitCode returns the exit code of mss for an error in connecting.
func (e *connectError) ExitCode() int { return exitConnect }

// connecting returns the error of a connection that could not be made.
func connecting(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &connectError{err}
}

// reason returns the innermost text of an error, that of the system.
func reason(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return "timed out"
	}
	if e, ok := errors.AsType[*connectError](err); ok {
		err = e.err
	}
	return cause(err).Error()
}

// cause removes the operation and the addresses from an error of package net,
// because mss names them itself.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}
