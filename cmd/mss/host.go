package main

import (
	"cmp"
	"context"
	"io"
	"net"
	"time"

	"github.com/multiselect/multiselect"
)

// listen listens on an address of any form. The server logs and bounds the
// negotiations below the streams.
func (s *server) listen(a address, c *certificates) (*listener, error) {
	limit := cmp.Or(s.muxer.Limits.Timeout, 10*time.Second)
	return listen(s.negotiating, a, listenConfig{certificates: c, host: below{s}, timeout: limit})
}

// below is a server as the host of its connections below the streams.
type below struct{ server *server }

func (b below) agree(ctx context.Context, step string, conn halfCloser, protocols ...string) (string, error) {
	muxer := multiselect.Muxer{Limits: b.server.muxer.Limits}
	for _, p := range protocols {
		if err := muxer.AddHandler(p, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return "", err
		}
	}
	c := &connection{conn, conn.RemoteAddr().String()}
	entry := b.server.log.open(c)
	entry.step = step
	if step == stepMuxer { // inside security
		entry.level = 1
	}
	protocol, _, err := muxer.Negotiate(entry.watch(ctx), c)
	entry.close(protocol, err)
	return protocol, err
}

func (b below) unsecured(conn net.Conn, err error) {
	if l := b.server.log; l.stdio != nil {
		l.printf("%s: %v", conn.RemoteAddr(), err)
	}
}

func (b below) notAccepted(err error) { b.server.log.notAccepted(err) }
