package attempt

import (
	"context"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Negotiate connects and proposes. It returns nil unless a protocol was agreed on.
func (a *Attempt) Negotiate(ctx context.Context) transport.Stream {
	a.mode = "eager"
	began := time.Now()
	limited, cancel := Within(ctx, a.Timeout)
	defer cancel()
	t, err := a.start(limited)
	if err == nil {
		err = a.agree(limited, t)
	}
	a.elapsed = time.Since(began)
	a.Fail(err)
	if t == nil {
		return nil
	}
	if err != nil {
		if isRefusal(err) {
			a.askOffers(limited, t)
		}
		t.conn.Close()
		return nil
	}
	return t.conn
}

// askOffers asks a peer that has refused every proposal for its protocols. It
// takes at most a second and does not change the outcome.
func (a *Attempt) askOffers(ctx context.Context, t *talk) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	a.asked = true
	a.List, a.listErr = t.list(ctx)
	if a.rung == "" {
		a.askIdentify(ctx, t.live)
	}
}

// Ask connects and asks for the list.
func (a *Attempt) Ask(ctx context.Context) {
	began := time.Now()
	ctx, cancel := Within(ctx, a.Timeout)
	defer cancel()
	t, err := a.start(ctx)
	if err == nil {
		a.asked = true
		a.List, err = t.list(ctx)
		a.listErr = err
		t.conn.Close()
		if a.askIdentify(ctx, t.live) {
			err = nil
		}
	}
	a.Fail(err)
	a.elapsed = time.Since(began)
}

// start begins an attempt: it connects.
func (a *Attempt) start(ctx context.Context) (*talk, error) {
	t, err := a.Peer.call(ctx, &a.record, a.Live)
	a.connected = err == nil
	return t, err
}

// agree makes the proposals of an attempt one after the other. It does not call
// SelectOneOf, because the stream has to stay usable after a refusal: the peer can
// then be asked for its list.
func (a *Attempt) agree(ctx context.Context, t *talk) error {
	var err error
	for _, p := range a.Protocols {
		if err = t.try(ctx, p); err == nil {
			a.protocol = p
			return nil
		}
		if !isRefusal(err) {
			return err
		}
		a.refused = append(a.refused, p)
	}
	return err
}

// Fail records err. If a rung failed, it copies the record of that negotiation.
func (a *Attempt) Fail(err error) {
	a.Err = err
	if e, ok := err.(*rungError); ok {
		r := e.attempt
		a.rung, a.Protocols, a.refused, a.Err = r.rung, r.Protocols, r.refused, r.Err
		a.List, a.listErr, a.asked = r.List, r.listErr, r.asked
		a.connected, a.mode = true, ""
		a.record.sent, a.record.received = r.record.sent, r.record.received
	}
}

// Within returns a context that ends after a time; 0 is no limit.
func Within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}
