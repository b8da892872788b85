package netmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// Shutdown resets half-open connections and waits for handlers, while connections arrive. No
// goroutine is left, as the end of the bubble proves.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const handlers, halfOpen, work = 100, 10_000, 2 * time.Second
		s := &netmux.Server{MaxHalfOpen: -1, Logger: quiet}
		var finished atomic.Int32
		handle(t, s, echo, func(conn net.Conn) {
			time.Sleep(work)
			io.WriteString(conn, "!")
			finished.Add(1)
		})
		l := newMemoryListener()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		var answered, clients sync.WaitGroup
		for range handlers {
			conn := dial(t, l.dialer(echo), "")
			answered.Go(func() {
				if got, err := io.ReadAll(conn); string(got) != "!" || err != nil {
					t.Errorf("answered %q, %v", got, err)
				}
			})
		}
		for range halfOpen {
			conn := l.dial(t)
			clients.Go(func() { io.Copy(io.Discard, conn) })
		}
		for range 10 { // load
			clients.Go(func() {
				for {
					conn, err := l.DialContext(background, "", "")
					if err != nil {
						return
					}
					clients.Go(func() { io.Copy(io.Discard, conn) })
					time.Sleep(time.Millisecond)
				}
			})
		}
		synctest.Wait()
		if st := s.Stats(); st.HalfOpen < halfOpen || st.Active != handlers {
			t.Fatalf("before: %+v", st)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); err != nil {
			t.Error("Shutdown:", err)
		}
		if took := time.Since(start); took != work || finished.Load() != handlers {
			t.Errorf("took %v, %d handlers have finished", took, finished.Load())
		}
		if err := <-served; err != netmux.ErrServerClosed {
			t.Error(err)
		}
		answered.Wait()
		clients.Wait()
		checkEnded(t, s)
	})
}

// Shutdown resets half-open connections immediately and reports ErrServerClosed for each.
func TestShutdownResetsHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
		s := &netmux.Server{ConnError: seen.hook}
		l, stop := serve(t, s)
		l.dial(t)
		l.dial(t)
		synctest.Wait()
		start := time.Now()
		stop()
		if took := time.Since(start); took != 0 || len(seen.list()) != 2 {
			t.Errorf("took %v, reported %v", took, seen.list())
		}
		for _, err := range seen.list() {
			if !errors.Is(err, netmux.ErrServerClosed) {
				t.Errorf("reported %v", err)
			}
		}
	})
}

// closing is a connection that calls a function before it is closed or reset.
type closing struct {
	net.Conn
	before func()
}

func (c closing) Close() error {
	c.before()
	return c.Conn.Close()
}

// A negotiation that the peer has ended is reported as such, although the server is closed
// while it ends the stream.
func TestCloseAfterFailure(t *testing.T) {
	const answer = "\x13/multistream/1.0.0\n\x03na\n"
	for name, peer := range map[string]struct{ sends, receives string }{
		"no multistream":         {"GET / HTTP/1.1\r\n", ""},
		"an end":                 {"", ""},
		"an end after a refusal": {"\x13/multistream/1.0.0\n\x03/x\n", answer},
	} {
		var seen errorLog
		s := &netmux.Server{ConnError: seen.hook}
		here, there := net.Pipe()
		go func() {
			io.WriteString(here, peer.sends)
			io.ReadFull(here, make([]byte, len(peer.receives)))
			here.Close()
		}()
		err := s.ServeConn(t.Context(), closing{there, sync.OnceFunc(func() { s.Close() })})
		if _, ok := errors.AsType[*multiselect.Error](err); !ok || errors.Is(err, netmux.ErrServerClosed) || blame(err) == multiselect.BlameLocal {
			t.Errorf("%s: %v, blame %v", name, err, blame(err))
		}
		if all := seen.list(); len(all) != 1 || all[0] != err {
			t.Errorf("%s: reported %v, want %v", name, all, err)
		}
	}
}

// Shutdown returns when its context ends before a handler returns; Close ends the handler.
func TestShutdownContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{}
		hooked := make(chan struct{})
		s.RegisterOnShutdown(func() { close(hooked) })
		var cause error
		err := s.Muxer.AddHandler(echo, func(ctx context.Context, _ string, stream io.ReadWriteCloser) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			if _, err := stream.Read(make([]byte, 1)); err == nil {
				t.Error("the connection goes on after Close")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		l, stop := serve(t, s)
		conn := dial(t, l.dialer(echo), "")
		synctest.Wait()
		why := errors.New("no longer")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, why)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, why) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
		<-hooked
		if st := s.Stats(); st.Active != 1 {
			t.Errorf("%+v", st)
		}
		s.Close()
		stop()
		if cause != netmux.ErrServerClosed {
			t.Errorf("the context ended with %v", cause)
		}
		conn.Close()
	})
}

// After Close or Shutdown, every call fails with ErrServerClosed.
func TestServerClosed(t *testing.T) {
	for _, end := range []func(*netmux.Server) error{
		(*netmux.Server).Close,
		func(s *netmux.Server) error { return s.Shutdown(background) },
	} {
		var s netmux.Server
		if err := end(&s); err != nil {
			t.Error(err)
		}
		if err := s.Serve(newMemoryListener()); err != netmux.ErrServerClosed {
			t.Error("Serve:", err)
		}
		if _, err := s.ProtocolListener(echo); err != netmux.ErrServerClosed {
			t.Error("ProtocolListener:", err)
		}
		ours, theirs := net.Pipe()
		if err := s.ServeConn(background, theirs); err != netmux.ErrServerClosed {
			t.Error("ServeConn:", err)
		}
		if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
			t.Error("the connection was not ended:", err)
		}
		if err := end(&s); err != nil {
			t.Error("again:", err)
		}
	}
}

// A server can serve one of its own Listeners, for TLS after an agreement, for example. Close
// closes that Listener, whose Close needs the lock of the server.
func TestCloseOfNestedServe(t *testing.T) {
	server, _ := newTLS(t)
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		inner := listen(t, s, "/tls/1.0.0")
		go s.Serve(tls.NewListener(inner, s.ConfigureTLS(server)))
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A connection whose agreement precedes Shutdown still reaches its Listener.
func TestShutdownDeliversAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		s.Middleware = append(s.Middleware, func(next multiselect.Handler) multiselect.Handler {
			return func(ctx context.Context, name string, stream io.ReadWriteCloser) {
				<-time.After(time.Second)
				next(ctx, name, stream)
			}
		})
		inner := listen(t, s, echo)
		l, stop := serve(t, s)
		go func() {
			for {
				c, err := inner.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, "!")
				c.Close()
			}
		}()
		conn := dial(t, l.dialer(echo), "")
		synctest.Wait()
		go stop()
		if b, err := io.ReadAll(conn); string(b) != "!" {
			t.Errorf("%q, %v", b, err)
		}
	})
}
