package multiselect_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// A budget that no clock can hold is no reason to forget the others.
func TestHugeBudget(t *testing.T) {
	huge := multiselect.Limits{Timeout: math.MaxInt64}
	for range 100 { // each watch gets some
		s := talk(say(wire.Header, nameA))
		c := multiselect.NewCommunicator(s)
		m := serving(t, nameA)
		m.Limits = huge
		if _, _, err := m.NegotiateOn(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		a, b := net.Pipe()
		m := serving(t, nameA)
		m.Limits.Timeout = time.Millisecond
		if _, _, err := m.Negotiate(context.Background(), a); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		b.Close()
	}
}

// halfClosed is a stream like those of QUIC: Close ends only the half that is
// written to, and what waits in Read waits on.
type halfClosed struct{ net.Conn }

func (halfClosed) Close() error { return nil }

func TestBudgetOfHalfClosedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		start := time.Now()
		_, _, err := serving(t, nameA).Negotiate(t.Context(), halfClosed{a})
		if took := time.Since(start); took != 10*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("over after %v with %v", took, err)
		}
	})
}

// What the caller hands in may panic. The stream is ended then, at once, and
// nothing of ours comes back to it or to the context.
func TestPanicEndsTheStream(t *testing.T) {
	panics := func(string) bool { panic("a matcher") }
	for _, over := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var m multiselect.Muxer
			if err := m.AddMatcher(multiselect.MatchFunc("panics", panics), noHandler); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			s := talk(say(wire.Header, nameA))
			func() {
				defer func() {
					if p := recover(); p != "a matcher" {
						t.Errorf("recovered %v", p)
					}
				}()
				if over {
					m.NegotiateOn(ctx, multiselect.NewCommunicator(s))
				} else {
					m.Negotiate(ctx, s)
				}
			}()
			if !slices.Equal(s.ends, []string{"close"}) {
				t.Errorf("ended %q", s.ends)
			}
			time.Sleep(time.Minute)
			cancel()
			synctest.Wait()
			if !slices.Equal(s.ends, []string{"close"}) {
				t.Errorf("later ended %q", s.ends)
			}
		})
	}
}

// panicky panics where a call begins: it is a context, and a stream.
type panicky struct {
	*scripted
	context.Context
}

func (p panicky) Value(any) any       { panic("Value") }
func (p panicky) LocalAddr() net.Addr { panic("LocalAddr") }

// The first questions, about a trace and about buffers, are no exception.
func TestPanicAtOnceEndsTheStream(t *testing.T) {
	for what, ctx := range map[string]context.Context{"Value": panicky{Context: context.Background()}, "LocalAddr": context.Background()} {
		for name, call := range map[string]func(stream io.ReadWriteCloser){
			"Negotiate": func(stream io.ReadWriteCloser) {
				var m multiselect.Muxer
				if what == "LocalAddr" {
					m.Limits.MaxMessage = 1024 // on the short way it need not know
				}
				m.Negotiate(ctx, stream)
			},
			"SelectOneOf": func(stream io.ReadWriteCloser) { new(multiselect.Client).SelectOneOf(ctx, stream, nameA) },
			"Lazy":        func(stream io.ReadWriteCloser) { new(multiselect.Client).Lazy(ctx, stream, nameA) },
		} {
			s := talk()
			func() {
				defer func() {
					if p := recover(); p != what {
						t.Errorf("%s: recovered %v, want %s", name, p, what)
					}
				}()
				call(panicky{scripted: s})
			}()
			if !slices.Equal(s.ends, []string{"close"}) {
				t.Errorf("%s, %s: ended %q", name, what, s.ends)
			}
		}
	}
}

func TestNilStreamPanics(t *testing.T) {
	for name, call := range map[string]func(){
		"Negotiate":       func() { new(multiselect.Muxer).Negotiate(context.Background(), nil) },
		"SelectOneOf":     func() { new(multiselect.Client).SelectOneOf(context.Background(), nil, nameA) },
		"NewCommunicator": func() { multiselect.NewCommunicator(nil) },
	} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, "nil") {
					t.Errorf("%s: recovered %q", name, p)
				}
			}()
			call()
		}()
	}
}

// After an agreement, and after a failure, the steps leave the stream alone.
func TestStepsAfterTheEnd(t *testing.T) {
	ctx := context.Background()
	var cl multiselect.Client
	for _, answer := range []string{nameA, "/zzz"} {
		s := talk(say(wire.Header, answer))
		c := multiselect.NewCommunicator(s)
		first := cl.TrySelect(ctx, c, nameA)
		if agreed := answer == nameA; agreed != (first == nil) {
			t.Fatal(first)
		}
		written, ends := string(s.written), slices.Clone(s.ends)
		_, selecting := cl.SelectOn(ctx, c, nameB)
		_, listing := cl.List(ctx, c)
		_, _, negotiating := serving(t, nameA).NegotiateOn(ctx, c)
		for _, err := range []error{
			cl.TrySelect(ctx, c, nameB), cl.Handshake(ctx, c), selecting, listing, negotiating,
			serving(t, nameA).Handshake(ctx, c),
		} {
			e, ok := errors.AsType[*multiselect.Error](err)
			if !ok || !errors.Is(err, net.ErrClosed) || e.Blame() != multiselect.BlameLocal {
				t.Errorf("after %q: %v", answer, err)
			}
		}
		if string(s.written) != written || !slices.Equal(s.ends, ends) {
			t.Errorf("after %q: wrote %q, ended %q", answer, s.written[len(written):], s.ends)
		}
	}
}

