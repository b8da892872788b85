package netmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// asking is a server that notes what it is asked.
type asking struct {
	netmux.Server
	mu    sync.Mutex
	asked []string
}

// asked returns what was proposed since the last call.
func (a *asking) proposals() []string {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.asked = nil }()
	return a.asked
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

// The Dialer falls back, remembers what was agreed on, and is corrected by
// refusals; it forgets after a time.
func TestDialerRemembers(t *testing.T) {
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
func TestDialerForgets(t *testing.T) {
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

// A lazy dial waits for nothing, where one protocol is left to propose; a refusal
// is the error of the first Read, and the next dial proposes all.
func TestDialerLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking()
		echoing(t, &a.Server, "/b")
		l, stop := serve(t, &a.Server)
		d := l.dialer("/a", "/b")
		d.Lazy = true
		eager := dial(t, d, "peer")
		if _, ok := eager.(*multiselect.LazyStream); ok {
			t.Error("lazy with two protocols to propose")
		}
		checkEcho(t, eager, "eager")
		eager.Close()
		a.proposals()
		lazy := dial(t, d, "peer")
		if got := a.proposals(); len(got) > 0 {
			t.Errorf("a lazy dial has proposed %q", got)
		}
		checkEcho(t, lazy, "lazy")
		lazy.Close()

		a.Muxer.RemoveHandler("/b")
		refused := dial(t, d, "peer")
		if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error("the first Read:", err)
		}
		a.proposals()
		echoing(t, &a.Server, "/a")
		_, protocol, err := d.DialProtocol(background, "tcp", "peer")
		if protocol != "/a" || err != nil {
			t.Errorf("after the refusal: %q, %v", protocol, err)
		}
		single := l.dialer("/a")
		single.Lazy = true
		conn := dial(t, single, "peer")
		if _, ok := conn.(*multiselect.LazyStream); !ok {
			t.Errorf("not lazy with one protocol: %T", conn)
		}
		checkEcho(t, conn, "one")
		conn.Close()
		s := l.dialer("na")
		s.Lazy = true
		if _, err := s.DialContext(background, "tcp", "peer"); !errors.Is(err, multiselect.ErrInvalidName) {
			t.Error(err)
		}
		a.Close()
		stop()
	})
}

// ALPN and multistream-select are two ways to the same registry.
func TestALPN(t *testing.T) {
	server, client := newTLS(t)
	server.NextProtos = []string{"libp2p"}
	var s netmux.Server
	for _, p := range []string{"h2", "/b", "/yamux/1.0.0"} {
		handle(t, &s, p, func(conn net.Conn) { io.WriteString(conn, p) })
	}
	addr := serveTLS(t, &s, server)
	for _, tt := range []struct {
		offer   []string // nil: what is proposed
		propose []string
		alpn    string // what TLS agrees on
		want    string // and we
	}{
		{nil, []string{"h2", "/b"}, "h2", "h2"},
		{nil, []string{"/b", "h2"}, "/b", "/b"}, // the initiator's order
		{nil, []string{"/a", "/b"}, "/b", "/b"},
		{nil, []string{"/a"}, "", ""}, // an alert
		{[]string{}, []string{"/a", "/b"}, "", "/b"},
		{[]string{"libp2p"}, []string{"/a", "/b"}, "libp2p", "/b"},
		{[]string{"/mplex/6.7.0", "libp2p"}, []string{"/b"}, "libp2p", "/b"},
		{[]string{"/yamux/1.0.0", "libp2p"}, []string{"/yamux/1.0.0"}, "/yamux/1.0.0", "/yamux/1.0.0"},
		{[]string{"/multistream/1.0.0", "/b"}, []string{"/a", "h2"}, "/multistream/1.0.0", "h2"},
		{[]string{"http/1.1"}, []string{"/b"}, "", ""}, // although h2 is registered
	} {
		t.Run(fmt.Sprint(tt.offer, tt.propose), func(t *testing.T) {
			d := &netmux.Dialer{Protocols: tt.propose, TLSConfig: client.Clone()}
			d.TLSConfig.NextProtos = tt.offer
			conn, protocol, err := d.DialProtocol(background, "tcp", addr)
			if tt.want == "" {
				if !errors.Is(err, multiselect.ErrNotSupported) {
					t.Errorf("mismatch: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if alpn := conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; alpn != tt.alpn || protocol != tt.want || string(got) != tt.want || err != nil {
				t.Errorf("ALPN %q, agreed on %q, served by %q, %v", alpn, protocol, got, err)
			}
		})
	}
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Failed != 2 || st.Agreed != 8 {
		t.Errorf("%+v", st)
	}
}

// ConfigureTLS asks the program's own GetConfigForClient first.
func TestConfigureTLS(t *testing.T) {
	server, client := newTLS(t)
	broken := errors.New("no such name")
	config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "broken" {
			return nil, broken
		}
		if hello.ServerName == "memory" {
			return server, nil
		}
		return nil, nil
	}}
	var s netmux.Server
	echoing(t, &s, echo)
	addr := serveTLS(t, &s, config)
	for name, ok := range map[string]bool{"memory": true, "broken": false, "localhost": false} {
		d := &netmux.Dialer{Protocols: []string{echo}, TLSConfig: client.Clone()}
		d.TLSConfig.ServerName = name
		conn, err := d.DialContext(background, "tcp", addr)
		if (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			checkEcho(t, conn, name)
			conn.Close()
		}
	}
	if s.ConfigureTLS(nil).GetConfigForClient == nil {
		t.Error("without a bridge")
	}
}

