package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestResetRequest resets a TCP connection before the answer is written: the handler reads what
// was received, and then an error in place of io.EOF, unless the peer has sent the end of its data
// before the reset (R17).
func TestResetRequest(t *testing.T) {
	const request = "half of a request"
	for _, tt := range []struct {
		name string
		end  func(peer *net.TCPConn)
		want error
	}{
		{"reset", func(*net.TCPConn) {}, syscall.ECONNRESET},
		{"end and reset", func(peer *net.TCPConn) { peer.CloseWrite() }, nil},
	} {
		for how, readAll := range map[string]func(io.Reader) (string, error){
			"Read": func(r io.Reader) (string, error) {
				b, err := io.ReadAll(r)
				return string(b), err
			},
			"WriteTo": func(r io.Reader) (string, error) {
				var b strings.Builder
				_, err := r.(io.WriterTo).WriteTo(&b)
				return b.String(), err
			},
		} {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				peer, stream := tcpPair(t)
				streamtest.MustWrite(t, peer, apitest.LazyFlight+request)
				tt.end(peer)
				peer.SetLinger(0)
				peer.Close()
				var ignored error
				ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{
					Done: func(o multiselect.Outcome) { ignored = o.WriteErr },
				})
				var m multiselect.Muxer
				served := false
				m.AddHandler(apitest.NameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
					defer stream.Close()
					served = true
					got, err := readAll(stream)
					if got != request || !errors.Is(err, tt.want) {
						t.Errorf("read %q, %v; want the error %v", got, err, tt.want)
					}
					if _, err := stream.(syscall.Conn).SyscallConn(); err != nil {
						t.Errorf("SyscallConn of a %T: %v", stream, err)
					}
				})
				if err := m.ServeStream(ctx, stream); err != nil || !served {
					t.Errorf("ServeStream: %v, served: %v", err, served)
				}
				if want := tt.want; ignored == nil || want != nil && !errors.Is(ignored, want) {
					t.Errorf("the write error is %v, want %v", ignored, want)
				}
			})
		}
	}
}

// tcpPair returns both ends of a TCP connection.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l := streamtest.Listen(t, "tcp")
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near.(*net.TCPConn), far.(*net.TCPConn)
}
