package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// HangUp ends this side's half after its last byte. It reads and drops incoming
// bytes for a while: closing a connection with unread bytes resets it, and a peer
// that has not read the last bytes yet could lose them.
//
// It is no error if the peer has closed already, as lazy clients may.
func HangUp(conn Stream) error {
	err := conn.CloseWrite()
	if errors.Is(err, syscall.ENOTCONN) {
		return nil
	}
	if err == nil {
		DropInput(conn)
	}
	return err
}

// DropInput reads and drops what arrives within two seconds, or until the peer has ended
// its half.
func DropInput(conn Stream) {
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	io.Copy(io.Discard, conn)
}

// Reset ends a connection so that the other end sees a failure, where the transport
// has a way to signal one.
func Reset(conn Stream) {
	switch c := conn.(type) {
	case resetter:
		c.ResetWithError(0)
		return
	case *tls.Conn:
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			tcp.SetLinger(0) // without an alert, which would look like a plain end
			tcp.Close()
			return
		}
	case interface{ SetLinger(int) error }:
		c.SetLinger(0)
	}
	conn.Close()
}

// ResetWithCode ends a stream after a failed negotiation: with the code, where the
// transport has codes, and otherwise by closing it without a wait.
func ResetWithCode(conn Stream, code uint32) error {
	if s, ok := conn.(resetter); ok {
		return s.ResetWithError(code)
	}
	conn.SetDeadline(time.Unix(1, 0)) // so that a Close of TLS does not wait to send its alert
	return conn.Close()
}
