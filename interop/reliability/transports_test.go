package reliability

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/libp2p/go-yamux/v5"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/quic-go/quic-go"
)

// session opens streams to a peer in this process.
type session struct {
	open   func() (io.ReadWriteCloser, error)
	accept func() (io.ReadWriteCloser, error)
	vanish func() // the peer's machine is gone, without a word where that can be had
	end    func() // this side closes the connection
	ended  func() // blocks until the peer knows
}

var ctx = context.Background()

// yamuxSession is yamux over a pair of connections.
func yamuxSession(t testing.TB, near, far net.Conn) *session {
	t.Helper()
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false // fake time would pass in it for ever
	config.LogOutput = io.Discard
	config.AcceptBacklog, config.MaxIncomingStreams = 4096, 4096
	client, err := yamux.Client(near, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := yamux.Server(far, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return &session{
		open:   func() (io.ReadWriteCloser, error) { return client.OpenStream(ctx) },
		accept: func() (io.ReadWriteCloser, error) { return server.AcceptStream() },
		vanish: func() { server.Close() },
		end:    func() { client.Close() },
		ended:  func() { <-server.CloseChan() },
	}
}

// yamuxPair returns both ends of a yamux stream, which work in fake time too.
func yamuxPair(t testing.TB) (near, far *yamux.Stream) {
	t.Helper()
	a, b := pipe(t)
	return yamuxStream(t, yamuxSession(t, hidden{a}, hidden{b}))
}

func pipe(t testing.TB) (near, far net.Conn) {
	near, far = net.Pipe()
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

// hidden is a net.Pipe that does not look like one. Its Write waits for the peer's
// Read, which the streams of a session over it do not do; but they have its
// address, by which ours recognises it.
type hidden struct{ net.Conn }

func (hidden) LocalAddr() net.Addr { return new(net.TCPAddr) }

func yamuxStream(t testing.TB, s *session) (near, far *yamux.Stream) {
	t.Helper()
	a, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.accept()
	if err != nil {
		t.Fatal(err)
	}
	return a.(*yamux.Stream), b.(*yamux.Stream)
}

func openYamux(t testing.TB) *session {
	near, far := tcpPair(t)
	return yamuxSession(t, near, far)
}

func tcpPair(t testing.TB) (near, far *net.TCPConn) {
	t.Helper()
	s := openTCP(t)
	a, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.accept()
	if err != nil {
		t.Fatal(err)
	}
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// openTCP listens on several ports: a connection that was closed keeps the pair of
// its ports for a minute, and one port would see only 28 000 of them on Linux.
func openTCP(t testing.TB) *session {
	t.Helper()
	const ports = 8
	var listeners []net.Listener
	accepted := make(chan net.Conn)
	closed := make(chan struct{})
	for range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				select {
				case accepted <- conn:
				case <-closed:
					conn.Close()
				}
			}
		}()
	}
	t.Cleanup(func() {
		close(closed)
		for _, l := range listeners {
			l.Close()
		}
	})
	opened := 0
	return &session{
		open: func() (io.ReadWriteCloser, error) {
			opened++
			return net.Dial("tcp", listeners[opened%ports].Addr().String())
		},
		accept: func() (io.ReadWriteCloser, error) { return <-accepted, nil },
	}
}

// quicStream closes and resets as go-libp2p's does: Close signals that nothing more
// is read, too, which is what makes lazy streams over QUIC delicate.
type quicStream struct{ *quic.Stream }

func (s quicStream) CloseWrite() error { return s.Stream.Close() }

func (s quicStream) CloseRead() error {
	s.CancelRead(0)
	return nil
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

// quicConns returns both ends of a connection, and the socket of the server.
func quicConns(t testing.TB) (client, server *quic.Conn, socket net.PacketConn) {
	t.Helper()
	serverTLS, clientTLS := streamtest.TLS(t, "reliability")
	clientTLS.ServerName = "127.0.0.1"
	config := &quic.Config{MaxIncomingStreams: 4096}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := quic.Listen(socket, serverTLS, config)
	if err != nil {
		t.Fatal(err)
	}
	client, err = quic.DialAddr(ctx, l.Addr().String(), clientTLS, config)
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseWithError(0, "")
		server.CloseWithError(0, "")
		l.Close()
		socket.Close()
	})
	return client, server, socket
}

func openQUIC(t testing.TB) *session {
	t.Helper()
	client, server, socket := quicConns(t)
	return &session{
		open: func() (io.ReadWriteCloser, error) {
			s, err := client.OpenStreamSync(ctx)
			return quicStream{s}, err
		},
		accept: func() (io.ReadWriteCloser, error) {
			s, err := server.AcceptStream(ctx)
			return quicStream{s}, err
		},
		vanish: func() { socket.Close() },
		end:    func() { client.CloseWithError(0, "") },
		ended:  func() { <-server.Context().Done() },
	}
}
