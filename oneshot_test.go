package multiselect_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// What is sent behind the only shot is never a proposal, and the initiator hears
// "na" and not the end of the stream.
func TestOneShot(t *testing.T) {
	tests := []struct {
		name, sent, answer string
		protocol           string
		noList             bool
	}{
		{"agreed", say(wire.Header, nameA), say(wire.Header, nameA), nameA, false},
		{"refused", say(wire.Header, "/no/1.0.0"), say(wire.Header, "na"), "", false},
		{"a proposal behind it", say(wire.Header, "/no/1.0.0", nameA), say(wire.Header, "na"), "", false},
		{"payload behind it", say(wire.Header, "/no/1.0.0") + strings.Repeat("DELETE", 1000), say(wire.Header, "na"), "", false},
		{"ls is no refusal", say(wire.Header, "ls", nameA), say(wire.Header) + "\x0d\x0b/foo/1.0.0\n\n" + say(nameA), nameA, false},
		{"ls refused", say(wire.Header, "ls", nameA), say(wire.Header, "na"), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				m := serving(t, nameA)
				m.OneShot, m.NoList = true, tt.noList
				mustWrite(t, a, tt.sent)
				time.AfterFunc(time.Second, func() { a.CloseWrite() })
				start := time.Now()
				got, _, err := m.Negotiate(context.Background(), b)
				if got != tt.protocol {
					t.Errorf("Negotiate = %q, %v", got, err)
				}
				if tt.protocol != "" {
					mustRead(t, a, tt.answer)
					return
				}
				failed, ok := errors.AsType[*multiselect.Error](err)
				if !ok || !errors.Is(err, multiselect.ErrGaveUp) || failed.Blame() != multiselect.BlameNone || time.Since(start) != time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				if !tt.noList && !slices.Equal(failed.Protocols, []string{"/no/1.0.0"}) {
					t.Errorf("refused %q", failed.Protocols)
				}
				if wrote := strings.Join(b.wrote(), ""); wrote != tt.answer {
					t.Errorf("answered %q", wrote)
				}
				if ends := b.ended(); !slices.Equal(ends, []string{"closewrite", "reset"}) {
					t.Errorf("ended: %q", ends)
				}
			})
		})
	}
}

// The list that does not fit is refused with "na" as well.
func TestOneShotListTooLong(t *testing.T) {
	m := serving(t, nameA, nameB)
	m.OneShot, m.Limits.ListNames = true, 1
	if _, _, err := m.Negotiate(context.Background(), talk(say(wire.Header, "ls"), say(nameA))); !errors.Is(err, multiselect.ErrGaveUp) {
		t.Error(err)
	}
}

// Neither a peer that stays nor one that talks on holds the responder for long.
func TestOneShotIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, peer := range map[string]struct {
			sends int
			want  error
			takes time.Duration
		}{
			"silent":    {0, errTimeout, 10 * time.Second},
			"talkative": {1 << 20, multiselect.ErrGaveUp, 0},
		} {
			a, b := conns(2 * plenty)
			mustWrite(t, a, say(wire.Header, "/no/1.0.0"))
			mustWrite(t, a, strings.Repeat("x", peer.sends))
			m := serving(t, nameA)
			m.OneShot = true
			start := time.Now()
			_, _, err := m.Negotiate(context.Background(), b)
			if !isWanted(err, peer.want) || time.Since(start) != peer.takes {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		}
	})
}

// An unguarded lazy stream and a one-shot responder: the refusal arrives typed
// over a kernel's connection, whatever was sent, and reaches no other handler.
func TestOneShotWithUnguarded(t *testing.T) {
	for range 50 {
		a, b := connected(t, "tcp")
		m := serving(t, nameB)
		m.OneShot = true
		refused := make(chan error, 1)
		go func() { refused <- m.Handle(context.Background(), b) }()
		l := lazy(t, &multiselect.Client{Unguarded: true}, a)
		mustWrite(t, l, say(nameB)+strings.Repeat("DELETE", 100))
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Fatal(err)
		}
		if err := <-refused; !errors.Is(err, multiselect.ErrGaveUp) {
			t.Fatal(err)
		}
	}
}

// R17: a lazy initiator that writes and is gone is served all the same.
func TestLazyFireAndForget(t *testing.T) {
	served := make(chan string, 1)
	m := new(multiselect.Muxer)
	m.AddHandler(nameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		got, _ := io.ReadAll(stream)
		served <- string(got)
	})
	a, b := conns(plenty)
	l := lazy(t, new(multiselect.Client), a)
	mustWrite(t, l, "\x07request")
	a.CloseRead() // the stream's own: the peer has stopped reading
	a.CloseWrite()
	if err := m.Handle(context.Background(), b); err != nil {
		t.Error(err)
	}
	if got := <-served; got != "\x07request" {
		t.Errorf("served %q", got)
	}
	l.Reset()
}
