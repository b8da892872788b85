package fault_test

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// spoiled is a stream that panics in one of its methods, like a connection: without Reset.
type spoiled struct {
	stream *streamtest.Stream
	in     string
	armed  atomic.Bool
}

func (s *spoiled) check(method string) {
	if method == s.in && s.armed.Load() {
		panic(method)
	}
}

func (s *spoiled) Read(p []byte) (int, error)  { s.check("Read"); return s.stream.Read(p) }
func (s *spoiled) Write(p []byte) (int, error) { s.check("Write"); return s.stream.Write(p) }
func (s *spoiled) CloseWrite() error           { s.check("CloseWrite"); return s.stream.CloseWrite() }
func (s *spoiled) CloseRead() error            { s.check("CloseRead"); return s.stream.CloseRead() }

func (s *spoiled) Close() error {
	defer s.check("Close") // blocked calls return
	return s.stream.Close()
}

func (s *spoiled) SetDeadline(t time.Time) error {
	s.check("SetDeadline")
	return s.stream.SetDeadline(t)
}

func (s *spoiled) SetReadDeadline(t time.Time) error {
	s.check("SetReadDeadline")
	return s.stream.SetReadDeadline(t)
}

func (s *spoiled) SetWriteDeadline(t time.Time) error {
	s.check("SetWriteDeadline")
	return s.stream.SetWriteDeadline(t)
}

// spoiledReset is a spoiled stream of a multiplexer.
type spoiledReset struct{ *spoiled }

func (s spoiledReset) Reset() error { s.check("Reset"); return s.stream.Reset() }

type spoiledCode struct{ *spoiled }

func (s spoiledCode) ResetWithError(uint32) error { s.check("ResetWithError"); return s.stream.Reset() }

type spoiledFlush struct{ *spoiled }

func (s spoiledFlush) Flush() error { s.check("Flush"); return nil }

type spoiledChannel struct{ *spoiled }

func (s spoiledChannel) ReadMessage(int) (string, error) {
	_, err := s.stream.Read(make([]byte, 1))
	return "", err
}

func (s spoiledChannel) WriteMessages(...string) error { return nil }

var limited = multiselect.Limits{Timeout: time.Second}

