package multiselect

import (
	"fmt"
	"math"
	"time"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// NoLimit switches a limit off. Any negative value does.
const NoLimit = -1

// Limits bound the cost of one negotiation. For each field, zero is its default, and a
// negative value, such as [NoLimit], is no limit. The zero value bounds everything.
//
// The format of messages has bounds that no limit can raise: a message has at most 16383
// bytes ([wire.MaxMessage]), an answer to "ls" at most 2097151 ([wire.MaxList]).
type Limits struct {
	// Timeout bounds the time of the whole negotiation, and of each call on a
	// [Communicator]. When it expires, the stream is ended; until then the stream's
	// deadlines are not used. Default: 10 s.
	Timeout time.Duration
	// MaxMessage bounds the size of a message in bytes, newline included (R7). Default: 1024.
	MaxMessage int
	// MaxProposals bounds the number of protocols proposed on one stream (R27). Default: 128.
	MaxProposals int
	// MaxBytes bounds the bytes of messages in each direction, without answers
	// to "ls" (R27). Default: 64 KiB.
	MaxBytes int
	// MaxListBytes bounds the size in bytes of an answer to "ls", sent or
	// received (R21). Default: 64 KiB.
	MaxListBytes int
	// MaxListNames bounds the number of names in an answer to "ls", sent or
	// received (R21). Default: 1000.
	MaxListNames int
	// MaxLists bounds the number of lists that a responder sends on one stream;
	// further "ls" are answered "na" (R23). Default: 8.
	MaxLists int
}

func (l *Limits) maxMessage() int {
	return min(limit(l.MaxMessage, 1024, wire.MaxMessage), wire.MaxMessage)
}

func (l *Limits) maxListBytes() int {
	return min(limit(l.MaxListBytes, 64<<10, wire.MaxList), wire.MaxList)
}

func (l *Limits) timeout() time.Duration { return limit(l.Timeout, 10*time.Second, 0) }
func (l *Limits) maxListNames() int      { return limit(l.MaxListNames, 1000, math.MaxInt) }
func (l *Limits) maxLists() int          { return limit(l.MaxLists, 8, math.MaxInt) }
func (l *Limits) maxBytes() int          { return limit(min(l.MaxBytes, math.MaxInt32), 64<<10, math.MaxInt) }
func (l *Limits) maxProposals() int      { return limit(l.MaxProposals, 128, math.MaxInt) }

// limit applies the rule of all limits.
func limit[T ~int | ~int64](value, byDefault, none T) T {
	switch {
	case value == 0:
		return byDefault
	case value < 0:
		return none
	}
	return value
}

// fault returns the error for a fault that the rules have found.
func (l *Limits) fault(f rules.Fault) error {
	switch f {
	case rules.TooManyProposals:
		return fmt.Errorf("%w: more than %d proposals", ErrLimit, l.maxProposals())
	case rules.TooMuchSent:
		return fmt.Errorf("%w: more than %d bytes sent", ErrLimit, l.maxBytes())
	case rules.TooMuchReceived:
		return fmt.Errorf("%w: more than %d bytes received", ErrLimit, l.maxBytes())
	case rules.EarlyAnswer:
		return fmt.Errorf("%w: it arrived before the question", ErrUnexpectedAnswer)
	}
	return nil
}
