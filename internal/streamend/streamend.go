// Package streamend ends streams abruptly, in the best way that each stream
// offers. An abrupt end tells the peer, where the transport can express it, that
// the stream has failed and that the data received so far is not complete.
package streamend

import (
	"io"
	"time"
)

// LongAgo is a deadline that has passed. Setting it makes the blocked calls of a
// stream return; the zero [time.Time] would remove the deadline.
var LongAgo = time.Unix(1, 0)

// The capabilities of streams that are asked for.
type (
	codeResetter interface{ ResetWithError(code uint32) error }
	resetter     interface{ Reset() error }
	deadliner    interface{ SetDeadline(t time.Time) error }
)

// Reset ends both directions of a stream and makes its blocked calls return. It
// uses the first of these that the stream has:
//
//   - ResetWithError(uint32) error, with the code;
//   - Reset() error;
//   - SetDeadline(time.Time) error with [LongAgo], then Close: the Close of some
//     streams, such as QUIC's, ends only the direction that is written to, and
//     leaves a Read blocked;
//   - Close.
//
// Errors of these methods are dropped: the stream has failed already. Reset calls
// them in the goroutine of its caller and returns after they have returned. Most
// return immediately; the Close of a *tls.Conn waits up to 5 seconds for its
// alert to be sent. A TCP connection is closed and not reset, so that data which
// was written before still arrives, unless the kernel holds unread data.
//
// Reset may be called concurrently with any method of the stream. Calling it
// twice calls the stream's methods twice.
func Reset(stream io.Closer, code uint32) {
	switch s := stream.(type) {
	case codeResetter:
		s.ResetWithError(code)
	case resetter:
		s.Reset()
	case deadliner:
		s.SetDeadline(LongAgo)
		stream.Close()
	default:
		stream.Close()
	}
}
