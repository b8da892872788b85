package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// How a peer ends a stream, or the connection below it.
const (
	endFIN    = "fin"          // it closed its half
	endReset  = "reset"        // it reset the half that it writes (RESET_STREAM), or both
	endStop   = "stop_sending" // it stopped reading (STOP_SENDING); its own half stays open
	endClosed = "closed"       // it closed the connection, with all its streams
)

// EndError reports that the peer ended a stream of a multiplexed connection with
// a reset, or closed the connection. TCP has no such codes.
type EndError struct {
	how  string
	code uint64
}

func (e *EndError) Error() string {
	what, names := "it reset the stream", streamCodes
	switch e.how {
	case endStop:
		what = "it stopped reading (STOP_SENDING)"
	case endClosed:
		what, names = "it closed the connection", connectionCodes
	}
	if e.code == 0 {
		return what
	}
	what += fmt.Sprintf(", code %#x", e.code)
	if i := e.code - names.first; e.code >= names.first && i < uint64(len(names.words)) {
		what += ": " + names.words[i]
	}
	return what
}

// ExitCode returns the exit code of mss for an end by the peer.
func (e *EndError) ExitCode() int { return exit.Closed }

// Is makes an EndError match [syscall.ECONNRESET], except for a connection that
// was closed with code 0.
func (e *EndError) Is(target error) bool {
	return target == syscall.ECONNRESET && (e.how != endClosed || e.code != 0)
}

// IsLimit reports whether the code stands for a limit of the peer.
func (e *EndError) IsLimit() bool {
	full := streamCodes.first + 1
	if e.how == endClosed {
		full = connectionCodes.first + 1
	}
	return e.code == full || e.code == full+1
}

// IsGoodbye reports whether the peer has closed the connection, with all its
// streams, with code 0.
func IsGoodbye(err error) bool {
	e, ok := errors.AsType[*EndError](err)
	return ok && e.how == endClosed && e.code == 0
}

// The codes that libp2p has agreed on.
var (
	streamCodes     = codes{0x1001, codeWords}
	connectionCodes = codes{0x1000, codeWords}
	codeWords       = []string{
		"protocol negotiation failed", "resource limit exceeded", "rate limited", "protocol violation",
		"supplanted by another one", "garbage collected", "shutting down", "gated",
	}
)

type codes struct {
	first uint64
	words []string
}

// howEnded returns how the peer ended the stream that failed with err, and the code.
// It returns "" if the peer did not end it.
func howEnded(err error) (how string, code uint64) {
	if e, ok := errors.AsType[*EndError](err); ok {
		return e.how, e.code
	}
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return endReset, 0
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return endFIN, 0
	}
	return "", 0
}

// Ending returns how the peer ended the stream that failed with err: "fin", "reset",
// "stop_sending" or "closed", or "" if the peer did not end it. The code is nil if the
// transport has none.
func Ending(err error) (how string, code *uint64) {
	how, n := howEnded(err)
	if _, ok := errors.AsType[*EndError](err); ok {
		code = &n
	}
	return how, code
}

// ended returns the error for an end by the peer, or [net.ErrClosed] for one by
// this side.
func ended(byPeer bool, how string, code uint64) error {
	if !byPeer {
		return net.ErrClosed
	}
	return &EndError{how, code}
}

// quicError translates an error of a QUIC stream. For a stream error, otherwise
// says what it means: endStop after a Write, endReset after a Read.
func quicError(err error, otherwise string) error {
	if e, ok := errors.AsType[*quic.StreamError](err); ok {
		return ended(e.Remote, otherwise, uint64(e.ErrorCode))
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok {
		return ended(e.Remote, endClosed, uint64(e.ErrorCode))
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](err); ok {
		return &EndError{how: endClosed, code: 1}
	}
	if e, ok := errors.AsType[*quic.TransportError](err); ok {
		return fmt.Errorf("%w (%w)", &EndError{how: endClosed, code: uint64(e.ErrorCode)}, e)
	}
	if e, ok := errors.AsType[*quic.IdleTimeoutError](err); ok {
		return fmt.Errorf("%w (%w)", os.ErrDeadlineExceeded, e)
	}
	return err
}

// yamuxError translates an error of a yamux stream.
func yamuxError(err error) error {
	if e, ok := errors.AsType[*yamux.StreamError](err); ok {
		return ended(e.Remote, endReset, uint64(e.ErrorCode))
	}
	if e, ok := errors.AsType[*yamux.GoAwayError](err); ok {
		return ended(e.Remote, endClosed, uint64(e.ErrorCode))
	}
	switch {
	case errors.Is(err, yamux.ErrTimeout):
		return fmt.Errorf("%w (%w)", os.ErrDeadlineExceeded, err)
	case errors.Is(err, yamux.ErrStreamReset), errors.Is(err, io.EOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		// The connection has ended, with or without the knowledge of the stream.
		return &EndError{how: endClosed}
	}
	return err
}
