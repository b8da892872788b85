package netmux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// A lazy dial does not block if there is one protocol to propose; a refusal is the error of the
// first Read, and the next dial proposes all protocols.
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

// A lazy connection has the method ConnectionState over TLS only.
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
		t.Error("no server listens, and the dial succeeded")
	}
}
