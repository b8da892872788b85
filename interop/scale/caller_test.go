package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
)

// caller is a strategy, spoken by the library.
type caller struct {
	strategy
	call func(context.Context, net.Conn, dial) (string, error)
}

// callers are all strategies that the library has. Lazy is not one of them, and
// a stand-in written here would show only that the model agrees with itself.
var callers = []caller{
	{wait, callWaiting},
	{sequential, callInOrder},
	{ls, callListing},
	{remembered, callRemembering},
}

var client multiselect.Client

func callInOrder(ctx context.Context, c net.Conn, d dial) (string, error) {
	return client.SelectOneOf(ctx, c, d.names...)
}

func callRemembering(ctx context.Context, c net.Conn, d dial) (string, error) {
	if d.remembered == "" {
		return client.SelectOneOf(ctx, c, d.names...)
	}
	// The library proposes a name that stands there twice once.
	return client.SelectOneOf(ctx, c, append([]string{d.remembered}, d.names...)...)
}

func callWaiting(ctx context.Context, c net.Conn, d dial) (string, error) {
	com := multiselect.NewCommunicator(c)
	if err := client.Handshake(ctx, com); err != nil {
		return "", err
	}
	return client.SelectOneOfOver(ctx, com, d.names...)
}

func callListing(ctx context.Context, c net.Conn, d dial) (string, error) {
	com := multiselect.NewCommunicator(c)
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
	return client.SelectOneOfOver(ctx, com, rest...)
}

// observed is what a negotiation took.
type observed struct {
	cost
	time      time.Duration // until the initiator knew
	responder time.Duration // until the responder knew
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
func (c caller) negotiate(d dial, m *multiselect.Muxer, there, back, perByte time.Duration) (o observed, err error) {
	initiator, responder := connect(there, back, perByte)
	defer initiator.Close()
	begin := time.Now()
	var wg sync.WaitGroup
	var heard string
	var heardErr error
	wg.Go(func() {
		heard, _, heardErr = m.Negotiate(context.Background(), responder)
		o.responder = time.Since(begin)
	})
	name, err := c.call(context.Background(), initiator, d)
	o.time = time.Since(begin)
	wg.Wait()
	o.out, _ = initiator.out.counted()
	o.in, o.roundTrips = initiator.in.counted()
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
