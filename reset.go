package multiselect

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
)

// A TCP connection reports a reset by its peer once. If a write of the agreement has received that
// error and ignored it (R17), a Read after the last byte returns [io.EOF] on Linux, as if the peer
// had sent the end of its data. A peer that has sent it before the reset causes EPIPE instead.

// afterReset returns a handler that passes such a stream to h as a resetConn, and h itself if
// ignored, the write error that was ignored, is another one.
func afterReset(h Handler, ignored error) Handler {
	if !errors.Is(ignored, syscall.ECONNRESET) {
		return h
	}
	return func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
		if conn, ok := stream.(*net.TCPConn); ok {
			stream = &resetConn{conn, ignored}
		}
		h(ctx, protocol, stream)
	}
}

// resetConn is a TCP connection that its peer has reset: data is followed by err.
type resetConn struct {
	*net.TCPConn
	err error
}

func (c *resetConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if err == io.EOF {
		err = c.err
	}
	return n, err
}

func (c *resetConn) WriteTo(w io.Writer) (int64, error) {
	n, err := c.TCPConn.WriteTo(w)
	if err == nil { // io.EOF
		err = c.err
	}
	return n, err
}
