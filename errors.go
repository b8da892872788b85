package multiselect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// The causes of failures. [errors.Is] finds them in each error of this package, in either role and
// on every path. Other causes keep their usual names: [os.ErrDeadlineExceeded] after the time limit
// or the stream's own deadline, the context's cause, [io.EOF] if the peer closed without sending a
// byte, [io.ErrUnexpectedEOF] if it closed later, [net.ErrClosed], and the errors of the stream.
var (
	// ErrNotSupported means that the peer answered "na" to every proposal, or to "ls".
	ErrNotSupported = errors.New("not supported by the peer")
	// ErrNotMultistream means that the peer's first bytes are not the header (R2).
	ErrNotMultistream = errors.New("the peer does not speak multistream-select 1.0")
	// ErrUnexpectedAnswer means that an answer is neither the echo of the proposal nor
	// "na", or that it arrived before the question (R14).
	ErrUnexpectedAnswer = errors.New("unexpected answer")
	// ErrMalformed means that bytes are not a message (R5, R6, R8).
	ErrMalformed = wire.ErrMalformed
	// ErrTooLarge means that a message or a list exceeds its limit (R7, R21).
	ErrTooLarge = wire.ErrTooLarge
	// ErrLimit means that one of the [Limits] on proposals and bytes is reached (R27),
	// or that too many streams linger (R31, [LazyStream.Close]).
	ErrLimit = errors.New("limit of the negotiation reached")
	// ErrGaveUp means that the peer closed the stream, or sent bytes that are no proposal, after a
	// refusal (R18), or that a refusal was final ([Muxer].OneShot). Neither side is at fault.
	ErrGaveUp = errors.New("the peer gave up after a refusal")
	// ErrListed means that the peer closed the stream after a list (R19), without another
	// proposal. It has what it asked for, so that this is no failure.
	ErrListed = errors.New("the peer closed the stream after a list")
	// ErrInvalidName means that a name cannot be registered or proposed (R9).
	ErrInvalidName = wire.ErrInvalidName
	// ErrConflict means that a name or matcher is registered already.
	ErrConflict = errors.New("already registered")
	// ErrNoProtocols means that a call was given no protocol to propose.
	ErrNoProtocols = errors.New("no protocols to propose")
	// ErrNoHandler means that a handler to be registered is nil.
	ErrNoHandler = errors.New("the handler is nil")
)

// Phase is the progress of a negotiation.
type Phase uint8

const (
	PhaseHeader   Phase = iota // before the peer's header has arrived
	PhaseProposal              // while protocols are proposed
	PhaseList                  // while the answer to "ls" is awaited
)

func (p Phase) String() string { return enum("Phase", uint8(p), "header", "proposal", "list") }

// MarshalText returns the text of String, for JSON and logs.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Blame is the side at fault for a failure, as far as one end can tell. A program must not
// lower the score of a peer for a refusal.
type Blame uint8

const (
	BlameNone     Blame = iota // a refusal, a peer that gave up or closed, the network
	BlamePeer                  // the peer violated the protocol or a limit
	BlameSlowPeer              // the peer did not answer in time
	BlameLocal                 // this side's arguments, limits or cancellation
)

func (b Blame) String() string { return enum("Blame", uint8(b), "none", "peer", "slow peer", "local") }

// MarshalText returns the text of String, for JSON and logs.
func (b Blame) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// Error is the error of a negotiation that has failed. Err is the cause; the other
// fields describe the state in which it ended.
type Error struct {
	Role          Role     // of this side
	Phase         Phase    // in which it failed
	Protocols     []string // proposed by an initiator; refused by a responder, up to 1024 bytes
	Received      []byte   // the message that ended it, or the bytes not consumed when it ended
	BytesSent     int      // in messages, headers included
	BytesReceived int
	// Elapsed is the time since the call began, for a LazyStream since a call first waited
	// for the outcome, and 0 if it was not measured.
	Elapsed time.Duration
	Err     error // wraps one of the causes
}

