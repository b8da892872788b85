package attempt

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// A peer is named as it was given; the embedded one has no address to be named by.
func TestPeerNames(t *testing.T) {
	given := NewPeer(address.Address{Where: "127.0.0.1:1"}, "tcp://127.0.0.1:1", new(transport.Trust))
	if given.IsEmbedded() || given.String() != "127.0.0.1:1" || given.Name() != "tcp://127.0.0.1:1" {
		t.Errorf("%q, %q", given, given.Name())
	}
	given.Stop() // there is nothing to stop
	ended := 0
	embedded := NewEmbeddedPeer(address.Loopback, new(transport.Trust), func() { ended++ })
	if !embedded.IsEmbedded() || embedded.String() != "the embedded responder" || embedded.Name() != "embedded" {
		t.Errorf("%q, %q", embedded, embedded.Name())
	}
	if embedded.Stop(); ended != 1 {
		t.Errorf("ended %d times", ended)
	}
}

// Streams share a connection where it carries many, and a connection that the peer has
// closed since is replaced.
func TestPeerStream(t *testing.T) {
	for _, where := range []string{"yamux://127.0.0.1:0", "quic://127.0.0.1:0"} {
		p := serve(t, where, host{}, echoes(t, "/x"))
		open := func() {
			s, err := p.Stream(t.Context(), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		open()
		first := p.link
		open()
		if p.link != first {
			t.Errorf("%s: the second stream is on another connection", where)
		}
		first.Close()
		open()
		if p.link == first {
			t.Errorf("%s: the connection was not replaced", where)
		}
		l, err := p.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if l.Close(); l == p.link {
			t.Errorf("%s: Connect returns the connection of the streams", where)
		}
	}
}

// A connection that cannot be replaced is an error in connecting.
func TestPeerStreamInterrupted(t *testing.T) {
	p := serve(t, "yamux://127.0.0.1:0", host{}, echoes(t, "/x"))
	if _, err := p.Stream(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exit.ErrInterrupted)
	p.link.Close()
	if _, err := p.Stream(ctx, io.Discard); exit.Code(err) != exit.Interrupted {
		t.Errorf("%v", err)
	}
}

func TestWithin(t *testing.T) {
	ctx, cancel := Within(t.Context(), time.Hour)
	defer cancel()
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Hour {
		t.Errorf("an hour ends at %v, %v", end, ok)
	}
	unlimited, cancel := Within(t.Context(), 0)
	if _, ok := unlimited.Deadline(); ok {
		t.Error("no limit has a deadline")
	}
	if cancel(); unlimited.Err() == nil {
		t.Error("it cannot be canceled")
	}
}
