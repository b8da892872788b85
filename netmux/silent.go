package netmux

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
)

// details are the part of a connection that few half-open ones need: the link of a stream, and
// all that begins with the agreement.
type details struct {
	on       *linkConn               // nil for a connection
	protocol string                  // that is agreed on
	answered bool                    // it ended without an agreement, and has not failed
	cancel   context.CancelCauseFunc // of the handler's context; nil before the agreement
	socket   socket                  // asked for the bytes received, in stageSilent
	counter  *atomic.Uint64          // of the bytes read; nil if socket is used
	baseline uint64                  // of either at the agreement
	place    atHost
}

// newDetails returns the details of a connection on which a protocol is agreed. It reports
// that the connection carries data if data has arrived since, or if that cannot be known.
func newDetails(conn net.Conn, on *linkConn, cancel context.CancelCauseFunc) (d *details, carrying bool) {
	d = &details{on: on, cancel: cancel}
	if r, ok := conn.(interface{ hasUnread() bool }); ok && r.hasUnread() {
		return d, true
	}
	if c, ok := conn.(interface{ BytesRead() *atomic.Uint64 }); ok {
		d.counter = c.BytesRead()
		d.baseline = d.counter.Load()
		return d, false
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return d, true
	}
	if d.socket, ok = newSocket(tcp); !ok {
		return d, true
	}
	received, unread, ok := d.socket.bytesReceived()
	d.baseline = received
	return d, !ok || unread
}

// watch returns a stream that counts the bytes read from it, if a limit on active connections is
// set and the stream itself cannot tell whether its peer has sent any. A connection for a Listener
// is not changed: it is no longer active when it is in the queue.
func (s *Server) watch(stream net.Conn, protocol string) net.Conn {
	if s.maxActive() >= unlimited && s.maxActivePerHost() >= unlimited && s.firstByteTimeout() == never {
		return stream
	}
	switch conn := stream.(type) {
	case interface{ BytesRead() *atomic.Uint64 }:
		return stream
	case *net.TCPConn:
		if kernel, ok := newSocket(conn); ok {
			if _, _, ok = kernel.bytesReceived(); ok {
				return stream
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		if slices.Contains(l.protocols, protocol) {
			return stream
		}
	}
	return newCountingConn(stream)
}

// isSilent reports whether the peer has sent no byte since the agreement. It is called in
// stageSilent only.
func (d *details) isSilent() bool {
	if d.counter != nil {
		return d.counter.Load() == d.baseline
	}
	received, _, ok := d.socket.bytesReceived()
	return ok && received == d.baseline
}
