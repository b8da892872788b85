package multiselect

import (
	"context"
	"time"

	"github.com/multiselect/multiselect/internal/tracekey"
)

// Trace is a set of hooks that observe the negotiations of a context; see [WithTrace]. Any
// of them may be nil. They run in order in the goroutine that negotiates, which can change
// from hook to hook on a [LazyStream], and must not keep the bytes they are given. One Trace may
// serve many negotiations concurrently.
type Trace struct {
	// Begin is called when a call of this package begins to negotiate, before bytes are
	// sent; for a [LazyStream] that is [Client.Lazy]. Done follows.
	Begin func(role Role)
	// Sent is called before each write, with one or more whole messages. The role is
	// that of this side.
	Sent func(role Role, flight []byte)
	// Received is called for each message of the peer, and, after a failure, for the
	// remaining bytes that are no message. The role is that of this side.
	Received func(role Role, message []byte)
	// Done is called before a call of this package returns; for a LazyStream when the outcome
	// is known, possibly in a background goroutine.
	Done func(Outcome)
}

// Outcome is the result of a negotiation or of a step of it.
type Outcome struct {
	Role     Role
	Protocol string // the agreed protocol, or empty
	Err      error  // nil, or an [*Error]
	// WriteErr is a write error that a responder has ignored: its peer had stopped reading,
	// and an agreement could still follow (R17). After [syscall.ECONNRESET] the received data may
	// be incomplete, although a Read of a TCP connection ends with [io.EOF].
	WriteErr                 error
	Proposals                int           // on this stream so far
	Flights                  int           // writes of this side so far
	BytesSent, BytesReceived int           // so far
	Elapsed                  time.Duration // as in [Error]
}

// WithTrace returns a context whose negotiations call the hooks of trace, and after them
// those of a trace that ctx has already.
func WithTrace(ctx context.Context, trace *Trace) context.Context {
	if first, then := trace, traceOf(ctx); then != nil {
		trace = &Trace{
			Begin: func(role Role) {
				first.begin(role)
				then.begin(role)
			},
			Sent: func(role Role, flight []byte) {
				first.sent(role, flight)
				then.sent(role, flight)
			},
			Received: func(role Role, message []byte) {
				first.received(role, message)
				then.received(role, message)
			},
			Done: func(o Outcome) {
				first.done(o)
				then.done(o)
			},
		}
	}
	return context.WithValue(ctx, tracekey.Key{}, trace)
}

func traceOf(ctx context.Context) *Trace {
	trace, _ := ctx.Value(tracekey.Key{}).(*Trace)
	return trace
}

func (t *Trace) begin(role Role) {
	if t != nil && t.Begin != nil {
		t.Begin(role)
	}
}

func (t *Trace) sent(role Role, flight []byte) {
	if t != nil && t.Sent != nil {
		t.Sent(role, flight)
	}
}

func (t *Trace) received(role Role, message []byte) {
	if t != nil && t.Received != nil {
		t.Received(role, message)
	}
}

func (t *Trace) done(o Outcome) {
	if t != nil && t.Done != nil {
		t.Done(o)
	}
}
