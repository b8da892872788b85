package netmux_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// Zero is the documented default and a negative value is no limit, for all limits of a
// Server that are counted.
func TestServerLimits(t *testing.T) {
	for _, tt := range []struct {
		name     string
		set      func(*netmux.Server)
		conns    int
		halfOpen int
	}{
		{"MaxHalfOpen, default", func(*netmux.Server) {}, 4100, 4096},
		{"MaxHalfOpen, no limit", func(s *netmux.Server) { s.MaxHalfOpen = multiselect.NoLimit }, 4100, 4100},
		{"MaxHalfOpenPerHost, default", func(s *netmux.Server) { s.MaxHalfOpen = 4200 }, 4100, 4100},
		{"MaxHalfOpenPerHost, no limit", func(s *netmux.Server) {
			s.MaxHalfOpen, s.MaxHalfOpenPerHost = 4200, multiselect.NoLimit
		}, 4100, 4100},
		{"MaxHalfOpenPerHost, 7", func(s *netmux.Server) { s.MaxHalfOpenPerHost = 7 }, 20, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(netmux.Server)
				tt.set(s)
				l, stop := serve(t, s)
				for range tt.conns {
					_, theirs := net.Pipe()
					if err := l.offer(from{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}}); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if st := s.Stats(); st.HalfOpen != tt.halfOpen || st.Accepted != uint64(tt.conns) {
					t.Errorf("%+v, want %d half-open", st, tt.halfOpen)
				}
				stop()
			})
		})
	}
}

func TestBacklogLimits(t *testing.T) {
	for backlog, want := range map[int]int{0: 1024, multiselect.NoLimit: 1030, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			s := &netmux.Server{Backlog: backlog}
			inner := listen(t, s, echo)
			l, stop := serve(t, s)
			for range 1030 {
				dial(t, l.dialer(echo), "")
				synctest.Wait()
			}
			if st := s.Stats(); st.Queued != want || int(st.Dropped) != 1030-want {
				t.Errorf("Backlog %d: %+v, want %d queued", backlog, st, want)
			}
			inner.Close()
			stop()
		})
	}
}

// A negative time is no limit either: a silent client is never served with Fallback, and
// without Limits.Timeout it stays half-open.
func TestTimeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Fallback: legacy, FallbackAfter: multiselect.NoLimit}
		s.Muxer.Limits.Timeout = multiselect.NoLimit
		echoing(t, s, legacy)
		l, stop := serve(t, s)
		conn := l.dial(t)
		time.Sleep(1000 * time.Hour)
		if st := s.Stats(); st.HalfOpen != 1 || st.Agreed != 0 || st.Failed != 0 {
			t.Errorf("%+v, want one half-open", st)
		}
		go io.WriteString(conn, "G")
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		conn.Close()
		stop()
	})
}
