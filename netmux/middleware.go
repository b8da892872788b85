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

// Recover returns middleware that ends a panic of a handler: the stream is reset,
// the panic is logged as an error, and [ErrAbortHandler] is not. A [Server] does
// that by itself; this is for streams that a [multiselect.Muxer] handles alone. If
// the logger is nil, it is slog.Default.
func Recover(logger *slog.Logger) func(multiselect.Handler) multiselect.Handler {
	return func(next multiselect.Handler) multiselect.Handler {
		return func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			defer func() {
				value := recover()
				if value == nil {
					return
				}
				resetStream(stream)
				if value != ErrAbortHandler {
					loggerOrDefault(logger).ErrorContext(ctx, "netmux: panic", "remote", remoteAddr(stream),
						"protocol", protocol, "value", value, "stack", string(debug.Stack()))
				}
			}()
			next(ctx, protocol, stream)
		}
	}
}

// Logging returns middleware that logs a line at level info when a handler has
// returned or panicked, with the remote address, the protocol and how long it
// took. The handler of a [Listener] returns when the connection is queued. If the
// logger is nil, it is slog.Default.
func Logging(logger *slog.Logger) func(multiselect.Handler) multiselect.Handler {
	return func(next multiselect.Handler) multiselect.Handler {
		return func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			start := time.Now()
			panicked := true
			defer func() {
				loggerOrDefault(logger).InfoContext(ctx, "netmux: served", "remote", remoteAddr(stream),
					"protocol", protocol, "took", time.Since(start), "panicked", panicked)
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

func remoteAddr(stream io.ReadWriteCloser) net.Addr {
	if conn, ok := stream.(net.Conn); ok {
		return conn.RemoteAddr()
	}
	return nil
}

func resetStream(stream io.ReadWriteCloser) {
	if conn, ok := stream.(net.Conn); ok {
		resetConn(conn)
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
