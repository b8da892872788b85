package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

// bare is a transport without security and without a muxer: a connection is one
// stream, and that is a TCP connection.
type bare struct {
	host *host
	id   peer.ID
}

func (b *bare) CanDial(multiaddr.Multiaddr) bool { return true }
func (b *bare) Protocols() []int                 { return []int{multiaddr.P_TCP} }
func (b *bare) Proxy() bool                      { return false }

func (b *bare) Dial(ctx context.Context, address multiaddr.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	network, host, err := manet.DialArgs(address)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return b.newConn(conn, id, nil, true)
}

func (b *bare) Listen(address multiaddr.Multiaddr) (transport.Listener, error) {
	network, host, err := manet.DialArgs(address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(network, host)
	if err != nil {
		return nil, err
	}
	bound, err := manet.FromNetAddr(l.Addr())
	return &listener{l, bound, b}, err
}

type listener struct {
	net.Listener
	bound multiaddr.Multiaddr
	bare  *bare
}

func (l *listener) Multiaddr() multiaddr.Multiaddr { return l.bound }

func (l *listener) Accept() (transport.CapableConn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	secret, id, err := newIdentity()
	if err != nil {
		return nil, err
	}
	return l.bare.newConn(conn, id, secret.GetPublic(), false)
}

// theStream marks the context of the one that may open the stream of a
// connection; identify would be there first.
type theStream struct{}

type conn struct {
	bare        *bare
	stream      *stream
	remote      peer.ID
	key         crypto.PubKey
	here, there multiaddr.Multiaddr
	opened      bool // by this side

	taken  atomic.Bool
	done   chan struct{}
	finish func()
}

func (b *bare) newConn(raw net.Conn, remote peer.ID, key crypto.PubKey, opened bool) (c *conn, err error) {
	c = &conn{bare: b, remote: remote, key: key, opened: opened, done: make(chan struct{})}
	c.finish = sync.OnceFunc(func() { close(c.done) })
	c.stream = &stream{raw.(*net.TCPConn), c}
	if c.here, err = manet.FromNetAddr(raw.LocalAddr()); err == nil {
		c.there, err = manet.FromNetAddr(raw.RemoteAddr())
	}
	return c, err
}

var errOneStream = errors.New("a connection is one stream")

func (c *conn) OpenStream(ctx context.Context) (network.MuxedStream, error) {
	if !c.opened || ctx.Value(theStream{}) == nil || c.taken.Swap(true) {
		return nil, errOneStream
	}
	return c.stream, nil
}

// AcceptStream returns the stream that the peer has opened, and then waits for
// its end, which is the end of the connection.
func (c *conn) AcceptStream() (network.MuxedStream, error) {
	if !c.opened && !c.taken.Swap(true) {
		return c.stream, nil
	}
	<-c.done
	return nil, net.ErrClosed
}

func (c *conn) Close() error                               { return c.stream.Close() }
func (c *conn) CloseWithError(network.ConnErrorCode) error { return c.Close() }
func (c *conn) As(any) bool                                { return false }
func (c *conn) LocalPeer() peer.ID                         { return c.bare.id }
func (c *conn) RemotePeer() peer.ID                        { return c.remote }
func (c *conn) RemotePublicKey() crypto.PubKey             { return c.key }
func (c *conn) ConnState() network.ConnectionState         { return network.ConnectionState{Transport: "tcp"} }
func (c *conn) LocalMultiaddr() multiaddr.Multiaddr        { return c.here }
func (c *conn) RemoteMultiaddr() multiaddr.Multiaddr       { return c.there }
func (c *conn) Scope() network.ConnScope                   { return &network.NullScope{} }
func (c *conn) Transport() transport.Transport             { return c.bare }

func (c *conn) IsClosed() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stream is a TCP connection that can be reset.
type stream struct {
	*net.TCPConn
	conn *conn
}

// CloseRead wakes those that read. A TCP connection goes on taking what arrives.
func (s *stream) CloseRead() error { return s.SetReadDeadline(time.Unix(1, 0)) }

func (s *stream) Close() error {
	defer s.conn.finish()
	return s.TCPConn.Close()
}

func (s *stream) Reset() error { return s.ResetWithError(network.StreamNoError) }

// ResetWithError is how a host ends a stream that nothing was agreed for; it
// tells nobody else.
func (s *stream) ResetWithError(code network.StreamErrorCode) error {
	if code == network.StreamProtocolNegotiationFailed && !s.conn.opened {
		s.conn.bare.host.report(contract.Outcome{Error: contract.Failed, Remote: s.RemoteAddr().String()})
	}
	s.SetLinger(0)
	return s.Close()
}
