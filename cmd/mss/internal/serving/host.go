package serving

import (
	"cmp"
	"context"
	"io"
	"net"
	"time"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Listen listens on an address of any form. The server logs and bounds the
// negotiations below the streams.
func (s *Server) Listen(a address.Address, c *transport.Certificates) (*transport.Listener, error) {
	limit := cmp.Or(s.muxer.Limits.Timeout, 10*time.Second)
	return transport.Listen(s.negotiating, a, transport.ListenConfig{Certificates: c, Host: below{s}, Timeout: limit})
}

// below is a server as the host of its connections below the streams.
type below struct{ server *Server }

func (b below) Agree(ctx context.Context, step string, conn transport.Stream, protocols ...string) (string, error) {
	muxer := multiselect.Muxer{Limits: b.server.muxer.Limits}
	for _, p := range protocols {
		if err := muxer.AddHandler(p, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return "", err
		}
	}
	c := &connection{conn, conn.RemoteAddr().String()}
	entry := b.server.log.open(c)
	entry.step = step
	if step == transport.StepMuxer { // inside security
		entry.level = 1
	}
	protocol, _, err := muxer.Negotiate(entry.watch(ctx), c)
	entry.close(protocol, err)
	return protocol, err
}

func (b below) Unsecured(conn net.Conn, err error) {
	if l := b.server.log; l.Stdio != nil {
		l.printf("%s: %v", conn.RemoteAddr(), err)
	}
}

func (b below) NotAccepted(err error) { b.server.log.notAccepted(err) }
