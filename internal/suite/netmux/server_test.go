package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect/netmux"
)

// ConnState is called for each state, and contexts are those of BaseContext and ConnContext.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type ctxKey string
		var mu sync.Mutex
		var states []string
		s := &netmux.Server{
			BaseContext: func(l net.Listener) context.Context {
				return context.WithValue(background, ctxKey("base"), l.Addr().String())
			},
			ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
				return context.WithValue(ctx, ctxKey("conn"), conn)
			},
			ConnState: func(_ net.Conn, state netmux.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				states = append(states, state.String())
			},
		}
		var running context.Context
		err := s.Muxer.AddHandler(echo, func(ctx context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			running = ctx
			if ctx.Value(ctxKey("base")) != "memory" || ctx.Value(ctxKey("conn")) != stream || ctx.Err() != nil {
				t.Error("the context of the handler is not that of the hooks")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		l, stop := serve(t, s)
		dial(t, l.dialer(echo), "").Close()
		synctest.Wait()
		l.dial(t).Close()
		synctest.Wait()
		if want := []string{"new", "active", "closed", "new", "closed"}; !slices.Equal(states, want) {
			t.Errorf("states %v, want %v", states, want)
		}
		if running.Err() == nil {
			t.Error("the context of a handler goes on when that has returned")
		}
		stop()
	})
}

// ListenAndServe binds Addr, and Serve returns what its listener fails with.
func TestListenAndServe(t *testing.T) {
	s := &netmux.Server{Addr: "256.0.0.1:0"}
	if err := s.ListenAndServe(); err == nil || err == netmux.ErrServerClosed {
		t.Error(err)
	}
	if err := s.ListenAndServeTLS("", ""); err == nil || err == netmux.ErrServerClosed {
		t.Error(err)
	}
	l := newMemoryListener()
	l.Close()
	if err := s.Serve(l); err != net.ErrClosed {
		t.Error(err)
	}
	s.Addr = "127.0.0.1:0"
	if err := s.ListenAndServeTLS("no such file", "nor this"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	open := make(chan net.Addr, 2)
	s.BaseContext = func(l net.Listener) context.Context { open <- l.Addr(); return background }
	served := make(chan error, 2)
	go func() { served <- s.ListenAndServe() }()
	s.TLSConfig, _ = newTLS(t)
	addr := <-open
	echoing(t, s, echo)
	checkEcho(t, dial(t, &netmux.Dialer{Protocols: []string{echo}}, addr.String()), "on Addr")
	s.Close()
	if err := <-served; err != netmux.ErrServerClosed {
		t.Error(err)
	}
}
