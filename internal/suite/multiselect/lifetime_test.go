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
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// A budget that no clock can hold is no reason to forget the others.
func TestHugeBudget(t *testing.T) {
	huge := multiselect.Limits{Timeout: math.MaxInt64}
	for range 100 { // each watch gets some
		s := streamtest.NewScript(say(wire.Header, apitest.NameA))
		c := multiselect.NewCommunicator(s)
		m := apitest.Muxer(t, apitest.NameA)
		m.Limits = huge
		if _, _, err := m.NegotiateOn(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		a, b := net.Pipe()
		m := apitest.Muxer(t, apitest.NameA)
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
		_, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(t.Context(), halfClosed{a})
		if took := time.Since(start); took != 10*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("over after %v with %v", took, err)
		}
	})
}

// A stream, a matcher or a hook of the caller may panic. The stream is then ended
// immediately, and no later call of this package uses it or the context.
func TestPanicEndsTheStream(t *testing.T) {
	panics := func(string) bool { panic("a matcher") }
	for _, over := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var m multiselect.Muxer
			if err := m.AddMatcher(multiselect.MatchFunc("panics", panics), apitest.NoHandler); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			s := streamtest.NewScript(say(wire.Header, apitest.NameA))
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
			if !slices.Equal(s.Ended, []string{"close"}) {
				t.Errorf("ended %q", s.Ended)
			}
			time.Sleep(time.Minute)
			cancel()
			synctest.Wait()
			if !slices.Equal(s.Ended, []string{"close"}) {
				t.Errorf("later ended %q", s.Ended)
			}
		})
	}
}

// panicky panics where a call begins: it is a context, and a stream.
type panicky struct {
	*streamtest.Script
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
			"SelectOneOf": func(stream io.ReadWriteCloser) { new(multiselect.Client).SelectOneOf(ctx, stream, apitest.NameA) },
			"Lazy":        func(stream io.ReadWriteCloser) { new(multiselect.Client).Lazy(ctx, stream, apitest.NameA) },
		} {
			s := streamtest.NewScript()
			func() {
				defer func() {
					if p := recover(); p != what {
						t.Errorf("%s: recovered %v, want %s", name, p, what)
					}
				}()
				call(panicky{Script: s})
			}()
			if !slices.Equal(s.Ended, []string{"close"}) {
				t.Errorf("%s, %s: ended %q", name, what, s.Ended)
			}
		}
	}
}

func TestNilStreamPanics(t *testing.T) {
	for name, call := range map[string]func(){
		"Negotiate":       func() { new(multiselect.Muxer).Negotiate(context.Background(), nil) },
		"SelectOneOf":     func() { new(multiselect.Client).SelectOneOf(context.Background(), nil, apitest.NameA) },
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
