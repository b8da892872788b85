package exit

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
func (known) ExitCode() int   { return Connect }

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
		{Usagef("x"), Usage},
		{negotiation(multiselect.ErrInvalidName), Usage},
		{known{operation}, Connect},
		{known{context.DeadlineExceeded}, Timeout},
		{known{ErrInterrupted}, Interrupted},
		{negotiation(known{operation}), Connect},
		{negotiation(fmt.Errorf("%w: %w", multiselect.ErrGaveUp, known{operation})), Closed},
		{negotiation(os.ErrDeadlineExceeded), Timeout},
		{negotiation(context.DeadlineExceeded), Timeout},
		{negotiation(ErrInterrupted), Interrupted},
		{negotiation(multiselect.ErrNotMultistream), Violation},
		{negotiation(multiselect.ErrUnexpectedAnswer), Violation},
		{reading(multiselect.ErrTooLarge), Violation},
		{reading(multiselect.ErrMalformed), Violation},
		{reading(io.EOF), Closed},
		{reading(io.ErrUnexpectedEOF), Closed},
		{reading(operation), Closed},
		{negotiation(multiselect.ErrGaveUp), Closed},
		{negotiation(fmt.Errorf("%w: %w", multiselect.ErrGaveUp, multiselect.ErrMalformed)), Closed},
		{negotiation(multiselect.ErrNotSupported), Refused},
		{AsLocal("x", io.EOF), Local},
		{fmt.Errorf("wrapped: %w", AsLocal("x", io.EOF)), Local},
		{errors.New("who knows"), Internal},
	} {
		if got := Code(c.err); got != c.want {
			t.Errorf("exitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}

// Errors keep what they wrap, and a nil error is none of this side's.
func TestErrors(t *testing.T) {
	if err := AsLocal("standard output", nil); err != nil {
		t.Errorf("AsLocal(nil) = %v", err)
	}
	err := AsLocal("standard output", io.ErrClosedPipe)
	if !errors.Is(err, io.ErrClosedPipe) || err.Error() != "standard output: io: read/write on closed pipe" {
		t.Errorf("AsLocal: %v", err)
	}
	if err := Usagef("--to %q: %w", "x", io.EOF); err.Error() != `--to "x": EOF` || !errors.Is(err, io.EOF) {
		t.Errorf("Usagef: %v", err)
	}
	if ErrInterrupted.Error() != "interrupted" || !errors.Is(ErrInterrupted, context.Canceled) {
		t.Errorf("%v", ErrInterrupted)
	}
}
