package netmux

import (
	"context"
	"fmt"
	"net"
)

// Shutdown stops the server without interrupting handlers. It closes the listeners of Serve,
// resets half-open connections, and calls the functions of [Server.RegisterOnShutdown]. Then it
// blocks until all handlers have returned and all connections in the queue of a [Listener] have
// been accepted, and makes Accept of each Listener fail with [net.ErrClosed].
//
// Shutdown does not end the contexts of handlers, and does not wait for connections that a
// Listener has handed out: shut down the server that owns them first. If that server closes
// the Listener, connections in its queue are reset; [Listener.Drain] before that loses none.
//
// It returns the first error of closing a listener. If ctx ends first, it returns a
// [*ShutdownError], which names the protocols and hosts that still run; their handlers continue,
// and [Server.Close] ends them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	hooks := s.shutdownHooks
	s.shutdownHooks = nil
	evicted, serving := s.stop()
	if s.idle == nil {
		s.idle = make(chan struct{})
		s.addBusy(0) // closes idle if the server is idle already
	}
	idle := s.idle
	listeners := s.protocolListeners()
	s.mu.Unlock()

	for _, hook := range hooks {
		inBackground(hook, func(err *PanicError) { s.reportError(nil, "", err) })
	}
	endAll(evicted)
	err := closeAll(serving)
	select {
	case <-idle:
		for _, l := range listeners {
			l.unregister() // only now: a running handler could still add to the queue
		}
		return err
	case <-ctx.Done():
		return &ShutdownError{Running: s.running(), Err: ctxError(ctx)}
	}
}

// Close stops the server immediately. It closes the listeners of Serve and each [Listener], and
// resets all connections, except those that a Listener has handed out. The contexts of
// handlers end with the cause [ErrServerClosed]; Close does not wait until the handlers have
// returned. It returns the first error of closing a listener of Serve.
func (s *Server) Close() error {
	s.mu.Lock()
	evicted, serving := s.stop()
	listeners := s.protocolListeners()
	active := s.registry.all(activeStages...)
	for _, e := range s.registry.all(linkStages...) {
		evicted = append(evicted, s.evict(e, ErrServerClosed))
	}
	s.mu.Unlock()

	endAll(evicted)
	err := closeAll(serving)
	for _, e := range active {
		c := e.owner.(*conn)
		c.details.cancel(ErrServerClosed)
		s.reset(c.raw)
	}
	for _, l := range listeners {
		l.Close()
	}
	return err
}

// RegisterOnShutdown registers a function that [Server.Shutdown] calls once, in a new goroutine,
// without waiting for it. It can tell handlers of long-lived connections to finish.
func (s *Server) RegisterOnShutdown(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutdownHooks = append(s.shutdownHooks, f)
}

// stop makes the server refuse connections and evicts those that are half-open, and the links
// without a handler. It returns these, and the listeners to close. The caller holds s.mu.
func (s *Server) stop() (evicted []*entry, serving []net.Listener) {
	if !s.stopping && s.quit != nil {
		close(s.quit)
	}
	s.stopping = true
	for l := range s.serving {
		serving = append(serving, *l)
		delete(s.serving, l) // its Serve returns
	}
	for _, e := range s.registry.all(stageHalfOpen, stageIdleLink) {
		evicted = append(evicted, s.evict(e, ErrServerClosed))
	}
	if s.expiryTimer != nil {
		s.expiryTimer.Stop()
	}
	return evicted, serving
}

// closeAll closes listeners and returns the first error. The caller must not hold s.mu, because
// a Listener of the same server needs it.
func closeAll(serving []net.Listener) (err error) {
	for _, l := range serving {
		if failed := l.Close(); err == nil {
			err = failed
		}
	}
	return err
}

// addBusy adds delta to the number of connections, calls of Serve and queued connections that
// Shutdown waits for. The caller holds s.mu.
func (s *Server) addBusy(delta int) {
	if s.busy += delta; s.busy > 0 || s.idle == nil {
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

func (s *Server) protocolListeners() (all []*Listener) {
	for l := range s.listeners {
		all = append(all, l)
	}
	return all
}

// ctxError returns the error of ctx, and wraps its cause if that is another error.
func ctxError(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}
