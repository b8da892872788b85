package netmux

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/multiselect/multiselect"
)

// This file reports panics of the program's code: of handlers, hooks, connections and links.

// PanicError is the error of a connection on which code of the program has panicked: a
// handler, middleware, a matcher, ConnContext or ConnState. The connection has been reset;
// the process and all other connections continue.
type PanicError struct {
	Protocol string // the protocol of the handler; empty before the agreement
	Value    any    // the argument of panic
	Stack    []byte // the stack of the goroutine, as formatted by debug.Stack
}

// Error names the protocol and the argument of panic, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("netmux: panic serving %q: %v", e.Protocol, e.Value)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError returns the error of a panic. It must be called by a deferred function.
func newPanicError(protocol string, value any) *PanicError {
	return &PanicError{Protocol: protocol, Value: value, Stack: debug.Stack()}
}

// panicOf returns the panic that an error is about, or nil: one in a goroutine of this package, or
// one that package multiselect has recovered from.
func panicOf(err error) *PanicError {
	if e, ok := errors.AsType[*PanicError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*multiselect.PanicError](err); ok {
		return &PanicError{Value: e.Value, Stack: e.Stack}
	}
	return nil
}

// inBackground calls f in a new goroutine and passes a panic of f to report.
func inBackground(f func(), report func(*PanicError)) {
	go func() {
		defer func() {
			if value := recover(); value != nil {
				report(newPanicError("", value))
			}
		}()
		f()
	}()
}

// reset is resetConn, and reports a panic of the connection.
func (s *Server) reset(conn net.Conn) {
	resetConn(conn, func(err *PanicError) { s.reportError(conn, "", err) })
}

// logPanic is for connections that no Server has accepted.
func logPanic(err *PanicError) {
	slog.Error("netmux: panic", "value", err.Value, "stack", string(err.Stack))
}

// recoverPanic reports a panic of a hook or of a link, whose caller continues. It must be
// deferred directly.
func (s *Server) recoverPanic(raw net.Conn) {
	if value := recover(); value != nil {
		s.reportError(raw, "", newPanicError("", value))
	}
}

// countPanic counts a panic that cannot be reported because ConnError or the logger has
// panicked. It must be deferred directly.
func (s *Server) countPanic() {
	if recover() != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stats.Panics++
	}
}
