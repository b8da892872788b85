package exit

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
	OK          = 0
	Finding     = 1   // the answer is no
	Usage       = 2   // the command line, names that cannot be sent included
	Connect     = 3   // no connection
	Timeout     = 4   // --timeout has expired, connecting or negotiating
	Violation   = 5   // the peer broke the protocol
	Closed      = 6   // the peer, or the network, ended the connection
	Refused     = 7   // nothing in common: the peer answered "na" to everything
	Local       = 8   // files, standard input and output, listening
	Internal    = 9   // a bug in mss
	Interrupted = 130 // SIGINT or SIGTERM
)

// ErrInterrupted is the cause of a context that a signal has canceled.
var ErrInterrupted error = interruption{}

type interruption struct{}

func (interruption) Error() string        { return "interrupted" }
func (interruption) Is(target error) bool { return target == context.Canceled }

// Error is an error with an exit code.
type Error struct {
	Code int
	Err  error
	// Told is set if the error was already reported on standard error.
	Told bool
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Usagef returns an error about the command line, formatted as by [fmt.Errorf].
func Usagef(format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}

// AsLocal marks an error of this side's input and output; nil stays nil.
func AsLocal(what string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: Local, Err: fmt.Errorf("%s: %w", what, err)}
}

// coded is an error that knows its exit code, of a package that imports this one.
// The code counts unless the error also is a timeout, an interruption or an outcome
// of a negotiation.
type coded interface {
	error
	ExitCode() int
}

// Code returns the exit code for an error. It covers every error that a verb
// can return; any other error is a bug.
func Code(err error) int {
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	if err == nil {
		return OK
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Code
	}
	switch {
	case is(context.Canceled):
		return Interrupted
	case is(os.ErrDeadlineExceeded, context.DeadlineExceeded):
		return Timeout
	case is(multiselect.ErrGaveUp): // before the errors that it may wrap
		return Closed
	case is(multiselect.ErrNotSupported):
		return Refused
	case is(multiselect.ErrInvalidName, multiselect.ErrNoProtocols, multiselect.ErrLimit):
		return Usage
	case is(multiselect.ErrNotMultistream, multiselect.ErrUnexpectedAnswer,
		multiselect.ErrMalformed, multiselect.ErrTooLarge):
		return Violation
	}
	if c, ok := errors.AsType[coded](err); ok {
		return c.ExitCode()
	}
	if is(io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE) {
		return Closed
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return Closed
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return Local
	}
	return Internal
}
