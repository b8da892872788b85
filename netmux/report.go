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

// This file tells the program about connections: in Stats, in the log and by ConnError.

// reportError counts and logs the error of a connection and passes it to ConnError. It has no
// connection for the panic of a function of RegisterOnShutdown, which is not passed. A panic of
// the logger or of the hook is only counted.
func (s *Server) reportError(raw net.Conn, protocol string, err error) {
	s.recordError(err)
	s.logError(raw, protocol, err)
	if s.ConnError != nil && raw != nil {
		defer s.countPanic()
		s.ConnError(raw, err)
	}
}

func (s *Server) logError(raw net.Conn, protocol string, err error) {
	defer s.countPanic()
	remote := ""
	if raw != nil {
		remote = addrText(raw.RemoteAddr())
	}
	panicked := panicOf(err)
	limited, _ := errors.AsType[*LimitError](err)
	switch {
	case panicked != nil:
		s.warn(slog.LevelError, "panic", "netmux: panic", "remote", remote, "protocol", protocol,
			"value", panicked.Value, "stack", string(panicked.Stack))
	case limited != nil:
		s.warn(slog.LevelWarn, limited.Limit, "netmux: connection reset", "remote", remote, "protocol", protocol, "err", err)
	case errors.Is(err, ErrBacklog):
		s.warn(slog.LevelWarn, "Backlog", "netmux: connection reset", "remote", remote, "protocol", protocol, "err", err)
	default:
		s.logger().Debug("netmux: no protocol agreed on", "remote", remote, "err", err)
	}
}

// warnInterval is the time between two warnings of a kind.
const warnInterval = 10 * time.Second

// warn logs a line that peers can cause, unless one of its kind was logged a short time ago. The
// number of kinds must be bounded.
func (s *Server) warn(level slog.Level, kind, message string, args ...any) {
	if suppressed, ok := s.warned.allow(kind, time.Now(), warnInterval); ok {
		s.logger().Log(context.Background(), level, message, append(args, "suppressed", suppressed)...)
	}
}

// addrText returns the text of an address, which may be nil.
func addrText(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	return addr.String()
}

// watchForLeak is called when the handler of a connection has returned. A handler may pass its
// stream to another goroutine, as a Listener does. If it only forgets to close it, the peer waits
// for an end until the garbage collector finds the connection; then the leak is counted and logged.
func (s *Server) watchForLeak(raw net.Conn, protocol string) {
	switch conn := socketOf(raw).(type) {
	case *net.TCPConn:
		watchForLeak(conn, s, raw, protocol)
	case *net.UnixConn:
		watchForLeak(conn, s, raw, protocol)
	}
}

func watchForLeak[T any, C interface {
	*T
	syscall.Conn
}](conn C, s *Server, raw net.Conn, protocol string) {
	if descriptor, err := conn.SyscallConn(); err == nil && isOpen(descriptor) {
		// The descriptor stays open, but does not refer to conn.
		runtime.AddCleanup((*T)(conn), (*leak).check, &leak{s, descriptor, addrText(raw.RemoteAddr()), protocol})
	}
}

// socketOf returns the connection below a few wrappers.
func socketOf(conn net.Conn) net.Conn {
	for range 8 {
		wrapper, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = wrapper.NetConn()
	}
	return conn
}

// isOpen reports whether a socket has not been closed.
func isOpen(descriptor syscall.RawConn) bool { return descriptor.Control(func(uintptr) {}) == nil }

// leak is a connection that nothing refers to.
type leak struct {
	server           *Server
	descriptor       syscall.RawConn
	remote, protocol string
}

// check reports the leak if the connection was not closed. The descriptor is closed by its own
// finalizer.
func (l *leak) check() {
	if !isOpen(l.descriptor) {
		return
	}
	s := l.server
	s.mu.Lock()
	s.stats.Leaked++
	s.mu.Unlock()
	inBackground(func() { // the logger may block
		s.warn(slog.LevelWarn, "leak", "netmux: connection never closed", "remote", l.remote, "protocol", l.protocol)
	}, func(*PanicError) { s.recordError(&PanicError{}) })
}
