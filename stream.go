package multiselect

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// This file asks streams for their properties. A stream that is not plain, or not buffered,
// does not take the fast path.

// isSocket reports whether a stream is a socket of package net, on which a small first Write
// does not block.
func isSocket(stream io.Writer) bool {
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// isPlain reports whether a stream has bytes and not messages, and sends what is written to it.
func isPlain(stream io.ReadWriteCloser) bool {
	switch s := stream.(type) {
	case *net.TCPConn:
		return true
	case *net.UnixConn:
		return !isPacket(s)
	}
	return flusherOf(stream) == nil
}

// recordUnbuffered records whether the stream has no buffer (R28), as its owner may know.
func (c *Communicator) recordUnbuffered(known bool) {
	if c.channel() == nil && (known || isUnbuffered(c.stream)) {
		c.ensureRare().unbuffered = true
	}
}

// isUnbuffered recognizes the pipes of package net, whose Write returns after the peer has read.
func isUnbuffered(stream io.ReadWriteCloser) bool { return !isSocket(stream) && isPipe(stream) }

func isPipe(stream io.ReadWriteCloser) bool {
	if s, ok := stream.(interface{ LocalAddr() net.Addr }); ok {
		addr := s.LocalAddr()
		return addr != nil && addr.Network() == "pipe"
	}
	return false
}

// flusher is a stream whose Write may keep the bytes until its Flush, such as that of
// golang.org/x/net/quic. Each flight is flushed.
type flusher interface{ Flush() error }

func flusherOf(stream io.Writer) flusher {
	if l, ok := stream.(*LazyStream); ok && flusherOf(l.stream) == nil { // its Write keeps nothing
		return nil
	}
	f, _ := stream.(flusher)
	return f
}

func flushStream(stream io.Writer) error {
	if isSocket(stream) {
		return nil
	}
	if f := flusherOf(stream); f != nil {
		return f.Flush()
	}
	return nil
}

var errMessages = fmt.Errorf("%w: the stream preserves the boundaries of messages; it must be a stream of bytes", errors.ErrUnsupported)

// checkStream fails if a Read of the stream returns messages and not bytes: part of a
// message would be lost, since no Read may pass the end of the negotiation (R12).
func checkStream(stream io.ReadWriteCloser) error {
	if s, ok := stream.(*net.UnixConn); ok && isPacket(s) {
		return errMessages
	}
	return nil
}

func isPacket(conn *net.UnixConn) bool {
	addr := conn.LocalAddr()
	return addr != nil && addr.Network() != "unix"
}
