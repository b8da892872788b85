package multiselect_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// After an agreement, and after a failure, the steps leave the stream alone.
func TestStepsAfterTheEnd(t *testing.T) {
	ctx := context.Background()
	var cl multiselect.Client
	for _, answer := range []string{apitest.NameA, "/zzz"} {
		s := streamtest.NewScript(say(wire.Header, answer))
		c := multiselect.NewCommunicator(s)
		first := cl.TrySelect(ctx, c, apitest.NameA)
		if agreed := answer == apitest.NameA; agreed != (first == nil) {
			t.Fatal(first)
		}
		written, ends := string(s.Written), slices.Clone(s.Ended)
		_, selecting := cl.SelectOn(ctx, c, apitest.NameB)
		_, listing := cl.List(ctx, c)
		_, _, negotiating := apitest.Muxer(t, apitest.NameA).NegotiateOn(ctx, c)
		for _, err := range []error{
			cl.TrySelect(ctx, c, apitest.NameB), cl.Handshake(ctx, c), selecting, listing, negotiating,
			apitest.Muxer(t, apitest.NameA).Handshake(ctx, c),
		} {
			e, ok := errors.AsType[*multiselect.Error](err)
			if !ok || !errors.Is(err, net.ErrClosed) || e.Blame() != multiselect.BlameLocal {
				t.Errorf("after %q: %v", answer, err)
			}
		}
		if string(s.Written) != written || !slices.Equal(s.Ended, ends) {
			t.Errorf("after %q: wrote %q, ended %q", answer, s.Written[len(written):], s.Ended)
		}
	}
}

// Elapsed is that of the call that failed, not of one before.
func TestElapsedOfStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := multiselect.NewCommunicator(streamtest.NewScript(say(wire.Header, "/zzz")))
		if err := new(multiselect.Client).Handshake(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cl := multiselect.Client{Limits: multiselect.Limits{Timeout: -1}}
		e, ok := errors.AsType[*multiselect.Error](cl.TrySelect(context.Background(), c, apitest.NameA))
		if !ok || e.Elapsed != 0 {
			t.Errorf("%+v", e)
		}
	})
}
