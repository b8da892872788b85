package multistream

import (
	"errors"
	"fmt"
	"io"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// ProtocolID is the header: what both sides say first.
const ProtocolID = wire.Header

// These are returned as they are, so that they can be compared.
var (
	// ErrTooLarge: the peer announced a message of more than 1024 bytes.
	ErrTooLarge = errors.New("incoming message was too large")
	// ErrIncorrectVersion: what the peer said first is not the header.
	ErrIncorrectVersion = errors.New("client connected with incorrect version")
	// ErrNoProtocols: there is nothing to propose.
	ErrNoProtocols = errors.New("no protocols specified")
)

// ErrNotSupported is returned, as a value, if the peer refuses all that was
// proposed. Two of the same type are equal for [errors.Is], whatever they hold.
type ErrNotSupported[T StringLike] struct {
	Protos []T // what was proposed
}

func (e ErrNotSupported[T]) Error() string {
	return fmt.Sprintf("protocols not supported: %v", e.Protos)
}

// Is reports whether target is an ErrNotSupported for the same type of names.
func (e ErrNotSupported[T]) Is(target error) bool {
	_, ok := target.(ErrNotSupported[T])
	return ok
}

// ErrUnrecognizedResponse is returned, as a value, if an answer is neither what
// was proposed nor "na".
type ErrUnrecognizedResponse[T StringLike] struct {
	Actual   T
	Expected T
}

func (e ErrUnrecognizedResponse[T]) Error() string {
	return fmt.Sprintf("unrecognized response. expected: %s (or na). got: %s", e.Expected, e.Actual)
}

// refusal returns what users of go-multistream compare an initiator's error with.
func refusal[T StringLike](err error, protos []T) error {
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
	return failure(e)
}

// failure returns what users of go-multistream compare any error with: the errors
// of the stream, and the sentinels, as they are. All others are the core's, which
// say more.
func failure(err error) error {
	e, _ := errors.AsType[*multiselect.Error](err)
	broken, ok := errors.AsType[*multiselect.CommunicatorError](err)
	switch {
	case errors.Is(err, multiselect.ErrNotMultistream):
		return ErrIncorrectVersion
	case errors.Is(err, multiselect.ErrTooLarge):
		return ErrTooLarge
	case e != nil && e.Err == multiselect.ErrGaveUp:
		return goodbye(e)
	case !ok || errors.Is(err, multiselect.ErrMalformed):
		return err
	case e != nil && broken.Err == io.ErrUnexpectedEOF && len(e.Received) == 0:
		return io.EOF // between two messages
	}
	return broken.Err
}

// maxMessage is the limit of the core, newline included.
const maxMessage = 1024

// goodbye says how a peer has left that was refused.
func goodbye(e *multiselect.Error) error {
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
