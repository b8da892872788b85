package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"
)

// Stream is a connection, or a stream of one, that can end one direction
// alone. Every transport of mss can.
type Stream interface {
	net.Conn
	CloseWrite() error
}

// resetter is a stream that is reset with a code. The library uses this method, too,
// to end a failed negotiation.
type resetter interface {
	ResetWithError(code uint32) error
}

// muxAddr names one stream of a connection.
type muxAddr struct {
	net.Addr
	peer   string // in place of the address, if not empty
	stream int64
}

func (a muxAddr) String() string {
	peer := a.peer
	if peer == "" {
		peer = a.Addr.String()
	}
	return fmt.Sprintf("%s#%d", peer, a.stream)
}

// yamuxStream is a stream of yamux. It returns an *EndError if the peer ended it.
type yamuxStream struct {
	*yamux.Stream
	peer string
}

func (s yamuxStream) RemoteAddr() net.Addr {
	return muxAddr{s.Stream.RemoteAddr(), s.peer, int64(s.StreamID())}
}

// Read leaves an error that comes with bytes to the next call: it belongs to a message
// that yamux sent in between, and an [io.EOF] in it is the end of the connection and not
// that of the stream.
func (s yamuxStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	switch {
	case n > 0:
		return n, nil
	case err == io.EOF:
		return 0, err
	}
	return n, yamuxError(err)
}

func (s yamuxStream) Write(p []byte) (int, error) {
	n, err := s.Stream.Write(p)
	return n, yamuxError(err)
}

func (s yamuxStream) CloseWrite() error { return yamuxError(s.Stream.CloseWrite()) }

// quicStream is a stream of QUIC. It returns an *EndError if the peer ended it, and
// Close ends both halves, as on other connections.
type quicStream struct {
	*quic.Stream
	conn *quic.Conn
	peer string
}

func (s quicStream) LocalAddr() net.Addr { return s.conn.LocalAddr() }

func (s quicStream) RemoteAddr() net.Addr {
	return muxAddr{s.conn.RemoteAddr(), s.peer, int64(s.StreamID())}
}

func (s quicStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if err != nil && err != io.EOF {
		err = quicError(err, endReset)
	}
	return n, err
}

func (s quicStream) Write(p []byte) (int, error) {
	n, err := s.Stream.Write(p)
	if err != nil {
		err = quicError(err, endStop)
	}
	return n, err
}

// CloseWrite succeeds if the peer has stopped reading with code 0, since it does
// not need the end then.
func (s quicStream) CloseWrite() error {
	err := s.Stream.Close()
	if err == nil {
		return nil
	}
	err = quicError(context.Cause(s.Context()), endStop)
	if e, ok := errors.AsType[*EndError](err); ok && e.how == endStop && e.code == 0 {
		return nil
	}
	return err
}

func (s quicStream) Close() error {
	s.CancelRead(0)
	return s.Stream.Close()
}

func (s quicStream) ResetWithError(code uint32) error {
	s.CancelRead(quic.StreamErrorCode(code))
	s.CancelWrite(quic.StreamErrorCode(code))
	return nil
}
