package netmux_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// isEnded reports whether a connection has ended, without waiting for it.
func isEnded(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now())
	_, err := conn.Read(make([]byte, 1))
	return err == io.EOF
}

func endedOf(conns []net.Conn) (ended []int) {
	synctest.Wait()
	for i, c := range conns {
		if isEnded(c) {
			ended = append(ended, i)
		}
	}
	return ended
}

// A new connection evicts the oldest half-open one and is served; connections with an agreement
// are not half-open.
func TestHalfOpenLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
		s := &netmux.Server{MaxHalfOpen: 3, ConnError: seen.hook}
		echoing(t, s, echo)
		l, stop := serve(t, s)
		var conns []net.Conn
		for range 5 {
			conns = append(conns, l.dial(t))
		}
		if got, want := endedOf(conns), []int{0, 1}; !slices.Equal(got, want) {
			t.Errorf("evicted: %v, want %v", got, want)
		}
		good := dial(t, l.dialer(echo), "")
		synctest.Wait()
		another := dial(t, l.dialer(echo), "")
		if got, want := endedOf(conns), []int{0, 1, 2}; !slices.Equal(got, want) {
			t.Errorf("after two agreements, evicted: %v, want %v", got, want)
		}
		checkEcho(t, good, "honest")
		checkEcho(t, another, "honest")
		for _, err := range seen.list() {
			if !errors.Is(err, netmux.ErrHalfOpen) || blame(err) != multiselect.BlameNone {
				t.Errorf("reported %v", err)
			}
		}
		if st := s.Stats(); st.HalfOpen != 2 || st.Active != 2 || st.Evicted != 3 || st.Accepted != 7 {
			t.Errorf("%+v", st)
		}
		good.Close()
		another.Close()
		stop()
	})
}

func blame(err error) multiselect.Blame {
	e, _ := errors.AsType[*multiselect.Error](err)
	return e.Blame()
}

// from is a connection of another address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

func TestHalfOpenLimitPerHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{MaxHalfOpenPerHost: 2}
		l, stop := serve(t, s)
		var conns []net.Conn
		for i, ip := range []string{
			"10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1", // 0 and 2 are evicted
			"2001:db8::1", "2001:db8::2:0:0:3", "2001:db8:0:0:ffff::", "2001:db8:0:1::", // 5 is evicted
		} {
			ours, theirs := net.Pipe()
			if err := l.offer(from{theirs, &net.TCPAddr{IP: net.ParseIP(ip), Port: i}}); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, ours)
		}
		for range 5 {
			conns = append(conns, l.dial(t)) // without an IP address
		}
		if got, want := endedOf(conns), []int{0, 2, 5}; !slices.Equal(got, want) {
			t.Errorf("evicted: %v, want %v", got, want)
		}
		stop()
	})
}

// Limits.Timeout, 10 s by default, runs from Accept, TLS included (R24).
func TestTimeout(t *testing.T) {
	server, client := newTLS(t)
	silent := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	for _, tt := range []struct {
		why    string
		secure bool
		limit  time.Duration
		play   func(conn net.Conn)
	}{
		{"silent", false, 0, silent},
		{"silent", false, 3 * time.Second, silent},
		{"dripping", false, 0, func(conn net.Conn) {
			for _, b := range []byte(wire.HeaderFrame) {
				conn.Write([]byte{b})
				time.Sleep(900 * time.Millisecond)
			}
		}},
		{"silent before TLS", true, 0, silent},
		{"slow with TLS and then silent", true, 0, func(conn net.Conn) {
			time.Sleep(6 * time.Second)
			config := client.Clone()
			config.ServerName = "memory"
			silent(newClient(conn, config))
		}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen errorLog
				s := &netmux.Server{ConnError: seen.hook, Logger: quiet}
				s.Muxer.Limits.Timeout = tt.limit
				echoing(t, s, echo)
				start := time.Now()
				ours, theirs := net.Pipe()
				var client sync.WaitGroup
				client.Go(func() { tt.play(ours) })
				if tt.secure {
					theirs = newServer(theirs, s.ConfigureTLS(server))
				}
				err := s.ServeConn(background, theirs)
				want := tt.limit
				if want == 0 {
					want = 10 * time.Second
				}
				if took := time.Since(start); took != want || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("ended after %v with %v, want %v", took, err, want)
				}
				if st := s.Stats(); st.TimedOut != 1 || st.Failed != 1 || len(seen.list()) != 1 {
					t.Errorf("%+v, reported %v", st, seen.list())
				}
				ours.Close()
				s.Close()
				client.Wait()
			})
		})
	}
}

// slowAddr is a connection whose RemoteAddr blocks until known is closed.
type slowAddr struct {
	net.Conn
	known chan struct{}
}

func (s slowAddr) RemoteAddr() net.Addr {
	<-s.known
	return s.Conn.RemoteAddr()
}

// A RemoteAddr that blocks does not block the server.
func TestSlowRemoteAddr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet, MaxHalfOpenPerHost: 5}
		known := make(chan struct{})
		a, b := net.Pipe()
		go s.ServeConn(background, slowAddr{b, known})
		synctest.Wait()
		s.Stats() // does not wait for it
		close(known)
		a.Close()
	})
}