// panicking are the places where code of the program runs in a goroutine of package
// multiselect, or where a stream is ended, and may panic.
var panicking = []struct {
	name string
	in   string // the method, or the hook
	// play returns the error that the caller receives.
	play func(t *testing.T, s *spoiled, peer *streamtest.Stream) error
	want error // what the error wraps; errPanic for a PanicError, and nil for no error
}{
	{"write, unbuffered initiator", "Write", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.ErrOf((&multiselect.Client{Unbuffered: true}).SelectOneOf(background, s, apitest.NameA))
	}, errPanic},
	{"write, unbuffered responder", "Write", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		streamtest.MustWrite(t, peer, messages(wire.Header, "/unknown"))
		return (&multiselect.Muxer{Unbuffered: true}).ServeStream(background, s)
	}, errPanic},
	{"flush, unbuffered initiator", "Flush", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.ErrOf((&multiselect.Client{Unbuffered: true}).SelectOneOf(background, spoiledFlush{s}, apitest.NameA))
	}, errPanic},
	{"close at the time limit", "Close", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.SelectOneOf(background, limited, s)
	}, os.ErrDeadlineExceeded},
	{"deadline at the time limit", "SetDeadline", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.SelectOneOf(background, limited, s)
	}, os.ErrDeadlineExceeded},
	{"reset at the time limit", "Reset", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.Negotiate(background, limited, spoiledReset{s})
	}, os.ErrDeadlineExceeded},
	{"reset with a code at the time limit", "ResetWithError", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.Negotiate(background, limited, spoiledCode{s})
	}, os.ErrDeadlineExceeded},
	{"close at the end of the context", "Close", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return apitest.SelectOneOf(ctx, multiselect.Limits{}, s)
	}, context.DeadlineExceeded},
	{"close after an error", "Close", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		streamtest.MustWrite(t, peer, "HTTP/1.1 400 Bad Request\r\n")
		return apitest.SelectOneOf(background, limited, s)
	}, errPanic},
	{"close of a channel", "Close", func(_ *testing.T, s *spoiled, _ *streamtest.Stream) error {
		c := multiselect.NewChannelCommunicator(spoiledChannel{s})
		_, err := (&multiselect.Client{Limits: limited}).SelectOn(background, c, apitest.NameA)
		return err
	}, os.ErrDeadlineExceeded},
	{"lazy: read with a deadline", "Read", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.SetReadDeadline(time.Now().Add(time.Second))
		return apitest.ErrOf(l.Read(make([]byte, 1)))
	}, errPanic},
	{"lazy: read, stream without deadlines", "Read", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.ErrOf(apitest.Lazy(t, streamtest.Bare(s)).Read(make([]byte, 1)))
	}, errPanic},
	{"lazy: write of FlushAfter", "Write", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.FlushAfter(time.Second)
		time.Sleep(time.Second)
		synctest.Wait()
		return waitFor(l)
	}, errPanic},
	{"lazy: read for Wait", "Read", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return waitFor(apitest.Lazy(t, s))
	}, errPanic},
	{"lazy: close at the time limit", "Close", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return waitFor(apitest.LazyOf(t, &multiselect.Client{Limits: limited}, s))
	}, os.ErrDeadlineExceeded},
	{"lazy: reset", "Reset", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		return apitest.Lazy(t, spoiledReset{s}).Reset()
	}, nil},
	{"linger: write", "Write", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.Close()
		return waitFor(l)
	}, errPanic},
	{"linger: read", "Read", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.Close()
		return waitFor(l)
	}, errPanic},
	{"linger: half-close", "CloseWrite", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.Close()
		return waitFor(l)
	}, errPanic},
	{"linger: deadline", "SetWriteDeadline", func(t *testing.T, s *spoiled, _ *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.Close()
		return waitFor(l)
	}, errPanic},
	{"linger: close", "Close", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.Close()
		streamtest.MustWrite(t, peer, apitest.LazyFlight)
		peer.CloseWrite()
		return waitFor(l)
	}, nil},
	{"linger: read after the answer", "Read", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		s.armed.Store(false)
		l := apitest.Lazy(t, s)
		l.Close()
		streamtest.MustWrite(t, peer, apitest.LazyFlight)
		synctest.Wait() // it blocks in Read
		s.armed.Store(true)
		streamtest.MustWrite(t, peer, "x")
		return waitFor(l)
	}, nil},
	{"lazy: CloseRead after the answer", "CloseRead", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		l := apitest.Lazy(t, s)
		l.CloseRead()
		streamtest.MustWrite(t, peer, apitest.LazyFlight)
		return waitFor(l)
	}, nil},
	{"hook: received", "hook", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		hooks := &multiselect.Trace{Received: func(multiselect.Role, []byte) { panic("hook") }}
		return waitHooked(t, s, peer, hooks)
	}, errPanic},
	{"hook: done", "hook", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		hooks := &multiselect.Trace{Done: func(multiselect.Outcome) { panic("hook") }}
		return waitHooked(t, s, peer, hooks)
	}, errPanic},
	{"hook: sent by the linger", "hook", func(t *testing.T, s *spoiled, peer *streamtest.Stream) error {
		hooks := &multiselect.Trace{Sent: func(multiselect.Role, []byte) { panic("hook") }}
		ctx := multiselect.WithTrace(background, hooks)
		l, err := new(multiselect.Client).Lazy(ctx, s, apitest.NameA)
		if err != nil {
			return err
		}
		l.Close()
		return waitFor(l)
	}, errPanic},
}

var errPanic = errors.New("a PanicError")

// waitFor returns the outcome of a lazy stream, which another goroutine reads.
func waitFor(l *multiselect.LazyStream) error {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	return l.Wait(ctx)
}

// waitHooked returns the outcome of a lazy stream with an agreement.
func waitHooked(t *testing.T, s io.ReadWriteCloser, peer io.Writer, hooks *multiselect.Trace) error {
	t.Helper()
	l, err := new(multiselect.Client).Lazy(multiselect.WithTrace(background, hooks), s, apitest.NameA)
	if err != nil {
		t.Fatal(err)
	}
	streamtest.MustWrite(t, peer, apitest.LazyFlight)
	return waitFor(l)
}

// A panic in a goroutine of package multiselect does not end the process: it ends the stream, is
// the error of the call that waits, if any does, and is counted.
func TestPanicsInGoroutines(t *testing.T) {
	for _, tt := range panicking {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := multiselect.LingerStats()
				ours, peer := streamtest.Pipe()
				s := &spoiled{stream: ours, in: tt.in}
				s.armed.Store(true)
				err := tt.play(t, s, peer)
				time.Sleep(time.Minute)
				var failed *multiselect.Error
				panicked, isPanic := errors.AsType[*multiselect.PanicError](err)
				switch {
				case tt.want == errPanic:
					if !isPanic || !errors.As(err, &failed) || failed.Blame() != multiselect.BlameLocal {
						t.Errorf("the caller received %v, want a PanicError", err)
					} else if panicked.Value != tt.in || len(panicked.Stack) == 0 {
						t.Errorf("%v, with a stack of %d bytes", panicked, len(panicked.Stack))
					}
				case !errors.Is(err, tt.want):
					t.Errorf("the caller received %v, want %v", err, tt.want)
				}
				st := multiselect.LingerStats()
				if st.Panics == before.Panics || st.LastPanic.Value != tt.in || st.Active != 0 {
					t.Errorf("%+v, want more panics than %+v", st, before)
				}
				if len(ours.Ended()) == 0 {
					t.Error("the stream was not ended")
				}
			})
		})
	}
}
