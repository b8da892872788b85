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
				endStream(stream)
				if value != ErrAbortHandler {
					orDefault(logger).ErrorContext(ctx, "netmux: panic", "remote", remoteOf(stream),
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
				orDefault(logger).InfoContext(ctx, "netmux: served", "remote", remoteOf(stream),
					"protocol", protocol, "took", time.Since(start), "panicked", panicked)
			}()
			next(ctx, protocol, stream)
			panicked = false
		}
	}
}

func orDefault(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.Default()
	}
	return logger
}

func remoteOf(stream io.ReadWriteCloser) net.Addr {
	if conn, ok := stream.(net.Conn); ok {
		return conn.RemoteAddr()
	}
	return nil
}

func endStream(stream io.ReadWriteCloser) {
	if conn, ok := stream.(net.Conn); ok {
		end(conn)
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
