package multistream

import (
	"errors"
	"fmt"
	"io"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// ProtocolID is the header, the first message of both sides.
const ProtocolID = wire.Header

// Errors that are returned unwrapped, so that callers can compare them with ==.
var (
	// ErrTooLarge: the peer announced a message of more than 1024 bytes.
	ErrTooLarge = errors.New("incoming message was too large")
	// ErrIncorrectVersion: the peer's first message is not the header.
	ErrIncorrectVersion = errors.New("client connected with incorrect version")
	// ErrNoProtocols: the list of protocols to propose is empty.
	ErrNoProtocols = errors.New("no protocols specified")
)

// ErrNotSupported is returned, as a value, if the peer refuses every proposal.
// [errors.Is] takes two of the same type for equal and ignores Protos.
type ErrNotSupported[T StringLike] struct {
	Protos []T // the proposals
}

func (e ErrNotSupported[T]) Error() string {
	return fmt.Sprintf("protocols not supported: %v", e.Protos)
}

// Is reports whether target is an ErrNotSupported for the same type of names.
func (e ErrNotSupported[T]) Is(target error) bool {
	_, ok := target.(ErrNotSupported[T])
	return ok
}

// ErrUnrecognizedResponse is returned, as a value, if an answer is neither the echo of
// the proposal nor "na".
type ErrUnrecognizedResponse[T StringLike] struct {
	Actual   T
	Expected T
}

func (e ErrUnrecognizedResponse[T]) Error() string {
	return fmt.Sprintf("unrecognized response. expected: %s (or na). got: %s", e.Expected, e.Actual)
}

// initiatorError translates an error of the core's initiator into the one that
// go-multistream returns.
func initiatorError[T StringLike](err error, protos []T) error {
	e, ok := errors.AsType[*multiselect.Error](err)
	switch {
	case !ok:
		return err
	case e.Err == multiselect.ErrNotSupported:
		return ErrNotSupported[T]{protos}
	case errors.Is(e, multiselect.ErrNotMultistream):
		return fmt.Errorf("%w: %w", ErrIncorrectVersion, e)
	case errors.Is(e, multiselect.ErrUnexpectedAnswer):
		answer, whole := e.Answer()
		if !whole {
			answer = string(e.Received)
		}
		return ErrUnrecognizedResponse[T]{Actual: T(answer), Expected: T(e.Protocols[len(e.Protocols)-1])}
	}
	return compatibleError(e)
}

// compatibleError translates an error of the core into one that users of go-multistream
// compare with. It unwraps errors of the stream and sentinels; other errors of the core
// remain, because they contain more detail.
func compatibleError(err error) error {
	e, _ := errors.AsType[*multiselect.Error](err)
	broken, ok := errors.AsType[*multiselect.CommunicatorError](err)
	switch {
	case errors.Is(err, multiselect.ErrNotMultistream):
		return ErrIncorrectVersion
	case errors.Is(err, multiselect.ErrTooLarge):
		return ErrTooLarge
	case e != nil && e.Err == multiselect.ErrGaveUp:
		return gaveUpError(e)
	case !ok || errors.Is(err, multiselect.ErrMalformed):
		return err
	case e != nil && broken.Err == io.ErrUnexpectedEOF && len(e.Received) == 0:
		return io.EOF // between two messages
	}
	return broken.Err
}

// maxMessage is the core's limit, newline included.
const maxMessage = 1024

// gaveUpError returns the error for a peer that left after a refusal: it depends on the
// peer's last bytes.
func gaveUpError(e *multiselect.Error) error {
	_, _, err := wire.ConsumeMessage(e.Received, maxMessage)
	switch {
	case errors.Is(err, wire.ErrTooLarge):
		return ErrTooLarge
	case err != nil:
		return e
	case len(e.Received) > 0:
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
