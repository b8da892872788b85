package netmux

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/multiselect/multiselect"
)

// Recover returns middleware that recovers from a panic of the handler: it resets the stream
// and logs the panic at level error, unless its value is [ErrAbortHandler]. A [Server] does so
// without it. Recover is for handlers that [multiselect.Muxer.ServeStream] calls without a
// Server, and for middleware that must see the handler return. If logger is nil, it is
// [slog.Default].
//
// Peers can cause any number of panics, so that one is logged in 10 s; its attribute suppressed
// counts those before it that were not.
func Recover(logger *slog.Logger) func(multiselect.Handler) multiselect.Handler {
	var logged throttle
	return func(next multiselect.Handler) multiselect.Handler {
		return func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			defer func() {
				value := recover()
				if value == nil {
					return
				}
				resetStream(stream)
				if value == ErrAbortHandler {
					return
				}
				if suppressed, ok := logged.allow("panic", time.Now(), warnInterval); ok {
					loggerOrDefault(logger).ErrorContext(ctx, "netmux: panic", "remote", remoteAddr(stream),
						"protocol", protocol, "value", value, "stack", string(debug.Stack()), "suppressed", suppressed)
				}
			}()
			next(ctx, protocol, stream)
		}
	}
}

// Logging returns middleware that logs one line at level info when the handler has returned or
// panicked, with the remote address, the protocol, and the duration of the call. For a
// protocol of a [Listener] that is the time to put the connection into the queue. If logger is
// nil, it is [slog.Default].
func Logging(logger *slog.Logger) func(multiselect.Handler) multiselect.Handler {
	return func(next multiselect.Handler) multiselect.Handler {
		return func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			start := time.Now()
			panicked := true
			defer func() {
				loggerOrDefault(logger).InfoContext(ctx, "netmux: handler returned", "remote", remoteAddr(stream),
					"protocol", protocol, "duration", time.Since(start), "panicked", panicked)
			}()
			next(ctx, protocol, stream)
			panicked = false
		}
	}
}

func loggerOrDefault(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.Default()
	}
	return logger
}

// remoteAddr returns the text of the remote address of a stream, if it has one.
func remoteAddr(stream io.ReadWriteCloser) string {
	if conn, ok := stream.(net.Conn); ok {
		return addrText(conn.RemoteAddr())
	}
	return ""
}

// resetStream ends a stream that need not be a [net.Conn] (R25).
func resetStream(stream io.ReadWriteCloser) {
	if conn, ok := stream.(net.Conn); ok {
		resetConn(conn, logPanic)
		return
	}
	switch s := stream.(type) {
	case interface{ ResetWithError(code uint32) error }:
		s.ResetWithError(multiselect.ResetCode)
	case interface{ Reset() error }:
		s.Reset()
	default:
		stream.Close()
	}
}
