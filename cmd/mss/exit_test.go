package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
)

// known is an error that knows its exit code.
type known struct{ err error }

func (k known) Error() string { return k.err.Error() }
func (k known) Unwrap() error { return k.err }
func (known) ExitCode() int   { return exitConnect }

func TestExitCode(t *testing.T) {
	negotiation := func(err error) error {
		return &multiselect.Error{Role: multiselect.Initiator, Err: err}
	}
	reading := func(err error) error { return negotiation(&multiselect.CommunicatorError{Op: "read", Err: err}) }
	operation := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.EHOSTUNREACH)}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{usagef("x"), exitUsage},
		{negotiation(multiselect.ErrInvalidName), exitUsage},
		{known{operation}, exitConnect},
		{known{context.DeadlineExceeded}, exitTimeout},
		{known{errInterrupted}, exitInterrupted},
		{negotiation(known{operation}), exitConnect},
		{negotiation(fmt.Errorf("%w: %w", multiselect.ErrGaveUp, known{operation})), exitClosed},
		{negotiation(os.ErrDeadlineExceeded), exitTimeout},
		{negotiation(context.DeadlineExceeded), exitTimeout},
		{negotiation(errInterrupted), exitInterrupted},
		{negotiation(multiselect.ErrNotMultistream), exitViolation},
		{negotiation(multiselect.ErrUnexpectedAnswer), exitViolation},
		{reading(multiselect.ErrTooLarge), exitViolation},
		{reading(multiselect.ErrMalformed), exitViolation},
		{reading(io.EOF), exitClosed},
		{reading(io.ErrUnexpectedEOF), exitClosed},
		{reading(operation), exitClosed},
		{negotiation(multiselect.ErrGaveUp), exitClosed},
		{negotiation(fmt.Errorf("%w: %w", multiselect.ErrGaveUp, multiselect.ErrMalformed)), exitClosed},
		{negotiation(multiselect.ErrNotSupported), exitRefused},
		{local("x", io.EOF), exitLocal},
		{fmt.Errorf("wrapped: %w", local("x", io.EOF)), exitLocal},
		{errors.New("who knows"), exitInternal},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}
