package netmux_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// isCut reports whether a connection has ended, without waiting for it.
func isCut(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now())
	_, err := conn.Read(make([]byte, 1))
	return err == io.EOF
}

func cutOf(conns []net.Conn) (cut []int) {
	synctest.Wait()
	for i, c := range conns {
		if isCut(c) {
			cut = append(cut, i)
		}
	}
	return cut
}

// The oldest half-open connection is cut for a new one, which is served; what has
// agreed is half-open no more.
func TestHalfOpenLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorsOf
		s := &netmux.Server{MaxHalfOpen: 3, ConnError: seen.hook}
		echoing(t, s, echo)
		l, stop := serve(t, s)
		var conns []net.Conn
		for range 5 {
			conns = append(conns, l.dial(t))
		}
		if got, want := cutOf(conns), []int{0, 1}; !slices.Equal(got, want) {
			t.Errorf("cut: %v, want %v", got, want)
		}
		good := dial(t, l.dialer(echo), "")
		synctest.Wait()
		another := dial(t, l.dialer(echo), "")
		if got, want := cutOf(conns), []int{0, 1, 2}; !slices.Equal(got, want) {
			t.Errorf("behind two that agreed, cut: %v, want %v", got, want)
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
			"10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1", // 0 and 2 are cut
			"2001:db8::1", "2001:db8::2:0:0:3", "2001:db8:0:0:ffff::", "2001:db8:0:1::", // 5 is cut
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
		if got, want := cutOf(conns), []int{0, 2, 5}; !slices.Equal(got, want) {
			t.Errorf("cut: %v, want %v", got, want)
		}
		stop()
	})
}

// Whatever a client does, it has 10 s from Accept, TLS included; or what Limits say.
func TestBudget(t *testing.T) {
	server, client := newTLS(t)
	silent := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	for _, tt := range []struct {
		why    string
		secure bool
		budget time.Duration
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
				var seen errorsOf
				s := &netmux.Server{ConnError: seen.hook, Logger: quiet}
				s.Muxer.Limits.Timeout = tt.budget
				echoing(t, s, echo)
				start := time.Now()
				ours, theirs := net.Pipe()
				var client sync.WaitGroup
				client.Go(func() { tt.play(ours) })
				if tt.secure {
					theirs = newServer(theirs, s.ConfigureTLS(server))
				}
				err := s.ServeConn(background, theirs)
				want := tt.budget
				if want == 0 {
					want = 10 * time.Second
				}
				if took := time.Since(start); took != want || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("over after %v with %v, want %v", took, err, want)
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

// short is a listener whose process has no descriptor left until one was cut.
type short struct {
	*memoryListener
	s      *netmux.Server
	failed bool
}

func (l *short) Accept() (net.Conn, error) {
	if !l.failed && l.s.Stats().HalfOpen == 2 {
		l.failed = true
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.memoryListener.Accept()
}

// When there are no descriptors left, the oldest half-open connections give theirs.
func TestOutOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		echoing(t, s, echo)
		l := newMemoryListener()
		served := make(chan error)
		go func() { served <- s.Serve(&short{memoryListener: l, s: s}) }()
		start := time.Now()
		first := l.dial(t)
		second := l.dial(t)
		good := dial(t, l.dialer(echo), "")
		if took := time.Since(start); took != time.Millisecond {
			t.Errorf("served after %v", took)
		}
		if got := cutOf([]net.Conn{first, second}); !slices.Equal(got, []int{0}) {
			t.Errorf("cut: %v, want the first", got)
		}
		good.Close()
		if err := s.Shutdown(background); err != nil {
			t.Error(err)
		}
		if err := <-served; err != netmux.ErrServerClosed {
			t.Error(err)
		}
	})
}

// slowAddr does not know its address before the peer has said it.
type slowAddr struct {
	net.Conn
	known chan struct{}
}

func (s slowAddr) RemoteAddr() net.Addr {
	<-s.known
	return s.Conn.RemoteAddr()
}

func TestAddressThatTakesItsTime(t *testing.T) {
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
