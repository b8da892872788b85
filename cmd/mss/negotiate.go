package main

import (
	"context"
	"time"
)

// negotiate connects and proposes. It returns nil unless a protocol was agreed on.
func (a *attempt) negotiate(ctx context.Context) halfCloser {
	a.mode = "eager"
	began := time.Now()
	limited, cancel := within(ctx, a.timeout)
	defer cancel()
	t, err := a.start(limited)
	if err == nil {
		err = a.agree(limited, t)
	}
	a.elapsed = time.Since(began)
	a.fail(err)
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
func (a *attempt) askOffers(ctx context.Context, t *talk) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	a.asked = true
	a.list, a.listErr = t.list(ctx)
	if a.rung == "" {
		a.askIdentify(ctx, t.live)
	}
}

// ask connects and asks for the list.
func (a *attempt) ask(ctx context.Context) {
	began := time.Now()
	ctx, cancel := within(ctx, a.timeout)
	defer cancel()
	t, err := a.start(ctx)
	if err == nil {
		a.asked = true
		a.list, err = t.list(ctx)
		a.listErr = err
		t.conn.Close()
		if a.askIdentify(ctx, t.live) {
			err = nil
		}
	}
	a.fail(err)
	a.elapsed = time.Since(began)
}

// start begins an attempt: it connects.
func (a *attempt) start(ctx context.Context) (*talk, error) {
	t, err := a.peer.call(ctx, &a.record, a.live)
	a.connected = err == nil
	return t, err
}

// agree makes the proposals of an attempt one after the other. It does not call
// SelectOneOf, because the stream has to stay usable after a refusal: the peer can
// then be asked for its list.
func (a *attempt) agree(ctx context.Context, t *talk) error {
	var err error
	for _, p := range a.protocols {
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

// fail records err. If a rung failed, it copies the record of that negotiation.
func (a *attempt) fail(err error) {
	a.err = err
	if e, ok := err.(*rungError); ok {
		r := e.attempt
		a.rung, a.protocols, a.refused, a.err = r.rung, r.protocols, r.refused, r.err
		a.list, a.listErr, a.asked = r.list, r.listErr, r.asked
		a.connected, a.mode = true, ""
		a.record.sent, a.record.received = r.record.sent, r.record.received
	}
}
