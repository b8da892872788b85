package netmux

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/multiselect/multiselect"
)

// Listener is the [net.Listener] of one or more protocols of a [Server]: it
// accepts the connections on which one of them was agreed. Other servers run on
// it unchanged, and own what they accept.
//
// What nobody has accepted yet waits, as in the backlog of a socket: no more of
// it is read than fits into the system's buffers. At most [Server].Backlog connections
// wait; another one is reset.
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
	draining                // unregistered; what waits can be accepted
	closed
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

// take is the handler of the protocols.
func (l *Listener) handle(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	conn, ok := stream.(net.Conn)
	if !ok { // of a Muxer that is used for something else, too
		stream.Close()
		return
	}
	if err := l.enqueue(conn); err != nil {
		resetConn(conn)
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

// queued counts connections that begin to wait for an Accept, or have ended to.
func (s *Server) addQueued(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Queued += n
	if n > 0 {
		s.busy += n
		return
	}
	for ; n < 0; n++ {
		s.done()
	}
}

// Accept waits for a connection and returns it, agreed on and ready to use: that
// of the server's own listener and no wrapper, as the package documentation says.
// It fails with [net.ErrClosed] after Close; after Drain and the server's Shutdown
// when nothing waits any more.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state == listening && len(l.queue) == 0 {
		l.changed.Wait()
	}
	if len(l.queue) == 0 {
		l.state = closed // nobody will ask again
		return nil, &net.OpError{Op: "accept", Net: l.Addr().Network(), Addr: l.Addr(), Err: net.ErrClosed}
	}
	conn := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.server.addQueued(-1)
	l.changed.Broadcast()
	return conn, nil
}

// Close unregisters the protocols, and no others, whoever has the handler by then;
// what waits for Accept is reset.
// Blocked Accepts return. Connections that were accepted are not touched. Closing
// it once more does nothing.
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
		resetConn(conn)
	}
	l.server.addQueued(-len(waiting))
	return nil
}

// Drain unregisters the protocols, waits until what waits was accepted, and
// closes the listener. If ctx ends first, the rest is reset and it returns why.
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

// unregister lets nothing more in.
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

// Addr returns an address of network "multistream" that is the first protocol.
func (l *Listener) Addr() net.Addr { return protocolAddr(l.protocols[0]) }

type protocolAddr string

func (protocolAddr) Network() string  { return "multistream" }
func (a protocolAddr) String() string { return string(a) }

func (s *Server) removeListener(l *Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}
