package multiselect_test

import (
	"context"
	"io"

	"github.com/multiselect/multiselect"
)

// form is one of the calls of this package that wait for a peer, with what a
// peer says to make it succeed.
type form struct {
	name   string
	role   multiselect.Role
	peer   []string // chunks
	starts bool     // it speaks first
	step   bool     // a refusal leaves the stream
	call   func(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error
}

const (
	nameA = "/foo/1.0.0"
	nameB = "/bar/2.0.0"
)

// forms returns all of them. The initiators propose A and, where they can
// propose two, B; the responders have A.
func forms() []form {
	const initiator, responder = multiselect.Initiator, multiselect.Responder
	header, a := say("/multistream/1.0.0"), say(nameA)
	list := say(a + say(nameB))
	return []form{
		{"SelectOneOf", initiator, []string{header + a}, true, false, selectOneOf},
		{"SelectOn", initiator, []string{header, a}, true, false, overClient(selectOver)},
		{"Client.Handshake", initiator, []string{header}, true, true, overClient((*multiselect.Client).Handshake)},
		{"TrySelect", initiator, []string{header + a}, true, true, overClient(trySelect)},
		{"List", initiator, []string{header, list}, true, true, overClient(justList)},
		{"ListAndTrySelect", initiator, []string{header, list, a}, true, true, overClient(listAndTrySelect)},
		{"Negotiate", responder, []string{header + a}, false, false, overMuxer(negotiate)},
		{"NegotiateOn", responder, []string{header, a}, false, false, overMuxer(negotiateOver)},
		{"Handle", responder, []string{header + a}, false, false, overMuxer((*multiselect.Muxer).ServeStream)},
		{"Muxer.Handshake", responder, []string{header}, false, true, overMuxer(muxerHandshake)},
	}
}

func selectOneOf(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
	_, err := (&multiselect.Client{Limits: l}).SelectOneOf(ctx, stream, nameA, nameB)
	return err
}

func overClient(do func(*multiselect.Client, context.Context, *multiselect.Communicator) error) func(context.Context, multiselect.Limits, io.ReadWriteCloser) error {
	return func(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
		return do(&multiselect.Client{Limits: l}, ctx, multiselect.NewCommunicator(stream))
	}
}

func selectOver(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	_, err := cl.SelectOn(ctx, c, nameA, nameB)
	return err
}

func trySelect(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	return cl.TrySelect(ctx, c, nameA)
}

func justList(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	_, err := cl.List(ctx, c)
	return err
}

func listAndTrySelect(cl *multiselect.Client, ctx context.Context, c *multiselect.Communicator) error {
	_, err := cl.ListAndTrySelect(ctx, c, nameA)
	return err
}

func overMuxer(do func(*multiselect.Muxer, context.Context, io.ReadWriteCloser) error) func(context.Context, multiselect.Limits, io.ReadWriteCloser) error {
	return func(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
		m := &multiselect.Muxer{Limits: l}
		if err := m.AddHandler(nameA, noHandler); err != nil {
			return err
		}
		return do(m, ctx, stream)
	}
}

func negotiate(m *multiselect.Muxer, ctx context.Context, stream io.ReadWriteCloser) error {
	_, _, err := m.Negotiate(ctx, stream)
	return err
}

func negotiateOver(m *multiselect.Muxer, ctx context.Context, stream io.ReadWriteCloser) error {
	_, _, err := m.NegotiateOn(ctx, multiselect.NewCommunicator(stream))
	return err
}

func muxerHandshake(m *multiselect.Muxer, ctx context.Context, stream io.ReadWriteCloser) error {
	return m.Handshake(ctx, multiselect.NewCommunicator(stream))
}
