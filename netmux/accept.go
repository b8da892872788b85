package netmux

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"syscall"
	"time"
)

// This file is the accept loop. It runs no code of the program except the listener's Accept:
// hooks, loggers and methods of connections may block, and run in goroutines of their own.

// Serve accepts connections from l and serves each in a goroutine of its own. It closes l
// before it returns. The error is never nil: it is [ErrServerClosed] after Shutdown or
// Close, and otherwise the error of l.Accept.
//
// After a temporary error Serve tries again, after a pause of 1 ms, doubled each time up to
// 1 s. If the process has run out of file descriptors, Serve ends some half-open or silent
// connections, or idle links, at a time, and tries again immediately: see the section about
// active connections and links in the package documentation.
//
// One Server may serve several listeners concurrently. A [*tls.Conn], or another connection
// with its methods HandshakeContext and ConnectionState, is served over TLS as by ServeTLS;
// its configuration should come from [Server.ConfigureTLS].
func (s *Server) Serve(l net.Listener) error {
	return s.acceptAll(l, nil)
}

// acceptAll accepts connections and serves each in a goroutine of its own: as a link if upgrade
// is not nil.
func (s *Server) acceptAll(l net.Listener, upgrade upgradeFunc) error {
	defer l.Close()
	if !s.addServing(&l) {
		return ErrServerClosed
	}
	defer s.removeServing(&l)
	base := context.Background()
	if s.BaseContext != nil {
		if base = s.BaseContext(l); base == nil {
			panic("netmux: BaseContext returned nil")
		}
	}
	pause := minPause
	gaveWay := false // since the last success, so that descriptors should be free
	for {
		raw, err := l.Accept()
		switch {
		case err == nil:
			pause, gaveWay = minPause, false
			s.startConn(base, raw, upgrade)
			continue
		case s.isStopping():
			return ErrServerClosed
		case !isTemporary(err):
			return err
		}
		s.warnAccept(l, err)
		runtime.Gosched() // lets a burst of connections read what has arrived
		if isOutOfDescriptors(err) && s.giveWay() {
			if !gaveWay {
				gaveWay = true
				continue
			}
			pause = minPause // until the descriptors are free
		}
		s.awaitFreed(pause)
		pause = min(2*pause, maxPause)
	}
}

// startConn serves a connection in a new goroutine, unless the server has been stopped.
func (s *Server) startConn(base context.Context, raw net.Conn, upgrade upgradeFunc) {
	c := s.track(raw, nil)
	switch {
	case c == nil:
		s.reset(raw)
	case upgrade == nil:
		go c.serve(base)
	default:
		go c.serveUpgrade(base, upgrade)
	}
}

const minPause, maxPause = time.Millisecond, time.Second

// isTemporary reports whether Accept can succeed after err.
func isTemporary(err error) bool {
	temporary, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && temporary.Temporary()
}

// isOutOfDescriptors reports whether Accept can succeed after descriptors were closed.
func isOutOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// awaitFreed blocks until a connection or link has ended, or for a pause.
func (s *Server) awaitFreed(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-s.freed:
	case <-timer.C:
	case <-s.quit:
	}
}

// signalFreed makes awaitFreed return after a connection or link has ended. The caller holds
// s.mu.
func (s *Server) signalFreed() {
	select {
	case s.freed <- struct{}{}:
	default: // not awaited, or not made by a Serve
	}
}

// warnAccept logs a temporary failure of Accept. A peer can cause any number of them.
func (s *Server) warnAccept(l net.Listener, err error) {
	inBackground(func() { // the logger may block
		s.warn(slog.LevelWarn, "Accept", "netmux: temporary failure of Accept", "listener", addrText(l.Addr()), "err", err)
	}, func(*PanicError) { s.recordError(&PanicError{}) })
}

// addServing records a listener for Shutdown and Close, which close it. It reports whether
// the listener may be served.
func (s *Server) addServing(l *net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	if s.serving == nil {
		s.serving = make(map[*net.Listener]bool)
		s.quit = make(chan struct{})
		s.freed = make(chan struct{}, 1)
	}
	s.serving[l] = true
	s.addBusy(1)
	return true
}

func (s *Server) removeServing(l *net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.serving, l)
	s.addBusy(-1)
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}
