package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Where the short way ends, nothing is forgotten of what it knew.

func nothing(context.Context, string, io.ReadWriteCloser) {}

// What does not fit the short way is answered beside the next read on a stream
// without a buffer, with a budget and without (R28).
func TestLongNameOverPipe(t *testing.T) {
	long, known := "/"+strings.Repeat("x", 61), "/"+strings.Repeat("y", 60)
	for _, budget := range []multiselect.Limits{{}, {Timeout: -1}} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			m := &multiselect.Muxer{Limits: budget}
			if err := m.AddHandler(known, nothing); err != nil {
				t.Fatal(err)
			}
			go func() {
				if _, err := a.Write([]byte(wire.HeaderFrame + say(long) + say(known))); err != nil {
					t.Error(err)
				}
				answer := wire.HeaderFrame + say(wire.NA) + say(known)
				if got, err := io.ReadAll(io.LimitReader(a, int64(len(answer)))); string(got) != answer {
					t.Errorf("the answer is %q, %v", got, err)
				}
			}()
			if got, _, err := m.Negotiate(context.Background(), b); got != known || err != nil {
				t.Errorf("Negotiate = %q, %v", got, err)
			}
		})
	}
}

// hooked is a stream on which the peer says one thing, after something has happened.
type hooked struct {
	*conn
	before func()
	says   []string
}

func (h *hooked) Read(p []byte) (int, error) {
	h.before()
	if len(h.says) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, h.says[0])
	if h.says[0] = h.says[0][n:]; h.says[0] == "" {
		h.says = h.says[1:]
	}
	return n, nil
}

// A name that comes while a read waits counts, also if it is shorter than all that
// were there (R16).
func TestShorterNameComesDuringRead(t *testing.T) {
	a, _ := conns(plenty)
	var m multiselect.Muxer
	m.AddHandler("/a-long-protocol/1.0.0", nothing)
	stream := &hooked{a, func() { m.AddHandler("/abc", nothing) }, []string{wire.HeaderFrame + say("/abc")}}
	if got, _, err := m.Negotiate(context.Background(), stream); got != "/abc" || err != nil {
		t.Errorf("Negotiate = %q, %v", got, err)
	}
}

// What has arrived of a proposal is what the error tells, in whatever pieces the
// header came.
func TestCutProposal(t *testing.T) {
	const part = "\x09/a"
	for _, says := range [][]string{
		{wire.HeaderFrame + part},
		{wire.HeaderFrame[:2], wire.HeaderFrame[2:] + part},
		{wire.HeaderFrame[:2], wire.HeaderFrame[2:], part},
	} {
		a, _ := conns(plenty)
		var m multiselect.Muxer
		m.AddHandler("/a-long-protocol/1.0.0", nothing)
		_, _, err := m.Negotiate(context.Background(), &hooked{a, func() {}, says})
		failed, ok := errors.AsType[*multiselect.Error](err)
		if !ok || failed.Phase != multiselect.PhaseProposal || string(failed.Received) != part || failed.BytesReceived != len(wire.HeaderFrame+part) {
			t.Errorf("%q: %+v", says, failed)
		}
	}
}

// A stream is ended once, also by who does it when the peer has agreed and that is
// being told.
func TestLazyResetByTrace(t *testing.T) {
	a, b := conns(plenty)
	var l *multiselect.LazyStream
	ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(multiselect.Outcome) { l.Reset() }})
	l, err := new(multiselect.Client).Lazy(ctx, a, nameA)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l, "x")
	mustWrite(t, b, wire.HeaderFrame+say(nameA))
	l.Wait(t.Context())
	l.Reset()
	if ends := a.ended(); len(ends) != 1 {
		t.Errorf("ended %q", ends)
	}
}

// The trace of what is about to be sent ends with the negotiation, which somebody else
// may end at that moment: nothing for a race detector to find.
func TestLazyResetWhileAnnounced(t *testing.T) {
	for range 100 {
		a, _ := conns(plenty)
		l, err := new(multiselect.Client).Lazy(multiselect.WithTrace(t.Context(), &multiselect.Trace{}), a, nameA)
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() { l.Flush() })
		both.Go(func() { l.Reset() })
		both.Wait()
	}
}
