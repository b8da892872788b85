package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"
)

// How a peer ends a stream, or the connection below it.
const (
	endFIN    = "fin"          // its half is over, in good order
	endReset  = "reset"        // the half that it was writing (RESET_STREAM), or both
	endStop   = "stop_sending" // it reads no more (STOP_SENDING); its own half goes on
	endClosed = "closed"       // the connection, with all its streams
)

// endError says that the peer ended a stream of a multiplexed connection
// otherwise than in good order. TCP has no such codes.
type endError struct {
	how  string
	code uint64
}

func (e *endError) Error() string {
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

// Is makes it what a reset is elsewhere. A connection that was closed in good
// order is none.
func (e *endError) Is(target error) bool {
	return target == syscall.ECONNRESET && (e.how != endClosed || e.code != 0)
}

// limited reports whether the peer says that it could not or would not take more.
func (e *endError) limited() bool {
	full := streamCodes.first + 1
	if e.how == endClosed {
		full = connectionCodes.first + 1
	}
	return e.code == full || e.code == full+1
}

// isGoodbye reports whether the peer has ended the connection, with all its
// streams, in good order.
func isGoodbye(err error) bool {
	e, ok := errors.AsType[*endError](err)
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

// ending returns how the peer ended what err is about, and with which code;
// empty if it did not.
func ending(err error) (how string, code uint64) {
	if e, ok := errors.AsType[*endError](err); ok {
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

// endingOf is ending for a document.
func endingOf(err error) (how string, code *uint64) {
	how, n := ending(err)
	if _, ok := errors.AsType[*endError](err); ok {
		code = &n
	}
	return how, code
}

// ended returns what either end did: what this one did is [net.ErrClosed].
func ended(byPeer bool, how string, code uint64) error {
	if !byPeer {
		return net.ErrClosed
	}
	return &endError{how, code}
}

// quicError gives what quic-go says on a stream the names of this tool. Where it
// was said decides: only a Write hears of STOP_SENDING, only a Read of a reset.
func quicError(err error, otherwise string) error {
	if e, ok := errors.AsType[*quic.StreamError](err); ok {
		return ended(e.Remote, otherwise, uint64(e.ErrorCode))
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok {
		return ended(e.Remote, endClosed, uint64(e.ErrorCode))
	}
	if _, ok := errors.AsType[*quic.StatelessResetError](err); ok {
		return &endError{how: endClosed, code: 1}
	}
	if e, ok := errors.AsType[*quic.TransportError](err); ok {
		return fmt.Errorf("%w (%w)", &endError{how: endClosed, code: uint64(e.ErrorCode)}, e)
	}
	if e, ok := errors.AsType[*quic.IdleTimeoutError](err); ok {
		return fmt.Errorf("%w (%w)", os.ErrDeadlineExceeded, e)
	}
	return err
}

// yamuxError does the same for yamux, which has one way to reset a stream.
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
	case errors.Is(err, yamux.ErrStreamReset): // the connection is gone
		return &endError{how: endClosed}
	}
	return err
}
