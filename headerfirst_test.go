package multiselect_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// With HeaderFirst an initiator that waits for the header is served, by
// Negotiate and step by step, and the answer is a write of its own.
func TestHeaderFirst(t *testing.T) {
	for name, negotiate := range map[string]func(m *multiselect.Muxer, stream *conn) error{
		"Negotiate": func(m *multiselect.Muxer, stream *conn) error {
			_, _, err := m.Negotiate(context.Background(), stream)
			return err
		},
		"Handshake and NegotiateOn": func(m *multiselect.Muxer, stream *conn) error {
			c := multiselect.NewCommunicator(stream)
			if err := m.Handshake(context.Background(), c); err != nil {
				return err
			}
			_, _, err := m.NegotiateOn(context.Background(), c)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				m := serving(t, nameA)
				m.HeaderFirst = true
				failed := make(chan error, 1)
				go func() { failed <- negotiate(m, a) }()
				mustRead(t, b, say(wire.Header)) // before a word from this side
				mustWrite(t, b, flightLazy)
				if err := <-failed; err != nil {
					t.Fatal(err)
				}
				if got := a.wrote(); strings.Join(got, "|") != say(wire.Header)+"|"+say(nameA) {
					t.Errorf("writes: %q", got)
				}
			})
		})
	}
}

// A peer that does not read any more is served all the same (R17), and the
// header stands in the way of nobody where there are no buffers (R28).
func TestHeaderFirstUnheard(t *testing.T) {
	a, b := conns(plenty)
	mustWrite(t, b, flightLazy)
	b.CloseRead()
	m := serving(t, nameA)
	m.HeaderFirst = true
	if _, _, err := m.Negotiate(context.Background(), a); err != nil {
		t.Error(err)
	}
	rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
		m := serving(t, nameA)
		m.HeaderFirst, m.Unbuffered = true, unbuffered
		failed := make(chan error, 1)
		go func() {
			_, _, err := m.Negotiate(context.Background(), ours)
			failed <- err
		}()
		mustWrite(t, theirs, flightLazy) // header and proposal, without reading
		mustRead(t, theirs, flightLazy)
		if err := <-failed; err != nil {
			t.Error(err)
		}
	})
}
