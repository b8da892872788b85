package netmux_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// Middleware is called in order, the first element first.
func TestMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var order []string
		note := func(name string) func(multiselect.Handler) multiselect.Handler {
			return func(next multiselect.Handler) multiselect.Handler {
				return func(ctx context.Context, p string, stream io.ReadWriteCloser) {
					order = append(order, name)
					next(ctx, p, stream)
				}
			}
		}
		logger := slog.New(slog.NewTextHandler(&log, nil))
		s := &netmux.Server{
			Middleware: []func(multiselect.Handler) multiselect.Handler{
				note("outer"), netmux.Recover(logger), netmux.Logging(logger), note("inner"),
			},
		}
		handle(t, s, echo, func(net.Conn) {})
		handle(t, s, "/panic", func(net.Conn) { panic("ouch") })
		handle(t, s, "/abort", func(net.Conn) { panic(netmux.ErrAbortHandler) })
		l, stop := serve(t, s)
		for _, p := range []string{echo, "/panic", "/abort"} {
			conn := dial(t, l.dialer(p), "")
			if _, err := io.ReadAll(conn); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if want := []string{"outer", "inner", "outer", "inner", "outer", "inner"}; !slices.Equal(order, want) {
			t.Errorf("order %v", order)
		}
		for part, want := range map[string]int{"netmux: handler returned": 3, "panicked=true": 2, "value=ouch": 1, "protocol=/echo/1.0.0": 1, "remote=pipe": 4} {
			if got := strings.Count(log.String(), part); got != want {
				t.Errorf("%q is logged %d times, want %d:\n%s", part, got, want, &log)
			}
		}
		if st := s.Stats(); st.Panics != 0 {
			t.Errorf("the server recovered what the middleware should have: %+v", st)
		}
		stop()
	})
}

// Recover resets streams of all kinds without a Server.
func TestRecover(t *testing.T) {
	for _, stream := range []interface {
		io.ReadWriteCloser
		ended() bool
	}{&plain{}, &resetting{}, &resettingWithCode{}} {
		h := netmux.Recover(quiet)(func(context.Context, string, io.ReadWriteCloser) { panic(1) })
		h(background, echo, stream)
		if !stream.ended() {
			t.Errorf("a %T was not ended", stream)
		}
	}
}

type plain struct {
	bytes.Buffer
	done bool
}

func (p *plain) Close() error { p.done = true; return nil }

func (p *plain) ended() bool { return p.done }

type resetting struct {
	plain
	reset bool
}

func (r *resetting) Reset() error { r.reset = true; return nil }

func (r *resetting) ended() bool { return r.reset && !r.done }

type resettingWithCode struct {
	resetting
	code uint32
}

func (r *resettingWithCode) ResetWithError(code uint32) error { r.code = code; return nil }

func (r *resettingWithCode) ended() bool { return r.code == multiselect.ResetCode && !r.reset }
