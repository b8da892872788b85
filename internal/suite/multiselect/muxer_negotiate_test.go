package multiselect_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// With HeaderFirst an initiator that waits for the header is served, by Negotiate
// and step by step, and the answer is a write of its own.
func TestHeaderFirst(t *testing.T) {
	flight := say(wire.Header, apitest.NameA)
	for name, negotiate := range map[string]func(m *multiselect.Muxer, stream *streamtest.Stream) error{
		"Negotiate": func(m *multiselect.Muxer, stream *streamtest.Stream) error {
			_, _, err := m.Negotiate(context.Background(), stream)
			return err
		},
		"Handshake and NegotiateOn": func(m *multiselect.Muxer, stream *streamtest.Stream) error {
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
				a, b := streamtest.Pipe()
				m := apitest.Muxer(t, apitest.NameA)
				m.HeaderFirst = true
				failed := make(chan error, 1)
				go func() { failed <- negotiate(m, a) }()
				streamtest.MustRead(t, b, say(wire.Header)) // before this side has sent anything
				streamtest.MustWrite(t, b, flight)
				if err := <-failed; err != nil {
					t.Fatal(err)
				}
				if got := a.Writes(); strings.Join(got, "|") != say(wire.Header)+"|"+say(apitest.NameA) {
					t.Errorf("writes: %q", got)
				}
			})
		})
	}
}

// A peer that has stopped reading is served (R17), and on a stream without buffers
// the header blocks neither side (R28).
func TestHeaderFirstUnheard(t *testing.T) {
	flight := say(wire.Header, apitest.NameA)
	a, b := streamtest.Pipe()
	streamtest.MustWrite(t, b, flight)
	b.CloseRead()
	m := apitest.Muxer(t, apitest.NameA)
	m.HeaderFirst = true
	if _, _, err := m.Negotiate(context.Background(), a); err != nil {
		t.Error(err)
	}
	for _, transport := range []streamtest.Transport{streamtest.OverNetPipe, streamtest.OverIOPipes} {
		t.Run(transport.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ours, theirs := transport.Open(t)
				defer theirs.Close()
				m := apitest.Muxer(t, apitest.NameA)
				m.HeaderFirst, m.Unbuffered = true, transport.Unbuffered
				failed := make(chan error, 1)
				go func() {
					_, _, err := m.Negotiate(context.Background(), ours)
					failed <- err
				}()
				streamtest.MustWrite(t, theirs, flight) // header and proposal, without reading
				streamtest.MustRead(t, theirs, flight)
				if err := <-failed; err != nil || time.Since(start) != 0 {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}

// Data after the refused proposal of a one-shot responder is never read as a proposal, and
// the initiator receives "na" before the end of the stream (R32).
func TestOneShot(t *testing.T) {
	tests := []struct {
		name, sent, answer string
		protocol           string
		noList             bool
	}{
		{"agreed", say(wire.Header, apitest.NameA), say(wire.Header, apitest.NameA), apitest.NameA, false},
		{"refused", say(wire.Header, "/no/1.0.0"), say(wire.Header, "na"), "", false},
		{"a proposal behind it", say(wire.Header, "/no/1.0.0", apitest.NameA), say(wire.Header, "na"), "", false},
		{"payload behind it", say(wire.Header, "/no/1.0.0") + strings.Repeat("DELETE", 1000), say(wire.Header, "na"), "", false},
		{"ls is no refusal", say(wire.Header, "ls", apitest.NameA), say(wire.Header) + "\x0d\x0b/foo/1.0.0\n\n" + say(apitest.NameA), apitest.NameA, false},
		{"ls refused", say(wire.Header, "ls", apitest.NameA), say(wire.Header, "na"), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := streamtest.Pipe()
				m := apitest.Muxer(t, apitest.NameA)
				m.OneShot, m.NoList = true, tt.noList
				streamtest.MustWrite(t, a, tt.sent)
				time.AfterFunc(100*time.Millisecond, func() { a.CloseWrite() })
				start := time.Now()
				got, _, err := m.Negotiate(context.Background(), b)
				if got != tt.protocol {
					t.Errorf("Negotiate = %q, %v", got, err)
				}
				if tt.protocol != "" {
					streamtest.MustRead(t, a, tt.answer)
					return
				}
				failed, ok := errors.AsType[*multiselect.Error](err)
				if !ok || !errors.Is(err, multiselect.ErrGaveUp) || failed.Blame() != multiselect.BlameNone || time.Since(start) != 100*time.Millisecond {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				if !tt.noList && !slices.Equal(failed.Protocols, []string{"/no/1.0.0"}) {
					t.Errorf("refused %q", failed.Protocols)
				}
				if wrote := strings.Join(b.Writes(), ""); wrote != tt.answer {
					t.Errorf("answered %q", wrote)
				}
				if ends := b.Ended(); !slices.Equal(ends, []string{"closewrite", "reset"}) {
					t.Errorf("ended: %q", ends)
				}
			})
		})
	}
}

// A one-shot responder whose refusal cannot be written has refused nevertheless: the peer
// has stopped reading, and its stream ends in any case.
func TestOneShotUndelivered(t *testing.T) {
	for _, traced := range []bool{false, true} {
		var outcome multiselect.Outcome
		ctx := context.Background()
		if traced {
			ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) { outcome = o }})
		}
		m := apitest.Muxer(t, apitest.NameA)
		m.OneShot = true
		stream := streamtest.NewScript(say(wire.Header, "/unknown"))
		stream.FailWrite = func(int, []byte) (int, error, bool) { return 0, syscall.EPIPE, true }
		_, _, err := m.Negotiate(ctx, stream)
		if !errors.Is(err, multiselect.ErrGaveUp) {
			t.Errorf("traced %v: Negotiate = %v, want ErrGaveUp", traced, err)
		}
		if traced && !errors.Is(outcome.WriteErr, syscall.EPIPE) {
			t.Errorf("WriteErr = %v, want EPIPE", outcome.WriteErr)
		}
	}
}

