package netmux_test

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// links are tests of the bounds on links: by host, in this order. Those in agreed have a stream
// on which a protocol is agreed; on those in talking the peer has sent a byte.
var links = []struct {
	name            string
	set             func(*netmux.Server)
	hosts           []string
	agreed, talking []int
	ended           []int
	limit           string
	refused         bool
}{
	{
		"the oldest idle one ends", func(s *netmux.Server) { s.MaxLinks = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		nil, nil,
		[]int{0},
		"MaxLinks", false,
	},
	{
		"one without an agreed stream first", func(s *netmux.Server) { s.MaxLinks = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		[]int{0},
		nil,
		[]int{1},
		"MaxLinks", false,
	},
	{
		"but those that many have", func(s *netmux.Server) { s.MaxLinks = 3 },
		[]string{"10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"},
		[]int{0, 1},
		nil,
		[]int{0},
		"MaxLinks", false,
	},
	{
		"then one with silent streams", func(s *netmux.Server) { s.MaxLinks = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		[]int{1},
		[]int{0},
		[]int{1},
		"MaxLinks", false,
	},
	{
		"all with data: refused", func(s *netmux.Server) { s.MaxLinks = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		nil,
		[]int{0, 1},
		[]int{2},
		"MaxLinks", true,
	},
	{
		"all with data, and the owner ends those", func(s *netmux.Server) { s.MaxLinks, s.EvictActive = 2, true },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"},
		nil,
		[]int{0, 1},
		[]int{0},
		"MaxLinks", false,
	},
	{
		"the most demanding host", func(s *netmux.Server) { s.MaxLinks = 3 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"},
		nil, nil,
		[]int{1},
		"MaxLinks", false,
	},
	{
		"of one host", func(s *netmux.Server) { s.MaxLinksPerHost = 2 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2"},
		nil,
		[]int{1},
		[]int{2},
		"MaxLinksPerHost", false,
	},
	{
		"of one host with data: refused", func(s *netmux.Server) { s.MaxLinksPerHost = 1 },
		[]string{"10.0.0.1", "10.0.0.2", "10.0.0.2"},
		nil,
		[]int{1},
		[]int{2},
		"MaxLinksPerHost", true,
	},
	{
		"loopback has no limit per host", func(s *netmux.Server) { s.MaxLinksPerHost = 1 },
		[]string{"127.0.0.1", "127.0.0.1", "::1"},
		nil, nil, nil, "", false,
	},
}

func TestLinkLimits(t *testing.T) {
	for _, tt := range links {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen errorLog
				s := &netmux.Server{ConnError: seen.hook, Logger: quiet}
				tt.set(s)
				echoing(t, s, echo)
				var all []served
				for i, host := range tt.hosts {
					l := serveLink(s, host)
					all = append(all, l)
					if slices.Contains(tt.agreed, i) {
						l.open(t)
					}
					if slices.Contains(tt.talking, i) {
						checkEcho(t, l.open(t), "x")
					}
				}
				var ended []int
				for i, l := range all {
					if err := l.end(); err != nil {
						ended = append(ended, i)
						checkLimit(t, err, tt.limit, netmux.ErrLinks, tt.refused)
					}
				}
				st := s.Stats()
				if !slices.Equal(ended, tt.ended) || len(seen.list()) != len(tt.ended) ||
					int(st.LinksEvicted+st.LinksRefused) != len(tt.ended) || (st.LinksRefused > 0) != tt.refused ||
					st.Links != len(tt.hosts)-len(tt.ended) {
					t.Errorf("ended %v, want %v; reported %v; %+v", ended, tt.ended, seen.list(), st)
				}
				s.Close()
				for _, l := range all {
					l.end()
					if l.closes.Load() != 1 {
						t.Errorf("a link was closed %d times", l.closes.Load())
					}
				}
				checkEnded(t, s)
			})
		})
	}
}

// LinkIdleTimeout ends a link that has had no agreed stream for that time; half-open streams
// do not count.
func TestLinkIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
		s := &netmux.Server{LinkIdleTimeout: time.Minute, ConnError: seen.hook, Logger: quiet}
		echoing(t, s, echo)
		used, idle := serveLink(s, "10.0.0.1"), serveLink(s, "10.0.0.2")
		conn := used.open(t)
		time.Sleep(30 * time.Second)
		idle.dial(t)
		time.Sleep(29 * time.Second)
		if err := idle.end(); err != nil {
			t.Errorf("ended after 59 s with %v", err)
		}
		time.Sleep(time.Second + time.Millisecond)
		checkLimit(t, idle.end(), "LinkIdleTimeout", os.ErrDeadlineExceeded, false)
		time.Sleep(time.Hour)
		checkEcho(t, conn, "x")
		conn.Close()
		synctest.Wait()
		time.Sleep(59 * time.Second)
		used.open(t).Close()
		synctest.Wait()
		time.Sleep(59 * time.Second)
		if err := used.end(); err != nil {
			t.Errorf("a link in use has ended with %v", err)
		}
		time.Sleep(time.Second + time.Millisecond)
		checkLimit(t, used.end(), "LinkIdleTimeout", os.ErrDeadlineExceeded, false)
		if st := s.Stats(); st.LinksTimedOut != 2 || len(seen.list()) < 2 {
			t.Errorf("%+v, reported %v", st, seen.list())
		}
		checkEnded(t, s)
	})
}

// A link frees a descriptor, and a stream does not: out of descriptors, idle links end.
func TestOutOfDescriptorsLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		echoing(t, s, echo)
		var all []served
		for range 10 {
			all = append(all, serveLink(s, "10.0.0.1"))
			time.Sleep(time.Second)
		}
		for range 20 {
			all[0].dial(t) // half-open streams
		}
		checkEcho(t, all[1].open(t), "x")
		silent := all[2].open(t)
		l := newMemoryListener()
		failed := false
		stop := serveIn(t, s, exhausted{l, func() bool { defer func() { failed = true }(); return !failed }})
		dial(t, l.dialer(echo), "").Close()
		var ended []int
		for i, l := range all {
			if err := l.end(); err != nil {
				checkLimit(t, err, "descriptors", netmux.ErrLinks, false)
				ended = append(ended, i)
			}
		}
		if want := []int{0, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(ended, want) {
			t.Errorf("ended %v, want %v", ended, want)
		}
		checkEcho(t, silent, "x")
		for _, l := range all {
			l.Close()
		}
		stop()
	})
}