// Handshake takes the header and nothing else, so that the caller can go on by
// itself.
func TestHandshakeReadsNoFurther(t *testing.T) {
	s := talk(say(wire.Header, nameA) + "data")
	c := multiselect.NewCommunicator(s)
	if err := serving(t, nameA).Handshake(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if got, err := c.ReadMessage(); got != nameA || err != nil || s.rest() != "data" {
		t.Errorf("read %q, %v; left %q", got, err, s.rest())
	}
}

// A responder's error names what it refused, as far as a kilobyte goes.
func TestErrorNamesTheRefused(t *testing.T) {
	long := "/" + strings.Repeat("n", 700)
	s := talk(say(wire.Header, "/x", "/y", "", long, "/z", long, "/x"))
	_, _, err := serving(t, nameA).Negotiate(context.Background(), s)
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok || !errors.Is(err, multiselect.ErrGaveUp) {
		t.Fatal(err)
	}
	if want := []string{"/x", "/y", "", long, "/z"}; !slices.Equal(e.Protocols, want) {
		t.Errorf("Protocols = %.100q, want %.100q", e.Protocols, want)
	}
	if text := err.Error(); !strings.Contains(text, `refused ["/x" "/y"`) || len(text) > 500 {
		t.Errorf("the text is %q", text)
	}
}

// The usual flight is recognised without detours, and counts all the same.
func TestUsualFlightCounts(t *testing.T) {
	for _, traced := range []bool{false, true} {
		ctx := context.Background()
		if traced {
			ctx = multiselect.WithTrace(ctx, new(multiselect.Trace))
		}
		for limit, want := range map[int]error{len(say(nameA)): nil, len(say(nameA)) - 1: multiselect.ErrLimit} {
			m := serving(t, nameA)
			m.Limits.MaxBytes = limit
			if _, _, err := m.Negotiate(ctx, talk(say(wire.Header, nameA))); !errors.Is(err, want) {
				t.Errorf("responder, %d bytes, traced %v: %v, want %v", limit, traced, err, want)
			}
			cl := multiselect.Client{Limits: multiselect.Limits{MaxBytes: limit}}
			if _, err := cl.SelectOneOf(ctx, talk(say(wire.Header, nameA)), nameA); !errors.Is(err, want) {
				t.Errorf("initiator, %d bytes, traced %v: %v, want %v", limit, traced, err, want)
			}
		}
	}
}

// So it does where the limit has become smaller since the name was registered.
func TestUsualFlightIsLimited(t *testing.T) {
	for _, chunks := range [][]string{{say(wire.Header, nameA)}, {say(wire.Header), say(nameA)}} {
		m := serving(t, nameA)
		m.Limits.MaxMessage = len(nameA)
		if _, _, err := m.Negotiate(context.Background(), talk(chunks...)); !errors.Is(err, multiselect.ErrTooLarge) {
			t.Errorf("in %d pieces: %v", len(chunks), err)
		}
	}
}

// Elapsed is that of the call that failed, not of one before.
func TestElapsedOfStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := multiselect.NewCommunicator(talk(say(wire.Header, "/zzz")))
		if err := new(multiselect.Client).Handshake(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cl := multiselect.Client{Limits: multiselect.Limits{Timeout: -1}}
		e, ok := errors.AsType[*multiselect.Error](cl.TrySelect(context.Background(), c, nameA))
		if !ok || e.Elapsed != 0 {
			t.Errorf("%+v", e)
		}
	})
}

// A name that a matcher stands for is there, once, while it comes and goes as a
// name of its own.
func TestProtocolsDuringChange(t *testing.T) {
	var m multiselect.Muxer
	if err := m.AddMatcher(multiselect.MatchMajor("/foo/1.0.0"), noHandler); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				m.AddHandler("/foo/1.0.0", noHandler)
				m.RemoveHandler("/foo/1.0.0")
			}
		}
	}()
	for range 20_000 {
		if got := m.Protocols(); !slices.Equal(got, []string{"/foo/1.0.0"}) {
			t.Errorf("Protocols() = %q", got)
			break
		}
	}
	close(stop)
	<-stopped
}

// resettable is a message channel with a Reset, which nobody but the channel's
// own type knows of.
type resettable struct {
	ended   string
	written int
}

func (r *resettable) ReadMessage(int) (string, error)  { return "", io.EOF }
func (r *resettable) Close() error                     { r.ended += "close"; return nil }
func (r *resettable) ResetWithError(code uint32) error { r.ended += "reset"; return nil }

func (r *resettable) WriteMessages(texts ...string) error {
	for _, text := range texts {
		r.written += len(text)
	}
	return nil
}

func TestChannelIsReset(t *testing.T) {
	var ch resettable
	c := multiselect.NewChannelCommunicator(&ch)
	if err := c.WriteMessages(strings.Repeat("x", 3<<20)); err != nil || ch.written != 3<<20 {
		t.Fatal(err, ch.written)
	}
	if _, err := new(multiselect.Client).SelectOn(context.Background(), c, nameA); !errors.Is(err, io.EOF) || ch.ended != "reset" {
		t.Errorf("%v, ended by %q", err, ch.ended)
	}
}
