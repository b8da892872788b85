package netmux_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

func newServer(conn net.Conn, config *tls.Config) net.Conn { return tls.Server(conn, config) }

func newClient(conn net.Conn, config *tls.Config) net.Conn {
	t := tls.Client(conn, config)
	t.Handshake()
	return t
}

// Handlers and listeners get the accepted connection without a wrapper, on every network.
func TestConnsAreRaw(t *testing.T) {
	server, client := newTLS(t)
	inBand := client.Clone()
	inBand.NextProtos = []string{}
	for _, tt := range []struct {
		network string
		secure  bool
		is      func(net.Conn) bool
	}{
		{"tcp", false, func(c net.Conn) bool { _, ok := c.(*net.TCPConn); return ok }},
		{"unix", false, func(c net.Conn) bool { _, ok := c.(*net.UnixConn); return ok }},
		{"tcp", true, func(c net.Conn) bool {
			t, ok := c.(*tls.Conn)
			return ok && t.ConnectionState().HandshakeComplete
		}},
	} {
		addr := "127.0.0.1:0"
		if tt.network == "unix" {
			addr = filepath.Join(t.TempDir(), "s")
		}
		l, err := net.Listen(tt.network, addr)
		if err != nil {
			t.Fatal(err)
		}
		addr = l.Addr().String()
		var s netmux.Server
		configs := []*tls.Config{nil}
		if tt.secure {
			l = tls.NewListener(l, s.ConfigureTLS(server))
			configs = []*tls.Config{client, inBand}
		}
		serveOn(t, &s, l)
		serveRaw(t, &s, tt.is)
		for _, config := range configs {
			for _, p := range []string{echo, deep} {
				d := &netmux.Dialer{Protocols: []string{p}, TLSConfig: config}
				conn, err := d.DialContext(background, tt.network, addr)
				if err != nil {
					t.Fatal(err)
				}
				if !tt.is(conn) {
					t.Errorf("%s, TLS %v: the dialer returned a %T", tt.network, tt.secure, conn)
				}
				checkEcho(t, conn, p)
				conn.(interface{ CloseWrite() error }).CloseWrite()
				if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
					t.Errorf("after the half-close: %q, %v", rest, err)
				}
				conn.Close()
			}
		}
	}
}

// serveRaw serves a protocol with a handler and another one on a Listener, and checks the
// types of their connections.
func serveRaw(t *testing.T, s *netmux.Server, is func(net.Conn) bool) {
	t.Helper()
	play := func(conn net.Conn) {
		if !is(conn) {
			t.Errorf("it was a %T that was served", conn)
		}
		io.Copy(conn, conn)
	}
	handle(t, s, echo, play)
	inner := listen(t, s, deep)
	go func() {
		for {
			conn, err := inner.Accept()
			if err != nil {
				return
			}
			play(conn)
			conn.Close()
		}
	}()
}

// panics are the places where code of the program can panic.
var panics = []struct {
	where    string
	spoil    func(s *netmux.Server)
	protocol string
	reported bool
}{
	{"handler", func(*netmux.Server) {}, "/panic", true},
	{"abort", func(*netmux.Server) {}, "/abort", false},
	{"exit", func(*netmux.Server) {}, "/exit", false},
	{"stream", func(*netmux.Server) {}, "/closed", true},
	{"matcher", func(s *netmux.Server) {
		s.Muxer.AddMatcher(multiselect.MatchFunc("m", func(p string) bool {
			if p == "/match" {
				panic("matcher")
			}
			return false
		}), func(context.Context, string, io.ReadWriteCloser) {})
	}, "/match", true},
	{"logger", func(s *netmux.Server) { s.Logger = slog.New(badHandler{}) }, "/panic", true},
	{"ConnError", func(s *netmux.Server) {
		next := s.ConnError
		s.ConnError = func(c net.Conn, err error) { next(c, err); panic("ConnError") }
	}, "/panic", true},
	{"ConnState", func(s *netmux.Server) {
		s.ConnState = func(_ net.Conn, state netmux.ConnState) {
			if state == netmux.StateClosed {
				panic("ConnState")
			}
		}
	}, "/panic", true},
	{"middleware", func(s *netmux.Server) {
		s.Middleware = append(s.Middleware, func(next multiselect.Handler) multiselect.Handler {
			return func(ctx context.Context, p string, stream io.ReadWriteCloser) {
				if p == deep {
					panic("middleware")
				}
				next(ctx, p, stream)
			}
		})
	}, deep, true},
	{"ConnContext", func(s *netmux.Server) {
		n := 0
		s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			if n++; n == 2 {
				return nil
			}
			return ctx
		}
	}, deep, true},
}

// A panic resets its own connection and is reported; other connections continue, also if a
// hook or the logger panics.
func TestPanics(t *testing.T) {
	for _, tt := range panics {
		t.Run(tt.where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen errorLog
				s := &netmux.Server{ConnError: seen.hook, Logger: quiet}
				tt.spoil(s)
				echoing(t, s, echo, deep)
				handle(t, s, "/panic", func(net.Conn) { panic(io.ErrNoProgress) })
				handle(t, s, "/abort", func(net.Conn) { panic(netmux.ErrAbortHandler) })
				handle(t, s, "/exit", func(net.Conn) { runtime.Goexit() })
				handle(t, s, "/closed", func(net.Conn) { var none net.Conn; none.Close() })
				l, stop := serve(t, s)
				other := dial(t, l.dialer(echo), "")
				if conn, err := l.dialer(tt.protocol).DialContext(background, "", ""); err == nil {
					if _, err := conn.Read(make([]byte, 1)); err == nil {
						t.Error("the connection goes on")
					}
				}
				synctest.Wait()
				checkEcho(t, other, "not touched")
				other.Close()
				synctest.Wait()
				var reports int
				for _, err := range seen.list() {
					if p, ok := errors.AsType[*netmux.PanicError](err); ok {
						reports++
						if !bytes.Contains(p.Stack, []byte("netmux")) || p.Error() == "" ||
							p.Protocol == "/panic" && !errors.Is(err, io.ErrNoProgress) {
							t.Errorf("%v\n%s", p, p.Stack)
						}
					}
				}
				if (reports > 0) != tt.reported || reports != int(s.Stats().Panics) && tt.where != "logger" && tt.where != "ConnError" || (s.Stats().Panics > 0) != tt.reported {
					t.Errorf("%d panics reported, %+v", reports, s.Stats())
				}
				stop()
			})
		})
	}
}

type badHandler struct{ slog.Handler }

func (badHandler) Enabled(context.Context, slog.Level) bool { panic("logger") }
