package attempt

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Opening is the start of standard input, which a lazy dial reads before it
// connects.
type Opening struct {
	First []byte // at most MaxFirst bytes
	Ended bool   // standard input is empty and has ended
}

// MaxFirst is the number of bytes that the library writes together with the
// proposal. Any new connection accepts as much without a peer that reads.
const MaxFirst = 4096

// CheckLazy returns the error that the library would return for a lazy proposal,
// before there is a connection.
func CheckLazy(args []string) error {
	if len(args) != 1 {
		return exit.Usagef("dial --lazy takes one PROTOCOL, not %d: early data is meant for one protocol", len(args))
	}
	nowhere, _ := net.Pipe()
	_, err := new(multiselect.Client).Lazy(context.Background(), nowhere, args[0])
	if e, ok := errors.AsType[*multiselect.Error](err); ok {
		return exit.Usagef("%v\nnothing was sent: some responders trim names; without --lazy it can be proposed", e.Err)
	}
	return err
}

// LazyMode is the mode of an attempt whose first bytes are sent with the proposal.
const LazyMode = "lazy"

// NegotiateLazy is Negotiate for lazy streams: it sends the first bytes of standard
// input, or its end, with the proposal, and removes those that were sent from o.
// Unguarded streams send bytes that a responder could take for a proposal.
func (a *Attempt) NegotiateLazy(ctx context.Context, o *Opening, unguarded bool) transport.Stream {
	a.mode = LazyMode
	began := time.Now()
	limited, cancel := Within(ctx, a.Timeout)
	defer cancel()
	t, err := a.start(limited)
	if err == nil {
		t.client.Unguarded = unguarded
		if end, ok := limited.Deadline(); ok {
			t.client.Limits.Timeout = max(time.Until(end), 1)
		}
		err = a.propose(ctx, t, o)
	}
	a.elapsed = time.Since(began)
	if a.Fail(err); err == nil {
		a.protocol = a.Protocols[0]
		return t.conn
	}
	if t != nil {
		if isRefusal(err) {
			a.refused = a.Protocols
		}
		t.conn.Close()
	}
	return nil
}

// propose makes the proposal, removes the bytes that were sent from o.first, and
// waits for the outcome.
//
// Until the outcome only o.first is written, and only that Write may wait for the
// answer. So if the stream is pending afterwards, the bytes were sent early. The
// rest of standard input is never sent early.
func (a *Attempt) propose(ctx context.Context, t *talk, o *Opening) error {
	stream, err := t.client.Lazy(t.record.Watch(ctx, t.live), t.conn, a.Protocols[0])
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { stream.Reset() })()
	// An error here does not decide: the peer may have answered nevertheless.
	if o.Ended {
		if stream.CloseWrite() == nil {
			t.note("standard input is empty: its end was sent with the proposal")
		}
	} else {
		n, _ := stream.Write(o.First)
		switch {
		case stream.State() != multiselect.LazyPending:
			t.note(terminal.CountBytes(len(o.First)) + " waited for the answer")
		case n > 0:
			a.early = n
			t.note(terminal.CountBytes(n) + " of early data")
		}
		o.First = o.First[n:]
	}
	outcome := stream.Wait(context.Background()) // and not ctx: the record must be complete
	if outcome != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return outcome
}
