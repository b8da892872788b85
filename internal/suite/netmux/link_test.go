package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// memoryLink is a link whose streams are ends of a net.Pipe.
type memoryLink struct {
	*memoryListener
	remote  net.Addr
	mu      sync.Mutex
	streams []net.Conn
	closes  atomic.Int32
}

func newMemoryLink(ip string) *memoryLink {
	return &memoryLink{memoryListener: newMemoryListener(), remote: &net.TCPAddr{IP: net.ParseIP(ip)}}
}

func (l *memoryLink) AcceptStream(context.Context) (net.Conn, error) {
	conn, err := l.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams = append(l.streams, conn)
	return counted{from{conn, l.remote}, new(atomic.Uint64)}, nil
}

func (l *memoryLink) RemoteAddr() net.Addr { return l.remote }

// Close ends the streams, as that of a multiplexer does.
func (l *memoryLink) Close() error {
	l.closes.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.streams {
		conn.Close()
	}
	return l.memoryListener.Close()
}

// open opens a stream on which the echo is agreed.
func (l *memoryLink) open(t testing.TB) net.Conn {
	t.Helper()
	conn := dial(t, l.dialer(echo), "")
	synctest.Wait()
	return conn
}

// served is a link that is served, with the error of ServeLink to come.
type served struct {
	*memoryLink
	err chan error
}

func serveLink(s *netmux.Server, ip string) served {
	l := served{newMemoryLink(ip), make(chan error, 1)}
	go func() { l.err <- s.ServeLink(background, l.memoryLink) }()
	synctest.Wait()
	return l
}

// end returns the error of ServeLink if that has returned, and nil otherwise.
func (l served) end() error {
	synctest.Wait()
	select {
	case err := <-l.err:
		return err
	default:
		return nil
	}
}

// Streams of links are served like connections, and count like them.
func TestServeLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		echoing(t, s, echo)
		a, b := serveLink(s, "10.0.0.1"), serveLink(s, "10.0.0.2")
		first, second, third := a.open(t), a.open(t), b.open(t)
		halfOpen := a.dial(t)
		synctest.Wait()
		for _, conn := range []net.Conn{first, second, third} {
			checkEcho(t, conn, "x")
		}
		if st := s.Stats(); st.Links != 2 || st.LinksAccepted != 2 || st.Active != 3 || st.HalfOpen != 1 || st.Accepted != 4 {
			t.Errorf("%+v", st)
		}
		first.Close()
		a.memoryListener.Close() // the peer accepts and opens no stream any more
		synctest.Wait()
		checkEcho(t, second, "y")
		if err := a.end(); err != nil {
			t.Errorf("ServeLink has returned %v while streams are open", err)
		}
		second.Close()
		halfOpen.Close()
		if err := a.end(); !errors.Is(err, net.ErrClosed) || a.closes.Load() != 1 {
			t.Errorf("ServeLink: %v; closed %d times", err, a.closes.Load())
		}
		third.Close()
		if err := s.Shutdown(background); err != nil {
			t.Error(err)
		}
		if err := b.end(); err != netmux.ErrServerClosed || b.closes.Load() != 1 {
			t.Errorf("ServeLink: %v; closed %d times", err, b.closes.Load())
		}
		if err := serveLink(s, "10.0.0.3").end(); err != netmux.ErrServerClosed {
			t.Errorf("after Shutdown: %v", err)
		}
		checkEnded(t, s)
	})
}

// Shutdown closes a link when the last of its handlers has returned, and refuses its streams
// until then; Close closes it immediately.
func TestShutdownOfLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		echoing(t, s, echo)
		idle, busy := serveLink(s, "10.0.0.1"), serveLink(s, "10.0.0.2")
		conn := busy.open(t)
		halfOpen := busy.dial(t)
		synctest.Wait()
		shut := make(chan error, 1)
		go func() { shut <- s.Shutdown(background) }()
		if err := idle.end(); err != netmux.ErrServerClosed {
			t.Errorf("the idle link: %v", err)
		}
		if refused := busy.dial(t); len(endedOf([]net.Conn{halfOpen, refused})) != 2 {
			t.Error("a half-open or new stream goes on")
		}
		checkEcho(t, conn, "still served")
		if err := busy.end(); err != nil {
			t.Errorf("the busy link: %v", err)
		}
		conn.Close()
		if err := busy.end(); err != netmux.ErrServerClosed {
			t.Errorf("the busy link: %v", err)
		}
		if err := <-shut; err != nil {
			t.Error(err)
		}

		s = &netmux.Server{Logger: quiet}
		echoing(t, s, echo)
		busy = serveLink(s, "10.0.0.2")
		conn = busy.open(t)
		s.Close()
		if err := busy.end(); err != netmux.ErrServerClosed || len(endedOf([]net.Conn{conn})) != 1 {
			t.Errorf("after Close: %v", err)
		}
		checkEnded(t, s)
	})
}

// ServeLinks makes each connection a link. Until that is done it is half-open, and can be
// evicted; an error resets it.
func TestServeLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
		s := &netmux.Server{MaxHalfOpen: 2, ConnError: seen.hook, Logger: quiet}
		echoing(t, s, echo)
		l := newMemoryListener()
		var made []*memoryLink
		refused := errors.New("no link")
		done := make(chan error, 1)
		go func() {
			done <- s.ServeLinks(l, func(_ context.Context, conn net.Conn) (netmux.Link, error) {
				greeting := make([]byte, 1)
				if _, err := io.ReadFull(conn, greeting); err != nil {
					return nil, err
				}
				if greeting[0] != 'L' {
					return nil, refused
				}
				link := newMemoryLink("10.0.0.1")
				made = append(made, link)
				return link, nil
			})
		}()
		silent, linked, wrong := l.dial(t), l.dial(t), l.dial(t)
		if got := endedOf([]net.Conn{silent, linked, wrong}); !slices.Equal(got, []int{0}) {
			t.Errorf("ended: %v, want the first", got)
		}
		linked.SetReadDeadline(time.Time{})
		wrong.SetReadDeadline(time.Time{})
		io.WriteString(linked, "L")
		io.WriteString(wrong, "x")
		if _, err := wrong.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a connection that is no link: %v", err)
		}
		synctest.Wait()
		checkEcho(t, made[0].open(t), "x")
		if st := s.Stats(); st.Links != 1 || st.Active != 1 || st.HalfOpen != 0 || st.Evicted != 1 || st.Failed != 2 || st.Accepted != 4 {
			t.Errorf("%+v", st)
		}
		if all := seen.list(); len(all) != 2 || !errors.Is(all[0], netmux.ErrHalfOpen) || all[1] != refused {
			t.Errorf("reported %v", all)
		}
		s.Close()
		if err := <-done; err != netmux.ErrServerClosed {
			t.Error(err)
		}
		synctest.Wait()
		checkEnded(t, s)
	})
}
