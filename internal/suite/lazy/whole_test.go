package lazy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// whole is a connection that cannot be half-closed, like a WebSocket.
type whole struct{ net.Conn }

// wholeWithCloseWrite is one whose CloseWrite says so.
type wholeWithCloseWrite struct{ net.Conn }

func (wholeWithCloseWrite) CloseWrite() error { return fmt.Errorf("here: %w", errors.ErrUnsupported) }

// TestLazyCloseWriteOfWhole checks that CloseWrite closes a stream that cannot be half-closed, so
// that the peer of a relay that ignores errors receives the data and the end.
func TestLazyCloseWriteOfWhole(t *testing.T) {
	for _, wrap := range []func(net.Conn) net.Conn{
		func(c net.Conn) net.Conn { return whole{c} },
		func(c net.Conn) net.Conn { return wholeWithCloseWrite{c} },
	} {
		for _, agreed := range []bool{false, true} {
			a, b := streamtest.Connect(t, "tcp")
			l := apitest.Lazy(t, wrap(a))
			var m multiselect.Muxer
			got := make(chan string, 1)
			if err := m.AddHandler(l.Protocol(), func(_ context.Context, _ string, s io.ReadWriteCloser) {
				data, err := io.ReadAll(s)
				got <- fmt.Sprint(string(data), err)
				s.Close()
			}); err != nil {
				t.Fatal(err)
			}
			go m.ServeStream(context.Background(), b)
			streamtest.MustWrite(t, l, "request")
			if agreed {
				if err := l.Wait(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("CloseWrite = %v", err)
			}
			if got := <-got; got != "request<nil>" {
				t.Errorf("%T, agreed %v: the handler read %q", wrap(a), agreed, got)
			}
			if _, err := l.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read = %v", err)
			}
			if err := l.CloseWrite(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the second CloseWrite = %v", err)
			}
		}
	}
}
