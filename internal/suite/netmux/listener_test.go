package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
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

// accepting accepts and closes connections until Accept fails, and returns their number.
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

// Close unregisters only the listener's protocols, resets the queue, and does not touch accepted
// connections.
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
			t.Error("in the queue:", err)
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

// At most Backlog connections are in the queue; one more is reset and reported. Accept returns
// them in order.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen errorLog
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

// Drain and Shutdown wait until the queue is accepted; then Accept fails.
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

// Without a call of Accept, Drain and Shutdown return when their context ends.
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
			t.Error("in the queue:", err)
		}
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("Shutdown:", err)
		}
		s.Close()
		if n, err := accepting(another); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: accepted %d, %v", n, err)
		}
		stop()
	})
}

// A Listener's handler closes a stream that is no net.Conn.
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
