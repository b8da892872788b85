package netmux_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// asking is a server that records the proposals it receives.
type asking struct {
	netmux.Server
	mu    sync.Mutex
	asked []string
}

func newAsking() *asking {
	a := new(asking)
	trace := &multiselect.Trace{Received: func(_ multiselect.Role, m []byte) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if text := string(m[1 : len(m)-1]); text[1] != 'm' {
			a.asked = append(a.asked, text)
		}
	}}
	a.BaseContext = func(net.Listener) context.Context { return multiselect.WithTrace(background, trace) }
	return a
}

// proposals returns the proposals received since the last call.
func (a *asking) proposals() []string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.asked = nil }()
	return a.asked
}

// A Dialer proposes the protocol of the last agreement first. A refusal removes it from the
// cache, and so does the default CacheTTL.
func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking()
		echoing(t, &a.Server, "/b", "/c")
		l, stop := serve(t, &a.Server)
		d := l.dialer("/a", "/b", "/c")
		want := func(agreed string, asked ...string) {
			t.Helper()
			conn, protocol, err := d.DialProtocol(background, "tcp", "peer")
			if err != nil || protocol != agreed {
				t.Errorf("agreed on %q, %v; want %q", protocol, err, agreed)
			}
			if err == nil {
				conn.Close()
			}
			if got := a.proposals(); !slices.Equal(got, asked) {
				t.Errorf("proposed %q, want %q", got, asked)
			}
		}
		want("/b", "/a", "/b")
		want("/b", "/b")
		a.Muxer.RemoveHandler("/b")
		want("/c", "/b", "/a", "/c")
		want("/c", "/c")
		echoing(t, &a.Server, "/a")
		want("/c", "/c")
		time.Sleep(time.Hour)
		want("/a", "/a")
		a.Muxer.RemoveHandler("/a")
		a.Muxer.RemoveHandler("/c")
		_, err := d.DialContext(background, "tcp", "peer")
		if !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
		if got := a.proposals(); !slices.Equal(got, []string{"/a", "/b", "/c"}) {
			t.Errorf("proposed %q", got)
		}
		echoing(t, &a.Server, "/c")
		want("/c", "/a", "/b", "/c")
		stop()
	})
}

// The cache is bounded: the address that was dialed least recently is evicted.
func TestCacheSize(t *testing.T) {
	for _, tt := range []struct {
		size    int
		noCache bool
		want    []int // proposals of the dials
	}{
		{0, true, []int{2, 2, 2}},
		{5, true, []int{2, 2, 2}},
		{1, false, []int{2, 2, 1}},
		{2, false, []int{1, 2, 1}},
		{0, false, []int{1, 1, 1}},
		{multiselect.NoLimit, false, []int{1, 1, 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAsking()
			echoing(t, &a.Server, "/b")
			l, stop := serve(t, &a.Server)
			d := l.dialer("/a", "/b")
			d.CacheSize, d.NoCache = tt.size, tt.noCache
			for _, peer := range []string{"1", "2", "1", "3"} {
				dial(t, d, peer).Close()
			}
			a.proposals()
			var got []int
			for _, peer := range []string{"1", "2", "2"} {
				dial(t, d, peer).Close()
				got = append(got, len(a.proposals()))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("CacheSize %d, NoCache %v: %d proposals, want %d", tt.size, tt.noCache, got, tt.want)
			}
			stop()
		})
	}
}

// CacheTTL of a Dialer: one hour, or as long as the Dialer.
func TestCacheTTL(t *testing.T) {
	for _, tt := range []struct {
		ttl, age  time.Duration
		proposals int
	}{
		{0, time.Hour - 1, 1},
		{0, time.Hour, 2},
		{time.Minute, time.Minute, 2},
		{multiselect.NoLimit, 10_000 * time.Hour, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAsking()
			echoing(t, &a.Server, "/b")
			l, stop := serve(t, &a.Server)
			d := l.dialer("/a", "/b")
			d.CacheTTL = tt.ttl
			dial(t, d, "peer").Close()
			a.proposals()
			time.Sleep(tt.age)
			dial(t, d, "peer").Close()
			if got := a.proposals(); len(got) != tt.proposals {
				t.Errorf("CacheTTL %v: proposed %q after %v", tt.ttl, got, tt.age)
			}
			stop()
		})
	}
}

// A peer that refuses the cached protocol and ends the connection is asked for the other
// protocols by the next dial.
func TestCacheAfterRefusal(t *testing.T) {
	before, after := &netmux.Server{Logger: quiet}, &netmux.Server{Logger: quiet}
	echoing(t, before, echo)
	echoing(t, after, deep)
	after.Muxer.OneShot = true
	addr, moved := serveTCP(t, before), serveTCP(t, after)
	d := &netmux.Dialer{Protocols: []string{deep, echo}}
	dial(t, d, addr).Close()
	d.NetDialContext = func(_ context.Context, network, _ string) (net.Conn, error) { return net.Dial(network, moved) }
	if conn, err := d.DialContext(background, "tcp", addr); err == nil {
		conn.Close()
		t.Fatal("the dial succeeded with a peer that refuses the cached protocol")
	}
	dial(t, d, addr).Close()
}
