package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

func listen(t testing.TB, s *netmux.Server, protocols ...string) *netmux.Listener {
	t.Helper()
	l, err := s.ProtocolListener(protocols...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// accepting accepts everything, closes it, and says why it ended.
func accepting(l net.Listener) (n int, err error) {
	for ; ; n++ {
		conn, err := l.Accept()
		if err != nil {
			return n, err
		}
		conn.Close()
	}
}

func TestProtocolListenerFails(t *testing.T) {
	var s netmux.Server
	listen(t, &s, echo)
	for _, tt := range []struct {
		protocols []string
		want      error
	}{
		{nil, multiselect.ErrNoProtocols},
		{[]string{deep, echo}, multiselect.ErrConflict},
		{[]string{deep, deep}, multiselect.ErrConflict},
		{[]string{deep, "na"}, multiselect.ErrInvalidName},
		{[]string{deep, ":8080"}, multiselect.ErrInvalidName},
	} {
		if _, err := s.ProtocolListener(tt.protocols...); !errors.Is(err, tt.want) {
			t.Errorf("ProtocolListener(%q): %v, want %v", tt.protocols, err, tt.want)
		}
		if s.Muxer.Handler(deep) != nil {
			t.Errorf("ProtocolListener(%q) has failed and registered a protocol", tt.protocols)
		}
	}
}

// A call that was meant for net.Listen fails, and the error names the calls to use.
func TestProtocolListenerRefusesAddresses(t *testing.T) {
	calls := [][]string{
		{"tcp", "127.0.0.1:7777"},
		{"tcp", ":0"},
		{"unix", "/run/chat.sock"},
		{echo, "http/1.1", ":8080"},
	}
	for _, name := range []string{
		"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "ip", "ip4", "ip6", "unix", "unixgram", "unixpacket",
		"ip4:icmp", "ip6:58", "tcp://127.0.0.1:80",
		":8080", ":0", ":http", ":", "127.0.0.1:7777", "0.0.0.0:80", "127.0.0.1:", "127.0.0.1:smtp",
		"[::1]:80", "[::]:http", "[fe80::1%eth0]:443", "[::1]:",
		"localhost:http", "localhost:8080", "localhost:ftp", "localhost:",
		"example.com:443", "example.com:https", "web:8080", "my-host_1:65535",
		"127.0.0.1", "::1", "::", "2001:db8::1", "fe80::1%eth0",
	} {
		calls = append(calls, []string{name})
	}
	for _, protocols := range calls {
		var s netmux.Server
		l, err := s.ProtocolListener(protocols...)
		if l != nil || !errors.Is(err, multiselect.ErrInvalidName) {
			t.Errorf("ProtocolListener(%q) returned %v, %v", protocols, l, err)
			continue
		}
		for _, call := range []string{"net.Listen", "Server.Serve", "Server.ListenAndServe"} {
			if !strings.Contains(err.Error(), call) {
				t.Errorf("ProtocolListener(%q): %q does not mention %s", protocols, err, call)
			}
		}
		if names := s.Muxer.Protocols(); len(names) > 0 {
			t.Errorf("ProtocolListener(%q) has failed and registered %q", protocols, names)
		}
	}
}

// Names of protocols are accepted, also those that resemble a network or an address: all
// of IANA's registry for ALPN is among them.
func TestProtocolListenerAcceptsProtocols(t *testing.T) {
	var s netmux.Server
	for _, protocol := range []string{
		"http/0.9", "http/1.0", "http/1.1", "spdy/1", "spdy/2", "spdy/3", "stun.turn", "stun.nat-discovery", "h2", "h2c",
		"webrtc", "c-webrtc", "ftp", "imap", "pop3", "managesieve", "coap", "co", "xmpp-client", "xmpp-server", "acme-tls/1",
		"mqtt", "dot", "ntske/1", "sunrpc", "h3", "smb", "irc", "nntp", "nnsp", "doq", "sip/2", "tds/8.0", "dicom",
		"postgresql", "radius/1.0", "radius/1.1",
		"tls", "quic", "noise", "libp2p", "ssh", "http", "localhost", "tcp5", "tcpmux", "tcp/1.0.0", "TCP", "unixsocket", "ipfs",
		"/chat/1.0.0", "/tcp", "/unix/1.0.0", "/:8080", "/127.0.0.1:7777", "/ip4/127.0.0.1/tcp/80", "/ip6/::1/tcp/80",
		"/localhost:http", "/multistream/1.0.1",
		"urn:example:chat:1", "com.example.chat:v1", "chat:v2", "chat:", "chat:65536", "chat:-1", "foo/1:80", "a chat:1",
		"1.0.0", "8080", "1.2.3.4.5", "[::1]", "a:b:c", "::g", "GET / HTTP/1.1",
	} {
		l, err := s.ProtocolListener(protocol)
		if err != nil {
			t.Errorf("ProtocolListener(%q): %v", protocol, err)
			continue
		}
		l.Close()
	}
}

// Close unregisters the listener's protocols and no others, resets what waits, and
// leaves alone what was accepted.
func TestListenerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s netmux.Server
		echoing(t, &s, echo)
		inner := listen(t, &s, deep, "/deep/1.1.0")
		l, stop := serve(t, &s)
		accepted := dial(t, l.dialer("/deep/1.1.0"), "")
		conn, err := inner.Accept()
		if err != nil {
			t.Fatal(err)
		}
		waiting := dial(t, l.dialer(deep), "")
		synctest.Wait()
		if st := s.Stats(); st.Queued != 1 || st.Active != 0 {
			t.Errorf("%+v", st)
		}
		for range 2 {
			if err := inner.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := inner.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error("Accept:", err)
		}
		if _, err := waiting.Read(make([]byte, 1)); err != io.EOF {
			t.Error("what waited:", err)
		}
		if _, err := l.dialer(deep).DialContext(background, "", ""); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error("a closed protocol:", err)
		}
		go io.Copy(conn, struct{ io.Reader }{conn})
		checkEcho(t, accepted, "accepted before")
		other := dial(t, l.dialer(echo), "")
		checkEcho(t, other, "of another protocol")
		listen(t, &s, deep).Close()
		accepted.Close()
		other.Close()
		stop()
	})
}

