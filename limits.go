package multiselect

import (
	"fmt"
	"math"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// Limits bound what one negotiation may cost. The zero value is the default of
// every field, and the default is on: nothing about a negotiation is unbounded
// unless the caller says so.
type Limits struct {
	// Budget is the time for the whole negotiation, not for each read. When it
	// is over the stream is ended; until then its deadlines are not touched. On
	// a [Communicator] the budget is that of each call. If zero, 10 s; if
	// negative, no limit.
	Budget time.Duration
	// Message is the size of a message in bytes, newline included. If zero,
	// 1024; if negative or more, 16383, which is all that two length bytes can
	// announce.
	Message int
	// Proposals is how many protocols may be proposed on one stream. If zero,
	// 128; if negative, no limit.
	Proposals int
	// Bytes is how many bytes of messages may travel each way, without the
	// answers to "ls". If zero, 64 KiB; if negative, no limit.
	Bytes int
	// ListBytes is the size of an answer to "ls", sent or received. If zero,
	// 64 KiB; if negative or more, 2097151, which is all that three length
	// bytes can announce.
	ListBytes int
	// ListNames is how many names an answer to "ls" may hold, sent or
	// received. If zero, 1000; if negative, no limit.
	ListNames int
	// Lists is how often a responder answers "ls" on one stream with a list;
	// from then on it answers "na". If zero, 8; if negative, no limit.
	Lists int
}

func (l *Limits) budget() time.Duration {
	return time.Duration(limit(int64(l.Budget), int64(10*time.Second), 0))
}

func (l *Limits) message() int {
	return min(limit(l.Message, 1024, wire.MaxMessage), wire.MaxMessage)
}

func (l *Limits) listBytes() int {
	return min(limit(l.ListBytes, 64<<10, wire.MaxList), wire.MaxList)
}

func (l *Limits) listNames() int { return limit(l.ListNames, 1000, math.MaxInt) }
func (l *Limits) lists() int     { return limit(l.Lists, 8, math.MaxInt) }
func (l *Limits) bytes() int     { return limit(min(l.Bytes, math.MaxInt32), 64<<10, math.MaxInt) }
func (l *Limits) proposals() int { return limit(l.Proposals, 128, math.MaxInt) }

// limit applies the one rule that all limits follow.
func limit[T int | int64](value, byDefault, none T) T {
	switch {
	case value == 0:
		return byDefault
	case value < 0:
		return none
	}
	return value
}

// tally counts what a stream has cost so far.
type tally struct {
	sent, received   int32 // bytes of messages, without answers to "ls"
	proposals, lists int32
}

func (t *tally) send(n int, l *Limits) error {
	t.sent += int32(n)
	return exceeded("bytes sent", int(t.sent), l.bytes())
}

func (t *tally) receive(n int, l *Limits) error {
	t.received += int32(n)
	return exceeded("bytes received", int(t.received), l.bytes())
}

func (t *tally) mayPropose(l *Limits) error {
	return exceeded("proposals", int(t.proposals)+1, l.proposals())
}

// mayList reports whether one more "ls" may be answered with a list (R23).
func (t *tally) mayList(l *Limits) bool { return int(t.lists) < l.lists() }

func exceeded(what string, count, allowed int) error {
	if count > allowed {
		return fmt.Errorf("%w: more than %d %s", ErrLimit, allowed, what)
	}
	return nil
}
