package netmux_test

import (
	"context"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// A process that is out of descriptors ends silent connections rather than the few half-open
// ones among them, and none that carries data.
func TestOutOfDescriptorsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
		s := &netmux.Server{ConnError: seen.hook}
		echoing(t, s, echo)
		l := newMemoryListener()
		failed := false
		stop := serveIn(t, s, exhausted{l, func() bool {
			full := !failed && s.Stats().Active == 20 && s.Stats().HalfOpen == 3
			failed = failed || full
			return full
		}})
		var conns []net.Conn
		for i := range 20 {
			conn, err := agree(t, l, "10.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			if conns = append(conns, conn); i < 5 {
				checkEcho(t, conn, "x")
			}
		}
		for range 3 {
			conns = append(conns, l.dial(t))
		}
		conn, err := agree(t, l, "10.0.0.2")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := endedOf(conns), []int{5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(got, want) {
			t.Errorf("ended: %v, want %v", got, want)
		}
		for _, err := range seen.list() {
			checkLimit(t, err, "descriptors", netmux.ErrActive, false)
		}
		if st := s.Stats(); st.ActiveEvicted != 8 || st.Evicted != 0 {
			t.Errorf("%+v", st)
		}
		for _, conn := range append(conns, conn) {
			conn.Close()
		}
		stop()
	})
}

// If nothing may end, Accept is tried again when a connection has ended, and otherwise after a
// pause of 1 ms, which is doubled up to a second.
func TestOutOfDescriptorsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(netmux.Server)
		echoing(t, s, echo)
		l := newMemoryListener()
		ours, theirs := net.Pipe()
		go s.ServeConn(background, theirs) // a pipe: it may carry data
		direct := &netmux.Dialer{Protocols: []string{echo}, NetDialContext: func(context.Context, string, string) (net.Conn, error) {
			return ours, nil
		}}
		conn := dial(t, direct, "")
		synctest.Wait()
		var tries []time.Duration
		start := time.Now()
		stop := serveIn(t, s, exhausted{l, func() bool {
			if s.Stats().Active == 0 {
				return false
			}
			tries = append(tries, time.Since(start))
			return true
		}})
		time.Sleep(5*time.Second + 500*time.Millisecond)
		synctest.Wait()
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2023, 3023, 4023, 5023}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(tries, want) {
			t.Errorf("tried after %v, want %v", tries, want)
		}
		conn.Close()
		before := time.Now()
		dial(t, l.dialer(echo), "").Close()
		if took := time.Since(before); took != 0 {
			t.Errorf("accepted %v after a connection has ended", took)
		}
		stop()
	})
}

// An error of Accept that has nothing to do with descriptors ends no connection.
func TestTemporaryError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(netmux.Server)
		l := newMemoryListener()
		failed := false
		stop := serveIn(t, s, aborted{l, &failed})
		l.dial(t)
		l.dial(t)
		synctest.Wait()
		if st := s.Stats(); !failed || st.HalfOpen != 2 || st.Evicted != 0 {
			t.Errorf("failed %v, %+v", failed, st)
		}
		stop()
	})
}

// aborted is a listener whose Accept fails once after a connection, as when that was reset.
type aborted struct {
	*memoryListener
	failed *bool
}

func (l aborted) Accept() (net.Conn, error) {
	conn, err := l.memoryListener.Accept()
	if err == nil && !*l.failed {
		*l.failed = true
		go l.offer(conn)
		return nil, temporary{}
	}
	return conn, err
}

type temporary struct{}

func (temporary) Error() string   { return "aborted" }
func (temporary) Timeout() bool   { return false }
func (temporary) Temporary() bool { return true }

// The accept loop calls nothing that can block: while the remote address of a connection is not
// known, and while hooks and the logger block, other connections are served.
func TestAcceptDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		block := func(conn net.Conn) {
			if conn.RemoteAddr().String() == "10.0.0.9:0" {
				<-release
			}
		}
		s := &netmux.Server{MaxHalfOpenPerHost: 5, MaxActivePerHost: 5}
		s.ConnState = func(conn net.Conn, _ netmux.ConnState) { block(conn) }
		s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context { block(conn); return ctx }
		s.ConnError = func(conn net.Conn, _ error) { block(conn) }
		s.HostKey = func(remote net.Addr) string { return remote.String() }
		echoing(t, s, echo)
		l, stop := serve(t, s)
		var blocked []net.Conn
		for range 3 {
			ours, theirs := net.Pipe()
			l.offer(slowAddr{from{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9)}}, release})
			blocked = append(blocked, ours)
			ours, theirs = net.Pipe()
			l.offer(from{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9)}})
			blocked = append(blocked, ours)
		}
		conn, err := agree(t, l, "10.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		checkEcho(t, conn, "served")
		if st := s.Stats(); st.HalfOpen != 6 {
			t.Errorf("%+v", st)
		}
		close(release)
		conn.Close()
		for _, conn := range blocked {
			conn.Close()
		}
		stop()
	})
}

// exhausted is a listener whose process has no descriptor left, for some calls of Accept.
type exhausted struct {
	*memoryListener
	when func() bool
}

func (l exhausted) Accept() (net.Conn, error) {
	if l.when() {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.memoryListener.Accept()
}

// When the process is out of descriptors, an eighth of the half-open connections is evicted, the
// oldest first, and at least 8. The new connection is accepted without a pause.
func TestOutOfDescriptors(t *testing.T) {
	for conns, want := range map[int]int{3: 3, 20: 8, 160: 20} {
		synctest.Test(t, func(t *testing.T) {
			var seen errorLog
			s := &netmux.Server{ConnError: seen.hook}
			echoing(t, s, echo)
			l := newMemoryListener()
			failed := false
			stop := serveIn(t, s, exhausted{l, func() bool {
				full := !failed && s.Stats().HalfOpen == conns
				failed = failed || full
				return full
			}})
			start := time.Now()
			var silent []net.Conn
			for range conns {
				silent = append(silent, l.dial(t))
			}
			good := dial(t, l.dialer(echo), "")
			if took := time.Since(start); took != 0 {
				t.Errorf("%d connections: served after %v", conns, took)
			}
			if got := endedOf(silent); len(got) != want || !slices.IsSorted(got) || got[want-1] != want-1 {
				t.Errorf("%d connections, evicted: %v, want the first %d", conns, got, want)
			}
			for _, err := range seen.list() {
				checkLimit(t, err, "descriptors", netmux.ErrHalfOpen, false)
			}
			if st := s.Stats(); int(st.Evicted) != want {
				t.Errorf("%+v, want %d evicted", st, want)
			}
			good.Close()
			stop()
		})
	}
}
