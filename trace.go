package multiselect

import (
	"context"
	"time"
)

// Trace is a set of hooks that are told what happens in the negotiations of a
// context; see [WithTrace]. Any of them may be nil. They run in the goroutine
// that negotiates, one after the other, and the bytes they are given are good
// until they return. One Trace may serve many negotiations at once.
type Trace struct {
	// Begin is called when a call of this package begins to negotiate, before
	// anything is said; for a [LazyStream] that is [Client.Lazy]. Done follows.
	Begin func(role Role)
	// Sent is called for each flight before it is written: one or more whole
	// messages. The role is this side's.
	Sent func(role Role, flight []byte)
	// Received is called for each message of the peer, and, when a negotiation
	// fails, for the bytes that are left and are no message.
	Received func(role Role, message []byte)
	// Done is called when a call of this package is about to return.
	Done func(Outcome)
}

// Outcome is how a negotiation, or a step of it, ended.
type Outcome struct {
	Role     Role
	Protocol string // what was agreed, empty if nothing was
	Err      error  // nil, or an [*Error]
	// Unheard is why the answers of a responder did not reach the peer, which
	// had stopped reading, although the negotiation succeeded (R17).
	WriteErr                 error
	Proposals                int           // so far on this stream
	Flights                  int           // how many writes this side needed, so far
	BytesSent, BytesReceived int           // so far
	Elapsed                  time.Duration // since the call began
}

type traceKey struct{}

// WithTrace returns a context whose negotiations call the hooks of trace, and
// then those that ctx had before.
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
	return context.WithValue(ctx, traceKey{}, trace)
}

func traceOf(ctx context.Context) *Trace {
	trace, _ := ctx.Value(traceKey{}).(*Trace)
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

func (c *Communicator) outcome(protocol string, err error) Outcome {
	if err != nil {
		protocol = ""
	}
	return Outcome{
		Role:          c.role,
		Protocol:      protocol,
		Err:           err,
		WriteErr:      c.rare.writeErr,
		Proposals:     int(c.state.Proposals),
		Flights:       int(c.out.flights),
		BytesSent:     int(c.out.sent),
		BytesReceived: int(c.in.total),
		Elapsed:       c.life.elapsed(),
	}
}
