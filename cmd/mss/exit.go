package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/multiselect/multiselect"
)

// The exit codes. Scripts rely on them: they never change their meaning.
const (
	exitOK          = 0
	exitFinding     = 1   // the answer is no
	exitUsage       = 2   // the command line, names that cannot be sent included
	exitConnect     = 3   // no connection
	exitTimeout     = 4   // --timeout has expired, connecting or negotiating
	exitViolation   = 5   // the peer broke the protocol
	exitClosed      = 6   // the peer, or the network, ended the connection
	exitRefused     = 7   // nothing in common: the peer answered "na" to everything
	exitLocal       = 8   // files, standard input and output, listening
	exitInternal    = 9   // a bug in mss
	exitInterrupted = 130 // SIGINT or SIGTERM
)

// errInterrupted is the cause of a context that a signal has canceled.
var errInterrupted error = interruption{}

type interruption struct{}

func (interruption) Error() string        { return "interrupted" }
func (interruption) Is(target error) bool { return target == context.Canceled }

// failure is an error with an exit code.
type failure struct {
	code int
	err  error
	// told is set if the error was already reported on standard error.
	told bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usagef(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// local marks an error of this side's input and output; nil stays nil.
func local(what string, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: exitLocal, err: fmt.Errorf("%s: %w", what, err)}
}

// coded is an error that knows its exit code, of a package that imports this one.
// The code counts unless the error also is a timeout, an interruption or an outcome
// of a negotiation.
type coded interface {
	error
	ExitCode() int
}

// exitCode returns the exit code for an error. It covers every error that a verb
// can return; any other error is a bug.
func exitCode(err error) int {
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	if err == nil {
		return exitOK
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	switch {
	case is(context.Canceled):
		return exitInterrupted
	case is(os.ErrDeadlineExceeded, context.DeadlineExceeded):
		return exitTimeout
	case is(multiselect.ErrGaveUp): // before the errors that it may wrap
		return exitClosed
	case is(multiselect.ErrNotSupported):
		return exitRefused
	case is(multiselect.ErrInvalidName, multiselect.ErrNoProtocols, multiselect.ErrLimit):
		return exitUsage
	case is(multiselect.ErrNotMultistream, multiselect.ErrUnexpectedAnswer,
		multiselect.ErrMalformed, multiselect.ErrTooLarge):
		return exitViolation
	}
	if c, ok := errors.AsType[coded](err); ok {
		return c.ExitCode()
	}
	if is(io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE) {
		return exitClosed
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return exitClosed
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return exitLocal
	}
	return exitInternal
}
