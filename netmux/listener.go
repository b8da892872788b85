package netmux

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/multiselect/multiselect"
)

// Listener is a [net.Listener] for the connections of a [Server] on which one of its
// protocols was agreed. A server that accepts from it, such as [net/http.Server], owns the
// connections: netmux neither closes them nor waits for them.
//
// Connections wait in a queue until they are accepted, at most [Server].Backlog of them; one
// more is reset. Nothing is read from a connection in the queue, so that flow control stops
// its peer.
//
// All methods may be called concurrently.
type Listener struct {
	server    *Server
	protocols []string

	mu      sync.Mutex
	changed sync.Cond
	queue   []net.Conn
	state   listenerState
}

type listenerState uint8

const (
	listening listenerState = iota
	draining                // unregistered; the queue can still be accepted
	closed                  // the queue is empty, and stays empty
)

// ProtocolListener registers protocols in Server.Muxer and returns a [Listener] that
// accepts the connections on which one of them was agreed. It opens no port: start one
// with [Server.ListenAndServe], or with [net.Listen] and [Server.Serve].
//
//	web, err := srv.ProtocolListener("http/1.1", "h2")
//	…
//	go http.Serve(web, pages)
//	port, err := net.Listen("tcp", ":8080")
//	…
//	err = srv.Serve(port)
//
// If it fails, no protocol is registered. The error is [multiselect.ErrNoProtocols]
// without protocols; [multiselect.ErrConflict] for a protocol that has a handler;
// [ErrServerClosed] after Shutdown or Close; and [multiselect.ErrInvalidName] for a name
// that cannot be proposed (R9), for a network of package net, such as "tcp", and for an
// address, such as ":8080" or "localhost:http". A name that begins with a slash is never
// taken for an address.
func (s *Server) ProtocolListener(protocols ...string) (*Listener, error) {
	if len(protocols) == 0 {
		return nil, multiselect.ErrNoProtocols
	}
	for _, p := range protocols {
		if err := checkNotAddress(p); err != nil {
			return nil, err
		}
	}
	l := &Listener{server: s, protocols: slices.Clone(protocols)}
	l.changed.L = &l.mu
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, ErrServerClosed
	}
	for i, p := range protocols {
		if err := s.Muxer.AddHandler(p, l.handle); err != nil {
			for _, added := range protocols[:i] {
				s.Muxer.RemoveHandler(added)
			}
			return nil, err
		}
	}
	if s.listeners == nil {
		s.listeners = make(map[*Listener]bool)
	}
	s.listeners[l] = true
	return l, nil
}

// handle is the handler of the protocols. It puts the connection into the queue.
func (l *Listener) handle(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	conn, ok := stream.(net.Conn)
	if !ok { // the program has called Muxer.ServeStream on a stream of its own
		stream.Close()
		return
	}
	if err := l.enqueue(conn); err != nil {
		l.server.reset(conn)
		l.server.reportError(conn, protocol, err)
	}
}

func (l *Listener) enqueue(conn net.Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.state == closed:
		return net.ErrClosed
	case len(l.queue) >= l.server.backlog():
		return ErrBacklog
	}
	l.queue = append(l.queue, conn)
	l.server.addQueued(1)
	l.changed.Broadcast()
	return nil
}

// addQueued adds delta to the number of connections in queues, for which Shutdown waits.
func (s *Server) addQueued(delta int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Queued += delta
	s.addBusy(delta)
}

// Accept blocks until a connection is in the queue, and returns the oldest. A protocol is
// agreed on, no byte after the agreement was read (R12), and no deadline is set. The
// connection is the one that the server's listener has accepted, such as a [*net.TCPConn] or
// a [*tls.Conn], without a wrapper; the exception is a client of [Server].Fallback. The caller
// owns it and must close it.
//
// The error is a [*net.OpError] that wraps [net.ErrClosed]: after Close, and after Drain or
// [Server.Shutdown] as soon as the queue is empty.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state == listening && len(l.queue) == 0 {
		l.changed.Wait()
	}
	if len(l.queue) == 0 {
		l.state = closed // a connection that comes later would never be accepted
		return nil, &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
	conn := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.server.addQueued(-1)
	l.changed.Broadcast()
	return conn, nil
}

// Close unregisters the listener's protocols, resets the connections in the queue, and makes
// blocked calls of Accept return. Connections that were accepted stay open. It always returns
// nil; a second call has no effect.
func (l *Listener) Close() error {
	l.unregister()
	l.server.removeListener(l)
	l.mu.Lock()
	l.state = closed
	waiting := l.queue
	l.queue = nil
	l.changed.Broadcast()
	l.mu.Unlock()
	for _, conn := range waiting {
		l.server.reset(conn)
	}
	l.server.addQueued(-len(waiting))
	return nil
}

// Drain unregisters the listener's protocols, blocks until the connections in the queue have
// been accepted, and closes the listener. If ctx ends first, Drain resets the rest of the
// queue and returns the error of ctx, with its cause. Another goroutine must call Accept
// meanwhile, as a server that runs on the listener does.
func (l *Listener) Drain(ctx context.Context) error {
	l.unregister()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	l.mu.Lock()
	for len(l.queue) > 0 {
		l.changed.Wait()
	}
	l.mu.Unlock()
	if !stop() {
		return ctxError(ctx)
	}
	l.Close()
	return nil
}

// unregister removes the protocols from the Muxer, once: a protocol that is registered anew
// afterwards belongs to another listener or handler.
func (l *Listener) unregister() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != listening {
		return
	}
	l.state = draining
	l.changed.Broadcast()
	for _, p := range l.protocols {
		l.server.Muxer.RemoveHandler(p)
	}
}

// Addr returns an address whose network is "multistream" and whose text is the first protocol
// of the listener. It is no address that can be dialed.
func (l *Listener) Addr() net.Addr { return protocolAddr(l.protocols[0]) }

type protocolAddr string

func (protocolAddr) Network() string  { return "multistream" }
func (a protocolAddr) String() string { return string(a) }

func (s *Server) removeListener(l *Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}
