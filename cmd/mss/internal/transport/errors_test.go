package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect/internal/streamtest"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// A connection that cannot be made has an exit code, and a reason without addresses.
func TestConnectError(t *testing.T) {
	ln := streamtest.Listen(t, "tcp")
	ln.Close() // nothing listens there any more
	interrupted, interrupt := context.WithCancelCause(t.Context())
	interrupt(exit.ErrInterrupted)
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		where  address.Address
		code   int
		reason string
	}{
		{"refused", t.Context(), address.Address{Where: ln.Addr().String()}, exit.Connect, syscall.ECONNREFUSED.Error()},
		{"no socket", t.Context(), address.Address{Form: address.Unix, Where: filepath.Join(t.TempDir(), "s")}, exit.Connect, syscall.ENOENT.Error()},
		{"too late", late, address.Address{Where: ln.Addr().String()}, exit.Timeout, "timed out"},
		{"interrupted", interrupted, address.Address{Where: ln.Addr().String()}, exit.Interrupted, "interrupted"},
	} {
		_, err := Dial(c.ctx, c.where)
		if _, ok := errors.AsType[*ConnectError](err); !ok || exit.Code(err) != c.code || Reason(err) != c.reason {
			t.Errorf("%s: exit code %d, %q from %v", c.name, exit.Code(err), Reason(err), err)
		}
	}
}

func TestCause(t *testing.T) {
	operation := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.EHOSTUNREACH)}
	for _, c := range []struct{ err, want error }{
		{operation, syscall.EHOSTUNREACH},
		{fmt.Errorf("wrapped: %w", operation), syscall.EHOSTUNREACH},
		{&net.OpError{Op: "read", Err: io.EOF}, io.EOF},
		{io.EOF, io.EOF},
	} {
		if got := Cause(c.err); got != c.want {
			t.Errorf("Cause(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

// The words for an end tell what the peer did, and what the code means.
func TestEndError(t *testing.T) {
	for _, c := range []struct {
		err            EndError
		says           string
		limit, goodbye bool
		reset          bool // whether it is a reset for package syscall
	}{
		{EndError{endReset, 0}, "it reset the stream", false, false, true},
		{EndError{endReset, 0x1001}, "it reset the stream, code 0x1001: protocol negotiation failed", false, false, true},
		{EndError{endReset, 0x1002}, "it reset the stream, code 0x1002: resource limit exceeded", true, false, true},
		{EndError{endReset, 0x1003}, "it reset the stream, code 0x1003: rate limited", true, false, true},
		{EndError{endReset, 0x1008}, "it reset the stream, code 0x1008: gated", false, false, true},
		{EndError{endReset, 0x1009}, "it reset the stream, code 0x1009", false, false, true},
		{EndError{endStop, 7}, "it stopped reading (STOP_SENDING), code 0x7", false, false, true},
		{EndError{endClosed, 0}, "it closed the connection", false, true, false},
		{EndError{endClosed, 0x1001}, "it closed the connection, code 0x1001: resource limit exceeded", true, false, true},
		{EndError{endClosed, 0x1002}, "it closed the connection, code 0x1002: rate limited", true, false, true},
		{EndError{endClosed, 0x1003}, "it closed the connection, code 0x1003: protocol violation", false, false, true},
	} {
		e := &c.err
		if e.Error() != c.says || e.IsLimit() != c.limit || IsGoodbye(e) != c.goodbye || errors.Is(e, syscall.ECONNRESET) != c.reset {
			t.Errorf("%+v: %q, limit %v, goodbye %v, reset %v", c.err, e, e.IsLimit(), IsGoodbye(e), errors.Is(e, syscall.ECONNRESET))
		}
		if exit.Code(e) != exit.Closed {
			t.Errorf("%+v: exit code %d", c.err, exit.Code(e))
		}
	}
}

// The errors of yamux and QUIC say how the peer ended a stream; those of this side and
// timeouts do not.
func TestEnding(t *testing.T) {
	for _, c := range []struct {
		err  error
		how  string
		code uint64
	}{
		{io.EOF, endFIN, 0},
		{io.ErrUnexpectedEOF, endFIN, 0},
		{syscall.ECONNRESET, endReset, 0},
		{syscall.EPIPE, endReset, 0},
		{errors.New("something else"), "", 0},
		{quicError(&quic.StreamError{Remote: true, ErrorCode: 5}, endStop), endStop, 5},
		{quicError(&quic.StreamError{Remote: true, ErrorCode: 5}, endReset), endReset, 5},
		{quicError(&quic.StreamError{ErrorCode: 5}, endReset), "", 0},
		{quicError(&quic.ApplicationError{Remote: true, ErrorCode: 6}, endReset), endClosed, 6},
		{quicError(&quic.StatelessResetError{}, endReset), endClosed, 1},
		{quicError(&quic.TransportError{ErrorCode: 1}, endReset), endClosed, 1},
		{quicError(&quic.IdleTimeoutError{}, endReset), "", 0},
		{yamuxError(&yamux.StreamError{Remote: true, ErrorCode: 7}), endReset, 7},
		{yamuxError(&yamux.StreamError{ErrorCode: 7}), "", 0},
		{yamuxError(&yamux.GoAwayError{Remote: true, ErrorCode: 8}), endClosed, 8},
		{yamuxError(yamux.ErrStreamReset), endClosed, 0},
		{yamuxError(yamux.ErrTimeout), "", 0},
	} {
		how, code := Ending(c.err)
		if how != c.how || code != nil && *code != c.code || code == nil && c.code != 0 {
			t.Errorf("%v: %q, code %v; want %q, %d", c.err, how, code, c.how, c.code)
		}
	}
	for _, err := range []error{quicError(&quic.IdleTimeoutError{}, endReset), yamuxError(yamux.ErrTimeout)} {
		if exit.Code(err) != exit.Timeout {
			t.Errorf("%v: exit code %d", err, exit.Code(err))
		}
	}
}

// The reason with which a peer closes a QUIC connection adds no line to a log.
func TestHandshakeErrorIsOneLine(t *testing.T) {
	got := handshakeError("quic-v1", &quic.TransportError{Remote: true, ErrorCode: 0xa, ErrorMessage: "x\nmss: y"}).Error()
	if want := `quic-v1: PROTOCOL_VIOLATION (remote): x\nmss: y`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
