package telemetry

import (
	"context"
	"errors"

	"github.com/multiselect/multiselect"
)

// Values of the label outcome. Dashboards rely on them, so their meaning must not change.
const (
	agreed     = "agreed"
	answered   = "answered" // a handshake or a list, without an agreement
	refused    = "refused"
	gaveUp     = "gave_up"
	foreign    = "not_multistream"
	unexpected = "unexpected_answer"
	malformed  = "malformed"
	tooLarge   = "too_large"
	limited    = "limit"
	timedOut   = "timeout"
	canceled   = "canceled"
	misused    = "misuse" // a name that cannot be proposed, or an empty list
	closed     = "closed" // the peer left, or the stream failed
)

// outcomeOf returns the label outcome.
func outcomeOf(o multiselect.Outcome) string {
	switch {
	case o.Err == nil && o.Protocol == "", errors.Is(o.Err, multiselect.ErrListed):
		return answered
	case o.Err == nil:
		return agreed
	}
	if e, ok := errors.AsType[*multiselect.Error](o.Err); ok && e.Timeout() {
		return timedOut
	}
	for _, known := range []struct {
		cause error
		name  string
	}{
		{multiselect.ErrGaveUp, gaveUp}, // first: it may wrap one of the others
		{multiselect.ErrNotSupported, refused},
		{multiselect.ErrNotMultistream, foreign},
		{multiselect.ErrUnexpectedAnswer, unexpected},
		{multiselect.ErrMalformed, malformed},
		{multiselect.ErrTooLarge, tooLarge},
		{multiselect.ErrLimit, limited},
		{multiselect.ErrInvalidName, misused},
		{multiselect.ErrNoProtocols, misused},
		{context.Canceled, canceled},
	} {
		if errors.Is(o.Err, known.cause) {
			return known.name
		}
	}
	return closed
}

func blameOf(err error) multiselect.Blame {
	if e, ok := errors.AsType[*multiselect.Error](err); ok {
		return e.Blame()
	}
	return multiselect.BlameNone
}
