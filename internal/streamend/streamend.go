// Package streamend ends streams abruptly, in the best way that each stream
// offers. An abrupt end tells the peer, where the transport can express it, that
// the stream has failed and that the data received so far is not complete.
package streamend

import (
	"io"
	"net"
	"time"
)

// LongAgo is a deadline that has passed. Setting it makes the blocked calls of a
// stream return; the zero [time.Time] would remove the deadline.
var LongAgo = time.Unix(1, 0)

// The capabilities of streams that are asked for.
type (
	codeResetter interface{ ResetWithError(code uint32) error }
	resetter     interface{ Reset() error }
	timed        interface{ SetDeadline(t time.Time) error }
	lingerer     interface{ SetLinger(sec int) error }
	layered      interface{ NetConn() net.Conn }
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
	case timed:
		s.SetDeadline(LongAgo)
		stream.Close()
	default:
		stream.Close()
	}
}

// Abort ends a stream like [Reset], but it never blocks, and data that was written
// before may be lost.
//
//   - A TCP connection is reset. It is closed before Abort returns, and so is a
//     unix connection.
//   - A stream with ResetWithError(uint32) error or Reset() error is reset.
//   - Below a stream with NetConn() net.Conn, such as a *tls.Conn, the connection
//     that NetConn returns is aborted first, so that Close has nothing left to wait
//     for and sends the peer no sign of an orderly end. That connection must carry
//     only this stream.
//   - A stream with SetLinger(int) error, such as a wrapper of a TCP connection, is
//     closed after SetLinger(0).
//   - Any other stream ends as by Reset.
//
// Methods that may block run in a goroutine that Abort starts. Abort may be called
// concurrently with any method of the stream.
func Abort(stream io.Closer, code uint32) {
	if !closeSocket(stream) {
		go resetLayers(stream, code)
	}
}

// closeSocket closes the kernel's socket of a stream, below any layers, and reports
// whether that was all there is to close. It does not block.
func closeSocket(stream io.Closer) bool {
	switch s := stream.(type) {
	case *net.TCPConn:
		s.SetLinger(0)
		s.Close()
		return true
	case *net.UnixConn:
		s.Close()
		return true
	case codeResetter, resetter:
	case layered:
		if below := s.NetConn(); below != nil {
			closeSocket(below)
		}
	case lingerer:
		s.SetLinger(0)
	}
	return false
}

// resetLayers resets the layers of a stream, the lowest first. The layers above
// are ended too: their Close may have resources to release.
func resetLayers(stream io.Closer, code uint32) {
	switch s := stream.(type) {
	case codeResetter, resetter:
	case layered:
		if below := s.NetConn(); below != nil {
			resetLayers(below, code)
		}
	}
	Reset(stream, code)
}