// Error returns a text with the role, the proposals, the answer and the cause. The
// peer's bytes are quoted, and long parts are shortened.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "multiselect: %s", e.Role)
	if n := len(e.Protocols); n > 0 {
		did := "proposed"
		if e.Role == Responder {
			did = "refused"
		}
		fmt.Fprintf(&b, ": %s %.80q", did, e.Protocols[:min(n, 8)])
		if n > 8 {
			fmt.Fprintf(&b, " and %d more", n-8)
		}
	}
	if answer, ok := e.Answer(); ok {
		fmt.Fprintf(&b, ": peer answered %.80q", answer)
	} else if len(e.Received) > 0 {
		fmt.Fprintf(&b, ": peer sent %.80q", e.Received)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Answer returns the text of the message in Received. It reports false if that is not
// exactly one message.
func (e *Error) Answer() (text string, ok bool) {
	t, n, err := wire.ConsumeMessage(e.Received, wire.MaxMessage)
	return string(t), err == nil && n > 0 && n == len(e.Received)
}

// LogValue returns the fields as a group for package slog: role, phase and blame as words,
// protocols, received (quoted and shortened), bytes_sent, bytes_received, elapsed, and the
// text of Err as cause. Empty fields are omitted.
func (e *Error) LogValue() slog.Value {
	group := []slog.Attr{
		slog.String("role", e.Role.String()),
		slog.String("phase", e.Phase.String()),
		slog.String("blame", e.Blame().String()),
	}
	if len(e.Protocols) > 0 {
		group = append(group, slog.Any("protocols", e.Protocols))
	}
	if len(e.Received) > 0 {
		group = append(group, slog.String("received", fmt.Sprintf("%.80q", e.Received)))
	}
	return slog.GroupValue(append(group,
		slog.Int("bytes_sent", e.BytesSent), slog.Int("bytes_received", e.BytesReceived),
		slog.Duration("elapsed", e.Elapsed), slog.String("cause", fmt.Sprint(e.Err)))...)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the time limit, a deadline or the context's deadline ended
// the negotiation.
func (e *Error) Timeout() bool { return isTimeout(e.Err) }

// Blame returns the side at fault.
func (e *Error) Blame() Blame {
	switch {
	case e.wraps(ErrGaveUp, ErrListed):
		return BlameNone
	case isPanic(e.Err):
		return BlameLocal
	case e.wraps(ErrNotMultistream, ErrUnexpectedAnswer, ErrMalformed, ErrTooLarge):
		return BlamePeer
	case e.wraps(ErrLimit) && e.Role == Responder: // it counts the peer's messages
		return BlamePeer
	case e.wraps(ErrLimit): // an initiator counts its own
		return BlameLocal
	case isTimeout(e.Err):
		return BlameSlowPeer
	case e.wraps(context.Canceled, ErrInvalidName, ErrNoProtocols, errMessages), isLocalClose(e.Err):
		return BlameLocal
	}
	return BlameNone
}

func (e *Error) wraps(causes ...error) bool {
	return slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(e.Err, cause) })
}

// isLocalClose reports whether this side has closed the stream. Some transports, such as QUIC,
// wrap [net.ErrClosed] in errors that mean that the peer has closed the connection. So it
// counts only where the wrappers are known.
func isLocalClose(err error) bool {
	for {
		switch e := err.(type) {
		case *Error:
			err = e.Err
		case *CommunicatorError:
			err = e.Err
		case *net.OpError:
			err = e.Err
		default:
			return err == net.ErrClosed || err == errEnded
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded)
}

// CommunicatorError means that a message could not be read or written: the stream
// failed, or the bytes are no message. The methods of [Communicator] return it, and the
// roles return it inside an [Error].
type CommunicatorError struct {
	Op  string // "read" or "write"
	Err error
}

func (e *CommunicatorError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *CommunicatorError) Unwrap() error { return e.Err }

// readError returns the error of a Read. [io.EOF] becomes [io.ErrUnexpectedEOF] if the
// peer had sent a byte before.
func readError(err error, got int32) error {
	switch {
	case err == io.EOF && got > 0:
		err = io.ErrUnexpectedEOF
	case errors.Is(err, io.ErrShortBuffer): // a data channel, for example
		err = fmt.Errorf("%w: %w", err, errMessages)
	}
	return &CommunicatorError{"read", err}
}

// IsValidHandshake reports whether the text of a message is the header. It compares
// byte for byte: no other version, no white space (R2).
func IsValidHandshake(contents string) bool { return rules.IsHeader(contents) }
