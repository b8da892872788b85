package serving

import (
	"context"
	"io"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// below is a server as the host of its connections below the streams.
type below struct{ server *Server }

// Agree negotiates one step. A failure is logged by connError, which knows its cause.
func (b below) Agree(ctx context.Context, step string, conn transport.Stream, protocols ...string) (string, error) {
	muxer := multiselect.Muxer{Limits: b.server.netmux.Muxer.Limits}
	for _, p := range protocols {
		if err := muxer.AddHandler(p, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return "", err
		}
	}
	c := connectionOf(ctx)
	c.entry = b.server.log.open(c, step)
	protocol, _, err := muxer.Negotiate(c.entry.watch(ctx), conn)
	if err == nil {
		c.entry.close(protocol, nil)
	}
	return protocol, err
}
