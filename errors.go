package multiselect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// What went wrong. Each of these is found with [errors.Is] in whatever a call
// of this package returns, in either role and on every path. The other causes
// keep the names they have elsewhere: [os.ErrDeadlineExceeded] when the budget
// or the stream's own deadline is over, the context's cause when it ended,
// [io.EOF] when the peer left without a byte, [io.ErrUnexpectedEOF] when it
// left later, [net.ErrClosed], and the stream's own errors.
var (
	// ErrNotSupported: the peer answered "na" to everything it was asked.
	ErrNotSupported = errors.New("not supported by the peer")
	// ErrNotMultistream: what the peer said first is not the header (R2).
	ErrNotMultistream = errors.New("the peer does not speak multistream-select 1.0")
	// ErrUnexpectedAnswer: an answer is neither the echo of what was proposed
	// nor "na", or came before the question (R14).
	ErrUnexpectedAnswer = errors.New("unexpected answer")
	// ErrMalformed: what arrived is no message (R5, R6, R8).
	ErrMalformed = wire.ErrMalformed
	// ErrTooLarge: a message or list is larger than its limit (R7, R21).
	ErrTooLarge = wire.ErrTooLarge
	// ErrLimit: one of the [Limits] on proposals and bytes is used up (R27), or
	// too many streams linger ([LazyStream.Close]).
	ErrLimit = errors.New("limit of the negotiation reached")
	// ErrGaveUp: the peer left, or went on with something that is no proposal,
	// after its proposals had been refused; or it had only one ([Muxer.OneShot]).
	// This is nobody's fault (R18).
	ErrGaveUp = errors.New("the peer gave up after a refusal")
	// ErrInvalidName: a name cannot be registered or proposed (R9).
	ErrInvalidName = wire.ErrInvalidName
	// ErrConflict: a name or matcher is registered already.
	ErrConflict = errors.New("already registered")
	// ErrNoProtocols: there is nothing to propose.
	ErrNoProtocols = errors.New("no protocols to propose")
	// ErrNoHandler: a nil handler was to be registered.
	ErrNoHandler = errors.New("the handler is nil")
)

// Phase is how far a negotiation had come.
type Phase uint8

const (
	PhaseHeader   Phase = iota // the peer's header had not arrived
	PhaseProposal              // protocols were being proposed
	PhaseList                  // the answer to "ls" was awaited
)

func (p Phase) String() string {
	switch p {
	case PhaseHeader:
		return "header"
	case PhaseProposal:
		return "proposal"
	case PhaseList:
		return "list"
	}
	return fmt.Sprintf("Phase(%d)", uint8(p))
}

// Blame says whose fault a failure is, as far as one end can tell. A refusal
// is nobody's: never score a peer by it.
type Blame uint8

const (
	BlameNone     Blame = iota // refused, gave up, closed, or the network
	BlamePeer                  // the peer broke the protocol or a limit
	BlameSlowPeer              // the peer did not answer in time
	BlameLocal                 // this side's arguments, limits or cancellation
)

func (b Blame) String() string {
	switch b {
	case BlamePeer:
		return "peer"
	case BlameSlowPeer:
		return "slow peer"
	case BlameLocal:
		return "local"
	case BlameNone:
		return "none"
	}
	return fmt.Sprintf("Blame(%d)", uint8(b))
}

// Error is returned for every negotiation that fails: Err says what happened,
// the other fields say where.
type Error struct {
	Role          Role     // of this side; tells the initiator's failures from the responder's
	Phase         Phase    // how far it came
	Protocols     []string // the initiator: what was proposed; the responder: the first 1024 bytes of what was refused
	Received      []byte   // the peer's bytes that ended it, or that were left when it ended
	BytesSent     int      // all messages together
	BytesReceived int
	Elapsed       time.Duration // since the call began; 0 if it has no budget, trace or context that ends
	Err           error         // one of the causes above, or what wraps it
}

// Error names the role, what was proposed, what arrived and the cause, with
// the peer's bytes quoted.
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
		fmt.Fprintf(&b, ": peer said %.80q", answer)
	} else if len(e.Received) > 0 {
		fmt.Fprintf(&b, ": peer sent %.80q", e.Received)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Answer returns the text of the message in Received, if that is one message.
func (e *Error) Answer() (text string, ok bool) {
	t, n, err := wire.ConsumeMessage(e.Received, wire.MaxMessage)
	return string(t), err == nil && n > 0 && n == len(e.Received)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the budget, a deadline or the context's deadline
// ended the negotiation.
func (e *Error) Timeout() bool { return isTimeout(e.Err) }

// Blame says whose fault it is.
func (e *Error) Blame() Blame {
	if errors.Is(e.Err, ErrGaveUp) {
		return BlameNone
	}
	for _, cause := range []error{ErrNotMultistream, ErrUnexpectedAnswer, ErrMalformed, ErrTooLarge} {
		if errors.Is(e.Err, cause) {
			return BlamePeer
		}
	}
	switch {
	case errors.Is(e.Err, ErrLimit):
		// The responder counts what its peer sends, the initiator itself.
		if e.Role == Responder {
			return BlamePeer
		}
		return BlameLocal
	case isTimeout(e.Err):
		return BlameSlowPeer
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, net.ErrClosed),
		errors.Is(e.Err, ErrInvalidName), errors.Is(e.Err, ErrNoProtocols):
		return BlameLocal
	}
	return BlameNone
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded)
}

// CommunicatorError is returned, alone by the methods of [Communicator] and
// inside an [Error] by the roles, when a message could not be read or written:
// the stream failed, or what arrived is no message.
type CommunicatorError struct {
	Op  string // "read" or "write"
	Err error
}

func (e *CommunicatorError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *CommunicatorError) Unwrap() error { return e.Err }

// readError gives an end of the stream its name: [io.EOF] is kept for a peer
// that left without having said anything.
func readError(err error, got int32) error {
	if err == io.EOF && got > 0 {
		err = io.ErrUnexpectedEOF
	}
	return &CommunicatorError{"read", err}
}

// IsValidHandshake reports whether the text of a message is the header. It compares
// byte for byte: no other version, no white space (R2).
func IsValidHandshake(contents string) bool { return rules.IsHeader(contents) }
