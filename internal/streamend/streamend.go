// Package streamend ends streams abruptly, so that the peer can know, if the transport can
// express it, that the stream has failed and that its data is incomplete.
package streamend

import (
	"context"
	"io"
	"net"
	"time"
)

// LongAgo is a deadline that has passed, which makes the blocked calls of a stream return.
var LongAgo = time.Unix(1, 0)

// Reset ends both directions of a stream and makes its blocked calls return. It
// uses the first of these that the stream has:
//
//   - ResetWithError(uint32) error, with the code;
//   - Reset() error;
//   - Close of the connection below a TLS connection, then Close: that of the TLS
//     connection alone would wait up to 5 seconds for its alert to be sent;
//   - SetDeadline(time.Time) error with [LongAgo], then Close: the Close of some
//     streams, such as QUIC's, ends only the direction that is written to, and
//     leaves a Read blocked;
//   - Close.
//
// Reset drops the errors of these methods, since the stream has failed already. It blocks
// until they return, which most do immediately. A TCP connection is closed and not reset, so
// that data written before still arrives, unless the kernel holds unread data.
//
// Reset may be called concurrently with any method of the stream. Calling it twice calls
// the stream's methods twice.
func Reset(stream io.Closer, code uint32) {
	switch s := stream.(type) {
	case interface{ ResetWithError(code uint32) error }:
		s.ResetWithError(code)
	case interface{ Reset() error }:
		s.Reset()
	case interface {
		NetConn() net.Conn
		HandshakeContext(ctx context.Context) error
	}: // a *tls.Conn, or one that embeds it
		s.NetConn().Close()
		stream.Close()
	case interface{ SetDeadline(t time.Time) error }:
		s.SetDeadline(LongAgo)
		stream.Close()
	default:
		stream.Close()
	}
}
