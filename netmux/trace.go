package netmux

import (
	"context"
	"errors"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/tracekey"
)

// tracing calls the hooks of the [multiselect.Trace] in a context for one connection: Begin
// before the TLS handshake and Done with the final outcome, each once, whether the peers agree by
// negotiation, by ALPN or because of Server.Fallback. It is nil if the context has no trace.
type tracing struct {
	trace   *multiselect.Trace
	ctx     context.Context // of the negotiation
	role    multiselect.Role
	began   time.Time
	outcome multiselect.Outcome // of the negotiation, if there was one
	lazy    bool                // the negotiation ends it, possibly later
	ended   bool
}

// beginTrace calls Begin.
func beginTrace(ctx context.Context, role multiselect.Role) *tracing {
	trace, _ := ctx.Value(tracekey.Key{}).(*multiselect.Trace)
	if trace == nil {
		return nil
	}
	t := &tracing{trace: trace, role: role, began: time.Now()}
	if trace.Begin != nil {
		trace.Begin(role)
	}
	t.ctx = context.WithValue(ctx, tracekey.Key{}, &multiselect.Trace{
		Sent:     trace.Sent,
		Received: trace.Received,
		Done: func(o multiselect.Outcome) {
			t.outcome = o
			if t.lazy {
				t.end(o.Protocol, o.Err)
			}
		},
	})
	return t
}

// context returns the context for the negotiation, which is ctx without a trace.
func (t *tracing) context(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return t.ctx
}

// setLazy makes the negotiation end the trace, which is that of a lazy stream.
func (t *tracing) setLazy() {
	if t != nil {
		t.lazy = true
	}
}

// end calls Done, unless it was called before. A nil tracing has no effect.
func (t *tracing) end(protocol string, err error) {
	if t == nil || t.ended {
		return
	}
	t.ended = true
	o := t.outcome
	o.Role, o.Protocol, o.Err = t.role, protocol, nil
	if err != nil {
		o.Protocol = ""
	}
	if e, ok := errors.AsType[*multiselect.Error](err); ok {
		o.Err = e
	} else if err != nil && err != errChallenge {
		o.Err = &multiselect.Error{Role: t.role, Elapsed: time.Since(t.began), Err: err}
	}
	if o.Elapsed == 0 {
		o.Elapsed = time.Since(t.began)
	}
	if t.trace.Done != nil {
		t.trace.Done(o)
	}
}
