package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/multiselect/multiselect"
)

// caller is a strategy, spoken by the library. It returns when it knows the
// outcome. If it has a payload, it has sent that on the stream that it opened
// last.
type caller struct {
	strategy
	call    func(ctx context.Context, open func() net.Conn, d dial, payload []byte) (string, error)
	payload func(dial) []byte
}

// callers are all strategies.
var callers = []caller{
	{wait, callWaiting, nil},
	{sequential, callInOrder, nil},
	{ls, callListing, nil},
	{remembered, callRemembering, nil},
	{held, callLazy, wordy},
	{lazy, callLazy, framed},
	{lazyEach, callLazyEach, framed},
	{both, callLazyRemembering, framed},
}

// callerOf returns who speaks a strategy.
func callerOf(s strategy) caller {
	return callers[slices.IndexFunc(callers, func(c caller) bool { return c.name == s.name })]
}

// first returns what the caller wants to say first.
func (c caller) first(d dial) []byte {
	if c.payload == nil {
		return nil
	}
	return c.payload(d)
}

var client multiselect.Client

func callInOrder(ctx context.Context, open func() net.Conn, d dial, _ []byte) (string, error) {
	return client.SelectOneOf(ctx, open(), d.names...)
}

func callRemembering(ctx context.Context, open func() net.Conn, d dial, _ []byte) (string, error) {
	if d.remembered == "" {
		return client.SelectOneOf(ctx, open(), d.names...)
	}
	// The library proposes a name that stands there twice once.
	return client.SelectOneOf(ctx, open(), append([]string{d.remembered}, d.names...)...)
}

func callWaiting(ctx context.Context, open func() net.Conn, d dial, _ []byte) (string, error) {
	com := multiselect.NewCommunicator(open())
	if err := client.Handshake(ctx, com); err != nil {
		return "", err
	}
	return client.SelectOn(ctx, com, d.names...)
}

func callListing(ctx context.Context, open func() net.Conn, d dial, _ []byte) (string, error) {
	com := multiselect.NewCommunicator(open())
	list, err := client.ListAndTrySelect(ctx, com, d.names[0])
	if err == nil || !errors.Is(err, multiselect.ErrNotSupported) {
		return d.names[0], err
	}
	rest := d.names[1:]
	if len(list.Names) > 0 {
		rest = slices.DeleteFunc(slices.Clone(rest), func(name string) bool { return !slices.Contains(list.Names, name) })
	}
	if len(rest) == 0 {
		return "", errors.Join(err, com.Close())
	}
	return client.SelectOn(ctx, com, rest...)
}

// muxer has the protocols of a dial's peer.
func (d dial) muxer(t testing.TB) *multiselect.Muxer {
	t.Helper()
	m := &multiselect.Muxer{NoList: d.noList}
	for _, name := range d.peer {
		if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// negotiate runs one negotiation, in a bubble, and checks its outcome.
func (c caller) negotiate(d dial, m *multiselect.Muxer, x distance) (o observed, err error) {
	s := newSession(m, x, c.first(d))
	name, err := c.call(context.Background(), s.open, d, s.payload)
	o = s.end()
	heard, heardErr := s.outcome()
	switch k := d.k(); {
	case k == 0 && errors.Is(err, multiselect.ErrNotSupported) && errors.Is(heardErr, multiselect.ErrGaveUp):
		return o, nil
	case err != nil || heardErr != nil:
		return o, errors.Join(err, heardErr)
	case !d.supported(name) || name != heard:
		return o, fmt.Errorf("agreed on %q, the responder on %q", name, heard)
	}
	return o, nil
}