// The list that does not fit is refused with "na" as well.
func TestOneShotListTooLong(t *testing.T) {
	m := apitest.Muxer(t, apitest.NameA, apitest.NameB)
	m.OneShot, m.Limits.MaxListNames = true, 1
	if _, _, err := m.Negotiate(context.Background(), streamtest.NewScript(say(wire.Header, "ls"), say(apitest.NameA))); !errors.Is(err, multiselect.ErrGaveUp) {
		t.Error(err)
	}
}

// Early data that is no message ends the stream in the same way: the refusal is
// heard before the reset (R18).
func TestEarlyDataParts(t *testing.T) {
	for _, early := range []string{"\x06DELETE", "\xff\xff\xffDELETE", "\x00DELETE"} {
		synctest.Test(t, func(t *testing.T) {
			a, b := streamtest.Pipe()
			streamtest.MustWrite(t, a, say(wire.Header, apitest.NameB)+early)
			time.AfterFunc(100*time.Millisecond, func() { a.CloseWrite() })
			start := time.Now()
			_, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(context.Background(), b)
			if !errors.Is(err, multiselect.ErrGaveUp) || time.Since(start) != 100*time.Millisecond {
				t.Errorf("%q: %v after %v", early, err, time.Since(start))
			}
			if ends := b.Ended(); !slices.Equal(ends, []string{"closewrite", "reset"}) {
				t.Errorf("%q: ended: %q", early, ends)
			}
		})
	}
}

// Neither a peer that stays nor one that talks on holds the responder for long.
func TestOneShotIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, peer := range map[string]struct {
			sends int
			takes time.Duration
		}{
			"silent":    {0, 500 * time.Millisecond},
			"talkative": {1 << 20, 0},
		} {
			a, b := streamtest.Pipe()
			streamtest.MustWrite(t, a, say(wire.Header, "/no/1.0.0"))
			streamtest.MustWrite(t, a, strings.Repeat("x", peer.sends))
			m := apitest.Muxer(t, apitest.NameA)
			m.OneShot = true
			start := time.Now()
			_, _, err := m.Negotiate(context.Background(), b)
			if !errors.Is(err, multiselect.ErrGaveUp) || time.Since(start) != peer.takes {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		}
	})
}

