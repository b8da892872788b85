package netmux_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// unused is the time after which an unused lazy connection sends its proposal.
const unused = 50 * time.Millisecond

// TestDialerUnused leaves lazy connections unused, as a pool does, for longer than the server
// allows them to be half-open: they are agreed on, and used later. Connections that are used
// immediately are written to as often as without it.
func TestDialerUnused(t *testing.T) {
	for _, noCache := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &netmux.Server{}
			s.Muxer.Limits.Timeout = time.Second
			echoing(t, s, "/a")
			l, stop := serve(t, s)
			d := lazyDialer(l, noCache)
			const n = 20
			idle := make([]net.Conn, n)
			for i := range idle {
				idle[i] = dial(t, d, "peer")
			}
			synctest.Wait()
			before := runtime.NumGoroutine()
			used := dial(t, d, "peer")
			checkEcho(t, used, "in use")
			checkWrites(t, used, 1)
			time.Sleep(unused - time.Millisecond)
			synctest.Wait()
			for _, conn := range idle {
				checkWrites(t, conn, 0)
			}
			if more := runtime.NumGoroutine() - before; more > 1 { // the server's, for used
				t.Errorf("%d goroutines more while connections wait", more)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			for _, conn := range idle {
				checkWrites(t, conn, 1)
			}
			if st := s.Stats(); st.HalfOpen != 0 || st.Active != n+1 {
				t.Errorf("after %v: %+v", unused, st)
			}
			time.Sleep(time.Hour)
			for _, conn := range append(idle, used) {
				checkEcho(t, conn, "used late")
				checkWrites(t, conn, 2)
				conn.Close()
			}
			stop()
		})
	}
}

// TestDialerUnusedFails has the write of an unused connection fail, and a server that refuses: the
// next call returns the error. A connection that was closed before is not written to.
func TestDialerUnusedFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{}
		l, stop := serve(t, s)
		d := lazyDialer(l, false)
		refused := dial(t, d, "refused")
		broken := dial(t, d, "broken")
		below(broken).Reset()
		closed := dial(t, d, "closed")
		closed.Close()
		time.Sleep(unused)
		synctest.Wait()
		checkWrites(t, closed, 1) // of Close
		if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error("refused:", err)
		}
		if _, err := broken.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Error("broken:", err)
		}
		broken.Close()
		refused.Close()
		time.Sleep(time.Minute)
		stop()
	})
}

// bufferedConn is a connection in memory whose Write does not wait for the peer.
type bufferedConn struct{ *streamtest.Stream }

func (bufferedConn) LocalAddr() net.Addr  { return &net.UnixAddr{Name: "memory", Net: "memory"} }
func (bufferedConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

// lazyDialer returns a lazy dialer whose connections are buffered.
func lazyDialer(l *memoryListener, noCache bool) *netmux.Dialer {
	d := l.dialer("/a")
	d.Lazy, d.NoCache = true, noCache
	d.NetDialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := streamtest.Config{Size: 1 << 16}.Pipe()
		return bufferedConn{near}, l.offer(bufferedConn{far})
	}
	return d
}

func below(conn net.Conn) bufferedConn {
	return conn.(*multiselect.LazyStream).Stream().(bufferedConn)
}

func checkWrites(t *testing.T, conn net.Conn, want int) {
	t.Helper()
	if got := below(conn).Writes(); len(got) != want {
		t.Errorf("the writes are %q, want %d", got, want)
	}
}