// At most Backlog connections wait; the next one is reset and reported, and what
// waits is served when somebody accepts.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorsOf
		s := netmux.Server{Backlog: 2, ConnError: seen.hook}
		inner := listen(t, &s, echo)
		l, stop := serve(t, &s)
		var conns []net.Conn
		for range 3 {
			conns = append(conns, dial(t, l.dialer(echo), ""))
			synctest.Wait()
		}
		if _, err := conns[2].Read(make([]byte, 1)); err != io.EOF {
			t.Error("the third was not reset:", err)
		}
		if errs := seen.list(); len(errs) != 1 || !errors.Is(errs[0], netmux.ErrBacklog) {
			t.Errorf("reported %v", errs)
		}
		if st := s.Stats(); st.Queued != 2 || st.Dropped != 1 || st.Agreed != 3 {
			t.Errorf("%+v", st)
		}
		for _, conn := range conns[:2] {
			accepted, err := inner.Accept()
			if err != nil {
				t.Fatal(err)
			}
			go io.WriteString(conn, "in their order")
			if _, err := io.ReadFull(accepted, make([]byte, 14)); err != nil {
				t.Error(err)
			}
			accepted.Close()
		}
		stop()
	})
}

// Drain and Shutdown hand out what waits, and then Accept ends.
func TestDrain(t *testing.T) {
	for name, end := range map[string]func(*netmux.Server, *netmux.Listener, context.Context) error{
		"Drain":    func(_ *netmux.Server, l *netmux.Listener, ctx context.Context) error { return l.Drain(ctx) },
		"Shutdown": func(s *netmux.Server, _ *netmux.Listener, ctx context.Context) error { return s.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s netmux.Server
				inner := listen(t, &s, echo)
				l, stop := serve(t, &s)
				for range 3 {
					dial(t, l.dialer(echo), "")
				}
				synctest.Wait()
				ended := make(chan error)
				go func() { ended <- end(&s, inner, background) }()
				synctest.Wait()
				select {
				case err := <-ended:
					t.Error("it did not wait:", err)
				default:
				}
				if n, err := accepting(inner); n != 3 || !errors.Is(err, net.ErrClosed) {
					t.Errorf("accepted %d, %v", n, err)
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
				stop()
			})
		})
	}
}

// If nobody accepts, Drain and Shutdown end with their context.
func TestDrainContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s netmux.Server
		inner := listen(t, &s, echo)
		another := listen(t, &s, deep)
		l, stop := serve(t, &s)
		waiting := dial(t, l.dialer(echo), "")
		dial(t, l.dialer(deep), "")
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := inner.Drain(ctx); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("Drain: %v after %v", err, time.Since(start))
		}
		if _, err := waiting.Read(make([]byte, 1)); err != io.EOF {
			t.Error("what waited:", err)
		}
		if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Error("Shutdown:", err)
		}
		s.Close()
		if n, err := accepting(another); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: accepted %d, %v", n, err)
		}
		stop()
	})
}

// A Listener's handler in a Muxer that serves something else than conns.
func TestListenerOfStream(t *testing.T) {
	var s netmux.Server
	inner := listen(t, &s, echo)
	defer inner.Close()
	if a := inner.Addr(); a.Network() != "multistream" || a.String() != echo {
		t.Errorf("Addr: %s %s", a.Network(), a)
	}
	stream := new(plain)
	s.Muxer.Handler(echo)(background, echo, stream)
	if !stream.done {
		t.Error("a stream that is no net.Conn was not closed")
	}
}