// A lazy connection over TLS has its state, and a plain one has none.
func TestLazyTLS(t *testing.T) {
	server, client := newTLS(t)
	var s netmux.Server
	echoing(t, &s, echo)
	client.NextProtos = []string{}
	for _, d := range []*netmux.Dialer{
		{Protocols: []string{echo}, Lazy: true, TLSConfig: client},
		{Protocols: []string{echo}, Lazy: true},
	} {
		addr := ""
		if d.TLSConfig != nil {
			addr = serveTLS(t, &s, server)
		} else {
			addr = serveTCP(t, &s)
		}
		conn := dial(t, d, addr)
		state, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
		if ok != (d.TLSConfig != nil) || ok && !state.ConnectionState().HandshakeComplete {
			t.Errorf("a %T: has a state of TLS: %v", conn, ok)
		}
		checkEcho(t, conn, "lazy")
		conn.Close()
	}
}

func TestDialerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			return ours, nil
		}
		cancelled := errors.New("changed my mind")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cancelled) })
		for _, tt := range []struct {
			ctx   context.Context
			d     *netmux.Dialer
			after time.Duration
			want  error
		}{
			{background, &netmux.Dialer{}, 0, multiselect.ErrNoProtocols},
			{background, &netmux.Dialer{Protocols: []string{"ls"}, NetDialContext: silent}, 0, multiselect.ErrInvalidName},
			{ctx, &netmux.Dialer{Protocols: []string{"/a"}, NetDialContext: silent}, time.Second, cancelled},
			{background, &netmux.Dialer{Protocols: []string{"/a"}, NetDialContext: silent, TLSConfig: new(tls.Config)}, 10 * time.Second, context.DeadlineExceeded},
		} {
			start := time.Now()
			_, err := tt.d.ContextDialer("tcp")(tt.ctx, "nowhere:1")
			if _, ok := errors.AsType[*net.OpError](err); !ok || !errors.Is(err, tt.want) || time.Since(start) != tt.after {
				t.Errorf("%v after %v, want %v after %v", err, time.Since(start), tt.want, tt.after)
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := (&netmux.Dialer{Protocols: []string{"/a"}}).DialContext(background, "tcp", l.Addr().String()); err == nil {
		t.Error("nobody listens, and it was answered")
	}
}
