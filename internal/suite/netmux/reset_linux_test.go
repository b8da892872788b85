package netmux_test

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// TestResetRequest resets connections before the server has negotiated: the handler reads an error
// after the data, in place of io.EOF. With a Fallback, which reads the first byte, it is the same.
func TestResetRequest(t *testing.T) {
	for _, fallback := range []string{"", "/other"} {
		proceed := make(chan struct{})
		s := &netmux.Server{Fallback: fallback, ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			<-proceed
			return ctx
		}}
		read := make(chan error, 1)
		handle(t, s, echo, func(stream net.Conn) {
			got, err := io.ReadAll(stream)
			if string(got) != "half" {
				t.Errorf("read %q", got)
			}
			read <- err
		})
		conn, err := net.Dial("tcp", serveTCP(t, s))
		if err != nil {
			t.Fatal(err)
		}
		streamtest.MustWrite(t, conn, streamtest.Messages(wire.Header, echo)+"half")
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		close(proceed)
		if err := <-read; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Fallback %q: the error after the data is %v", fallback, err)
		}
	}
}
