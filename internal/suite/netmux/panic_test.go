package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// badConn is a connection in memory that panics in one of its methods.
type badConn struct {
	net.Conn
	in string
}

func (c badConn) check(method string) {
	if method == c.in {
		panic(method)
	}
}

func (c badConn) Read(p []byte) (int, error)    { c.check("Read"); return c.Conn.Read(p) }
func (c badConn) Write(p []byte) (int, error)   { c.check("Write"); return c.Conn.Write(p) }
func (c badConn) Close() error                  { defer c.check("Close"); return c.Conn.Close() }
func (c badConn) SetDeadline(t time.Time) error { c.check("SetDeadline"); return c.Conn.SetDeadline(t) }

func (c badConn) RemoteAddr() net.Addr { c.check("RemoteAddr"); return c.Conn.RemoteAddr() }

func (c badConn) BytesRead() *atomic.Uint64 { c.check("BytesRead"); return new(atomic.Uint64) }

func (c badConn) offer(l *memoryListener) net.Conn {
	return offerTo(l, func(conn net.Conn) net.Conn { c.Conn = conn; return c })
}

// badStream is a badConn with Reset, as the streams of multiplexers have.
type badStream struct{ badConn }

func (s badStream) Reset() error { defer s.check("Reset"); return s.Conn.Close() }

// offerTo passes one end of a pipe to a listener, wrapped, and returns the other.
func offerTo(l *memoryListener, wrap func(net.Conn) net.Conn) net.Conn {
	ours, theirs := net.Pipe()
	l.offer(wrap(theirs))
	return ours
}

// propose sends a header and a proposal, and reads until the connection ends.
func propose(conn net.Conn, protocol string) {
	go io.WriteString(conn, wire.HeaderFrame+string([]byte{byte(len(protocol) + 1)})+protocol+"\n")
	go io.Copy(io.Discard, conn)
}

// badCalls are the places where code of the program is called by goroutines of a Server.
var badCalls = []struct {
	value string // of the panic
	set   func(s *netmux.Server)
	play  func(s *netmux.Server, l *memoryListener)
}{
	{"Read", nil, func(_ *netmux.Server, l *memoryListener) { propose(badConn{in: "Read"}.offer(l), echo) }},
	{"Write", nil, func(_ *netmux.Server, l *memoryListener) { propose(badConn{in: "Write"}.offer(l), "/unknown") }},
	{"BytesRead", nil, func(_ *netmux.Server, l *memoryListener) { propose(badConn{in: "BytesRead"}.offer(l), echo) }},
	{"RemoteAddr", nil, func(_ *netmux.Server, l *memoryListener) { propose(badConn{in: "RemoteAddr"}.offer(l), echo) }},
	{"HostKey", func(s *netmux.Server) {
		s.HostKey = func(net.Addr) string { panic("HostKey") }
	}, func(_ *netmux.Server, l *memoryListener) { propose(l.pipe(), echo) }},
	{"HostKey", func(s *netmux.Server) {
		s.MaxHalfOpenPerHost = 5
		s.HostKey = func(net.Addr) string { panic("HostKey") }
	}, func(_ *netmux.Server, l *memoryListener) { l.pipe() }},
	{"ListFilter", func(s *netmux.Server) {
		s.Muxer.ListFilter = func(string) bool { panic("ListFilter") }
	}, func(_ *netmux.Server, l *memoryListener) { propose(l.pipe(), wire.LS) }},
	{"SetDeadline", evictHalfOpen, func(_ *netmux.Server, l *memoryListener) { badConn{in: "SetDeadline"}.offer(l); l.pipe() }},
	{"Close", evictHalfOpen, func(_ *netmux.Server, l *memoryListener) { badConn{in: "Close"}.offer(l); l.pipe() }},
	{"Reset", evictHalfOpen, func(_ *netmux.Server, l *memoryListener) {
		offerTo(l, func(conn net.Conn) net.Conn { return badStream{badConn{conn, "Reset"}} })
		l.pipe()
	}},
	{"Close", func(s *netmux.Server) { s.Backlog = 1 }, func(s *netmux.Server, l *memoryListener) {
		inner, _ := s.ProtocolListener(deep)
		propose(badConn{in: "Close"}.offer(l), deep)
		synctest.Wait()
		inner.Close()
	}},
	{"shutdown", nil, func(s *netmux.Server, _ *memoryListener) {
		s.RegisterOnShutdown(func() { panic("shutdown") })
		s.Shutdown(background)
	}},
	{"AcceptStream", nil, func(s *netmux.Server, _ *memoryListener) {
		go s.ServeLink(background, badLink{newMemoryLink("10.0.0.1"), "AcceptStream"})
	}},
	{"address of the link", nil, func(s *netmux.Server, _ *memoryListener) {
		go s.ServeLink(background, badLink{newMemoryLink("10.0.0.1"), "address of the link"})
	}},
	{"close of the link", nil, func(s *netmux.Server, _ *memoryListener) {
		link := badLink{newMemoryLink("10.0.0.1"), "close of the link"}
		go s.ServeLink(background, link)
		link.memoryListener.Close()
	}},
	{"close of the link", func(s *netmux.Server) { s.LinkIdleTimeout = time.Minute }, func(s *netmux.Server, _ *memoryListener) {
		go s.ServeLink(background, badLink{newMemoryLink("10.0.0.1"), "close of the link"})
	}},
	{"upgrade", nil, func(s *netmux.Server, _ *memoryListener) {
		l := newMemoryListener()
		go s.ServeLinks(l, func(context.Context, net.Conn) (netmux.Link, error) { panic("upgrade") })
		l.pipe()
	}},
}

func evictHalfOpen(s *netmux.Server) { s.MaxHalfOpen = 1 }

// pipe passes one end of a net.Pipe to the listener and returns the other.
func (l *memoryListener) pipe() net.Conn {
	return offerTo(l, func(conn net.Conn) net.Conn { return conn })
}

// badLink is a link that panics in one of its methods.
type badLink struct {
	*memoryLink
	in string
}

func (l badLink) AcceptStream(ctx context.Context) (net.Conn, error) {
	if l.in == "AcceptStream" {
		panic(l.in)
	}
	return l.memoryLink.AcceptStream(ctx)
}

func (l badLink) RemoteAddr() net.Addr {
	if l.in == "address of the link" {
		panic(l.in)
	}
	return l.memoryLink.RemoteAddr()
}

func (l badLink) Close() error {
	l.memoryLink.Close()
	if l.in == "close of the link" {
		panic(l.in)
	}
	return nil
}

// A panic of a connection, a link or a hook is reported once as a PanicError, and counted; the
// process and other connections continue, and Shutdown does not wait for the connection.
func TestPanicsOfConnsAndLinks(t *testing.T) {
	for _, tt := range badCalls {
		t.Run(tt.value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen errorLog
				s := &netmux.Server{ConnError: seen.hook, Logger: quiet}
				if tt.set != nil {
					tt.set(s)
				}
				echoing(t, s, echo)
				l, stop := serve(t, s)
				tt.play(s, l)
				time.Sleep(2 * time.Minute)
				panics := 0
				for _, err := range seen.list() {
					if strings.Contains(err.Error(), "panic") {
						panics++
					}
				}
				want := 1
				if tt.value == "shutdown" { // it has no connection to report
					want = 0
				}
				// The logger asks for the address again, whose panic is only counted.
				if st := s.Stats(); st.Panics == 0 || panics != want {
					t.Errorf("%d panics reported: %v; %+v", panics, errors.Join(seen.list()...), st)
				}
				stop()
			})
		})
	}
}
