// Package apitest is shared by the suites of internal/suite and the tests of the root: a table
// of the calls that negotiate, and muxers to negotiate with.
package apitest

import (
	"context"
	"io"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// The protocols of the [Calls].
const (
	NameA = "/foo/1.0.0"
	NameB = "/bar/2.0.0"
)

// Call is one of the calls of the library that wait for a peer.
type Call struct {
	Name   string
	Role   multiselect.Role
	Peer   []string // chunks that a peer sends to make it succeed
	Starts bool     // it sends before it reads
	Step   bool     // a refusal leaves the stream open
	Do     func(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error
}

// Calls returns all of them. The initiators propose A and, where they can propose
// two names, B. The responders serve A.
func Calls() []Call {
	const initiator, responder = multiselect.Initiator, multiselect.Responder
	header, a := wire.HeaderFrame, streamtest.Messages(NameA)
	list := streamtest.Messages(a + streamtest.Messages(NameB))
	return []Call{
		{"SelectOneOf", initiator, []string{header + a}, true, false, SelectOneOf},
		{"SelectOn", initiator, []string{header, a}, true, false, onCommunicator(SelectOn)},
		{"Client.Handshake", initiator, []string{header}, true, true, onCommunicator((*multiselect.Client).Handshake)},
		{"TrySelect", initiator, []string{header + a}, true, true, onCommunicator(trySelect)},
		{"List", initiator, []string{header, list}, true, true, onCommunicator(List)},
		{"ListAndTrySelect", initiator, []string{header, list, a}, true, true, onCommunicator(ListAndTrySelect)},
		{"Negotiate", responder, []string{header + a}, false, false, Negotiate},
		{"NegotiateOn", responder, []string{header, a}, false, false, NegotiateOn},
		{"ServeStream", responder, []string{header + a}, false, false, ServeStream},
		{"Muxer.Handshake", responder, []string{header}, false, true, muxerHandshake},
	}
}

// Named returns the call with the name.
func Named(name string) Call {
	for _, call := range Calls() {
		if call.Name == name {
			return call
		}
	}
	panic("no call " + name)
}

// SelectOneOf proposes A and then B.
func SelectOneOf(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
	_, err := (&multiselect.Client{Limits: l}).SelectOneOf(ctx, stream, NameA, NameB)
	return err
}

// SelectOn proposes A and then B.
func SelectOn(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	_, err := cl.SelectOn(ctx, c, NameA, NameB)
	return err
}

// List asks for the list.
func List(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	_, err := cl.List(ctx, c)
	return err
}

// ListAndTrySelect asks for the list and proposes A in one flight.
func ListAndTrySelect(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	_, err := cl.ListAndTrySelect(ctx, c, NameA)
	return err
}

func trySelect(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	return cl.TrySelect(ctx, c, NameA)
}

func onCommunicator(step func(*multiselect.Client, context.Context, *multiselect.Communicator) error) func(context.Context, multiselect.Limits, io.ReadWriteCloser) error {
	return func(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
		return step(&multiselect.Client{Limits: l}, ctx, multiselect.NewCommunicator(stream))
	}
}

// Negotiate serves A.
func Negotiate(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
	_, _, err := serveA(l).Negotiate(ctx, stream)
	return err
}

// NegotiateOn serves A on a Communicator.
func NegotiateOn(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
	_, _, err := serveA(l).NegotiateOn(ctx, multiselect.NewCommunicator(stream))
	return err
}

// ServeStream serves A with a handler that does nothing.
func ServeStream(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
	return serveA(l).ServeStream(ctx, stream)
}

func muxerHandshake(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
	return serveA(l).Handshake(ctx, multiselect.NewCommunicator(stream))
}

func serveA(l multiselect.Limits) *multiselect.Muxer {
	m := &multiselect.Muxer{Limits: l}
	if err := m.AddHandler(NameA, NoHandler); err != nil {
		panic(err)
	}
	return m
}

// Muxer returns a muxer that serves the names with handlers that do nothing.
func Muxer(t testing.TB, names ...string) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	for _, name := range names {
		if err := m.AddHandler(name, NoHandler); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// NoHandler is a handler that does nothing.
func NoHandler(context.Context, string, io.ReadWriteCloser) {}
