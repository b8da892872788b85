package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// counted is a connection in memory from a host, which counts the bytes that are read from it.
type counted struct {
	from
	read *atomic.Uint64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read.Add(uint64(n))
	return n, err
}

func (c counted) BytesRead() *atomic.Uint64 { return c.read }

// agree opens a connection from a host on which the echo is agreed.
func agree(t testing.TB, l *memoryListener, ip string) (conn net.Conn, err error) {
	t.Helper()
	d := &netmux.Dialer{Protocols: []string{echo}, NetDialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		remote := from{theirs, &net.TCPAddr{IP: net.ParseIP(ip)}}
		return ours, l.offer(counted{remote, new(atomic.Uint64)})
	}}
	conn, err = d.DialContext(background, "", "")
	synctest.Wait()
	return conn, err
}

// bounded is a test of the bounds on active connections: of connections by host, in this
// order, those at the positions in talking send a byte.
type bounded struct {
	name    string
	set     func(*netmux.Server)
	hosts   []string
	talking []int
	ended   []int // in this order of positions
	limit   string
	refused bool
}

var bounds = []bounded{
	{
		"the oldest silent one ends", func(s *netmux.Server) { s.MaxActive, s.MaxActivePerHost = 3, -1 },
		[]string{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"},
		nil,
		[]int{0, 1},
		"MaxActive", false,
	},
	{
		"those with data stay", func(s *netmux.Server) { s.MaxActive, s.MaxActivePerHost = 3, -1 },
		[]string{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"},
		[]int{0, 1},
		[]int{2},
		"MaxActive", false,
	},
	{
		"the most demanding host", func(s *netmux.Server) { s.MaxActive, s.MaxActivePerHost = 4, -1 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.4"},
		nil,
		[]int{1},
		"MaxActive", false,
	},
	{
		"hosts without a key are one", func(s *netmux.Server) { s.MaxActive = 4 },
		[]string{"10.0.0.1", "127.0.0.1", "::1", "127.0.0.1", "127.0.0.1"},
		nil,
		[]int{1},
		"MaxActive", false,
	},
	{
		"all with data: refused", func(s *netmux.Server) { s.MaxActive, s.MaxActivePerHost = 2, -1 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		[]int{0, 1},
		[]int{2},
		"MaxActive", true,
	},
	{"all with data, and the owner ends those", func(s *netmux.Server) {
		s.MaxActive, s.MaxActivePerHost, s.EvictActive = 3, -1, true
	}, []string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"}, []int{0, 1, 2}, []int{1}, "MaxActive", false},
	{
		"of one host", func(s *netmux.Server) { s.MaxActivePerHost = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2"},
		nil,
		[]int{1},
		"MaxActivePerHost", false,
	},
	{
		"of one host with data: refused", func(s *netmux.Server) { s.MaxActivePerHost = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2"},
		[]int{1, 2},
		[]int{3},
		"MaxActivePerHost", true,
	},
	{
		"half of MaxActive by default", func(s *netmux.Server) { s.MaxActive = 4 },
		[]string{"10.0.0.1", "10.0.0.1", "10.0.0.1"},
		nil,
		[]int{0},
		"MaxActivePerHost", false,
	},
	{"a balancer's address", func(s *netmux.Server) {
		s.MaxActivePerHost = 1
		s.HostKey = func(net.Addr) string { return "" }
	}, []string{"10.0.0.1", "10.0.0.1", "10.0.0.1"}, nil, nil, "", false},
	{"a key for loopback", func(s *netmux.Server) {
		s.MaxActivePerHost = 1
		s.HostKey = func(remote net.Addr) string { return remote.(*net.TCPAddr).IP.String() }
	}, []string{"127.0.0.1", "127.0.0.2", "127.0.0.1"}, nil, []int{0}, "MaxActivePerHost", false},
	{
		"no limit by default", func(*netmux.Server) {},
		[]string{"10.0.0.1", "10.0.0.1", "10.0.0.1"},
		nil, nil, "", false,
	},
}

// When a server is full, silent connections end in favor of new ones; a connection with data does
// so where the owner has chosen that. All others are refused.
func TestActiveLimits(t *testing.T) {
	for _, tt := range bounds {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen errorLog
				s := &netmux.Server{ConnError: seen.hook}
				tt.set(s)
				echoing(t, s, echo)
				l, stop := serve(t, s)
				var conns []net.Conn
				for i, host := range tt.hosts {
					conn, err := agree(t, l, host)
					if err != nil {
						t.Fatal(err)
					}
					if conns = append(conns, conn); slices.Contains(tt.talking, i) {
						checkEcho(t, conn, "x")
					}
				}
				if got := endedOf(conns); !slices.Equal(got, tt.ended) {
					t.Errorf("ended: %v, want %v", got, tt.ended)
				}
				for _, err := range seen.list() {
					checkLimit(t, err, tt.limit, netmux.ErrActive, tt.refused)
				}
				st := s.Stats()
				evicted, refused := len(tt.ended), 0
				if tt.refused {
					evicted, refused = refused, evicted
				}
				if len(seen.list()) != len(tt.ended) || int(st.ActiveEvicted) != evicted || int(st.Refused) != refused ||
					st.Active != len(tt.hosts)-len(tt.ended) || int(st.Failed) != refused {
					t.Errorf("%+v, reported %v", st, seen.list())
				}
				for _, conn := range conns {
					conn.Close()
				}
				stop()
			})
		})
	}
}

// The context of the handler of an evicted connection ends with the cause, and ServeConn returns it.
func TestEvictedHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{MaxActive: 1, MaxActivePerHost: -1, Logger: quiet}
		var cause error
		err := s.Muxer.AddHandler(echo, func(ctx context.Context, _ string, _ io.ReadWriteCloser) {
			<-ctx.Done()
			cause = context.Cause(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		l := newMemoryListener()
		served := make(chan error, 2)
		go func() {
			for range 2 {
				conn, _ := l.Accept()
				go func() { served <- s.ServeConn(background, conn) }()
			}
		}()
		for range 2 {
			if _, err := agree(t, l, "10.0.0.1"); err != nil {
				t.Error(err)
			}
		}
		checkLimit(t, <-served, "MaxActive", netmux.ErrActive, false)
		checkLimit(t, cause, "MaxActive", netmux.ErrActive, false)
		s.Close()
		if err := <-served; err != nil || cause != netmux.ErrServerClosed {
			t.Errorf("after Close: %v, %v", err, cause)
		}
	})
}

// FirstByteTimeout ends a connection whose peer has agreed and sends nothing, and no other.
func TestFirstByteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
		s := &netmux.Server{FirstByteTimeout: time.Minute, ConnError: seen.hook}
		echoing(t, s, echo)
		l, stop := serve(t, s)
		talking, _ := agree(t, l, "10.0.0.1")
		checkEcho(t, talking, "x")
		time.Sleep(30 * time.Second)
		start := time.Now()
		silent, _ := agree(t, l, "10.0.0.1")
		time.Sleep(time.Millisecond)
		late, _ := agree(t, l, "10.0.0.1")
		go func() {
			time.Sleep(59 * time.Second)
			late.Write([]byte("x"))
		}()
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF || time.Since(start).Round(time.Millisecond) != time.Minute {
			t.Errorf("ended with %v after %v", err, time.Since(start))
		}
		time.Sleep(time.Hour)
		if st := s.Stats(); st.Active != 2 || st.ActiveTimedOut != 1 || len(seen.list()) != 1 {
			t.Errorf("%+v, reported %v", st, seen.list())
		}
		checkLimit(t, errors.Join(seen.list()...), "FirstByteTimeout", os.ErrDeadlineExceeded, false)
		io.ReadFull(late, make([]byte, 1))
		checkEcho(t, talking, "y")
		checkEcho(t, late, "y")
		talking.Close()
		late.Close()
		stop()
	})
}