// The refusal arrives typed over a kernel's connection, whatever was sent behind
// the proposal, and the early data reaches no other handler: with an unguarded
// lazy stream and a one-shot responder, and with early data that the guard lets
// through and that the responder takes for broken messages (R18).
func TestRefusalIsHeard(t *testing.T) {
	for _, tt := range []struct {
		name    string
		early   string
		oneShot bool
	}{
		{"one-shot, unguarded", say(apitest.NameB) + strings.Repeat("DELETE", 100), true},
		{"guarded, no newline", "\x06DELETE", false},
		{"guarded, too long", "\xff\xff\xffDELETE", false},
		{"guarded, zeros", "\x00\x00\x00\x06DELETE", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 50 {
				a, b := streamtest.TCP(t)
				m := apitest.Muxer(t, apitest.NameB)
				m.OneShot = tt.oneShot
				refused := make(chan error, 1)
				go func() { refused <- m.ServeStream(context.Background(), b) }()
				l, err := (&multiselect.Client{Unguarded: tt.oneShot}).Lazy(context.Background(), a, apitest.NameA)
				if err != nil {
					t.Fatal(err)
				}
				streamtest.MustWrite(t, l, tt.early)
				// More of it, in time for what the responder has not read.
				if _, err := io.WriteString(l, "\x01"); err != nil && !errors.Is(err, multiselect.ErrNotSupported) {
					t.Fatal(err)
				}
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, multiselect.ErrNotSupported) {
					t.Fatal(err)
				}
				if err := <-refused; !errors.Is(err, multiselect.ErrGaveUp) {
					t.Fatal(err)
				}
			}
		})
	}
}

// It leaves although early data was read together with the proposal, which the
// responder does if all its names are longer, and although that is no message.
func TestRefusalLeavesBeforeBrokenEarlyData(t *testing.T) {
	a, b := streamtest.Pipe()
	streamtest.MustWrite(t, a, say(wire.Header, "/x")+"\xff\xff\xffDELETE")
	m := apitest.Muxer(t, "/"+strings.Repeat("long", 10))
	refused := make(chan error, 1)
	go func() { refused <- m.ServeStream(context.Background(), b) }()
	streamtest.MustRead(t, a, say(wire.Header, wire.NA))
	a.CloseWrite()
	if err := <-refused; !errors.Is(err, multiselect.ErrGaveUp) {
		t.Error(err)
	}
}

// R17: a lazy initiator that writes and is gone is served all the same.
func TestLazyFireAndForget(t *testing.T) {
	served := make(chan string, 1)
	m := new(multiselect.Muxer)
	m.AddHandler(apitest.NameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		got, _ := io.ReadAll(stream)
		served <- string(got)
	})
	a, b := streamtest.Pipe()
	l, err := new(multiselect.Client).Lazy(context.Background(), a, apitest.NameA)
	if err != nil {
		t.Fatal(err)
	}
	streamtest.MustWrite(t, l, "\x07request")
	a.CloseRead() // the stream's own: the peer has stopped reading
	a.CloseWrite()
	if err := m.ServeStream(context.Background(), b); err != nil {
		t.Error(err)
	}
	if got := <-served; got != "\x07request" {
		t.Errorf("served %q", got)
	}
	l.Reset()
}

// withoutReset has deadlines and halves and no reset, and its Close ends only the
// half that is written to, like that of a QUIC stream.
type withoutReset struct {
	c        *streamtest.Stream
	finished func() // in CloseWrite
}

func (s *withoutReset) Read(p []byte) (int, error)        { return s.c.Read(p) }
func (s *withoutReset) Write(p []byte) (int, error)       { return s.c.Write(p) }
func (s *withoutReset) Close() error                      { return s.c.CloseWrite() }
func (s *withoutReset) SetReadDeadline(t time.Time) error { return s.c.SetReadDeadline(t) }
func (s *withoutReset) SetDeadline(t time.Time) error {
	return errors.Join(s.c.SetReadDeadline(t), s.c.SetWriteDeadline(t))
}

func (s *withoutReset) CloseWrite() error {
	s.finished()
	return s.c.CloseWrite()
}

// A context that ends while a refusal stands ends the wait, too.
func TestPartingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		a, b := streamtest.Pipe()
		streamtest.MustWrite(t, a, say(wire.Header, apitest.NameB)+"\x06DELETE")
		start := time.Now()
		s := &withoutReset{b, func() { cancel(); synctest.Wait() }} // the stream is ended
		if _, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(ctx, s); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v after the context had ended", took)
		}
	})
}
