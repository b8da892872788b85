package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"
)

// halfCloser is a connection, or a stream of one, of which one direction can be
// ended alone. All that mss connects with can.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// coded is a stream that is reset with a code. The library finds the same method
// when it ends a negotiation that failed.
type coded interface {
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

// yamuxStream is a stream of yamux. What the peer did to it is an *endError.
type yamuxStream struct {
	*yamux.Stream
	peer string
}

func (s yamuxStream) RemoteAddr() net.Addr {
	return muxAddr{s.Stream.RemoteAddr(), s.peer, int64(s.StreamID())}
}

func (s yamuxStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if err != nil && err != io.EOF {
		err = yamuxError(err)
	}
	return n, err
}

func (s yamuxStream) Write(p []byte) (int, error) {
	n, err := s.Stream.Write(p)
	if err != nil {
		err = yamuxError(err)
	}
	return n, err
}

// quicStream is a stream of QUIC. What the peer did to it is an *endError, and
// Close ends both halves, as that of other connections does.
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

// CloseWrite is no failure if the peer has stopped reading and did not say that
// this was an error: then nobody misses the end.
func (s quicStream) CloseWrite() error {
	err := s.Stream.Close()
	if err == nil {
		return nil
	}
	err = quicError(context.Cause(s.Context()), endStop)
	if e, ok := errors.AsType[*endError](err); ok && e.how == endStop && e.code == 0 {
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
