package netmux

import (
	"context"
	"fmt"
	"net"
)

// Shutdown stops the server without interrupting handlers: it closes the
// listeners, cuts what is half-open, and waits until all handlers have returned,
// and until what waits for the Accept of a [Listener] was accepted; their Accept
// fails behind that. If ctx ends first it returns why, and leaves everything as it
// is: Close ends the rest. What a Listener has accepted is not waited for.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	hooks := s.shutdownHooks
	s.shutdownHooks = nil
	evicted, serving := s.stop()
	if s.idle == nil {
		s.idle = make(chan struct{})
		s.busy++ // so that done finds out
		s.done()
	}
	idle := s.idle
	listeners := s.protocolListeners()
	s.mu.Unlock()

	for _, hook := range hooks {
		go hook()
	}
	s.resetAll(evicted)
	err := closeAll(serving)
	select {
	case <-idle:
		for _, l := range listeners {
			l.unregister() // not before: a handler may have had one more for it
		}
		return err
	case <-ctx.Done():
		return ctxError(ctx)
	}
}

// Close stops the server at once: the listeners are closed, and all connections
// are reset, but for those that a [Listener] has accepted. The contexts of
// handlers end with [ErrServerClosed]; they are not waited for.
func (s *Server) Close() error {
	s.mu.Lock()
	evicted, serving := s.stop()
	listeners := s.protocolListeners()
	var active []*conn
	for c := s.active.first; c != nil; c = c.links[byAge].next {
		active = append(active, c)
	}
	s.mu.Unlock()

	s.resetAll(evicted)
	err := closeAll(serving)
	for _, c := range active {
		c.cancel(ErrServerClosed)
		resetConn(c.raw)
	}
	for _, l := range listeners {
		l.Close()
	}
	return err
}

// RegisterOnShutdown registers a function that Shutdown calls in a goroutine of
// its own and does not wait for: to tell handlers that live long.
func (s *Server) RegisterOnShutdown(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutdownHooks = append(s.shutdownHooks, f)
}

// stop lets nothing new in, and condemns what is half-open. It is called with the
// lock held.
func (s *Server) stop() (evicted *conn, serving []net.Listener) {
	if !s.stopping && s.quit != nil {
		close(s.quit)
	}
	s.stopping = true
	for l := range s.serving {
		serving = append(serving, *l)
		delete(s.serving, l) // its Serve returns
	}
	for s.halfOpen.first != nil {
		evicted = s.evict(s.halfOpen.first, ErrServerClosed, evicted)
	}
	if s.expiryTimer != nil {
		s.expiryTimer.Stop()
	}
	return evicted, serving
}

// closeAll is called without the lock: a listener may be one of this server's own.
func closeAll(serving []net.Listener) (err error) {
	for _, l := range serving {
		if failed := l.Close(); err == nil {
			err = failed
		}
	}
	return err
}

// done counts something that was busy and is not any more.
func (s *Server) done() {
	if s.busy--; s.busy == 0 && s.idle != nil {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

func (s *Server) protocolListeners() (all []*Listener) {
	for l := range s.listeners {
		all = append(all, l)
	}
	return all
}

// ctxError returns why ctx ended: what its owner says, if it says something, and
// whether it was cancelled or its deadline passed.
func ctxError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}
