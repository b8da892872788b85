package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// This file holds the links that a server accepts, as package netmux serves them.

// AcceptStream returns the next stream that the peer opens.
func (y *yamuxLink) AcceptStream(context.Context) (net.Conn, error) {
	s, err := y.session.AcceptStream()
	if err != nil {
		return nil, err
	}
	return yamuxStream{s, y.peer}, nil
}

// RemoteAddr returns the address of the peer.
func (y *yamuxLink) RemoteAddr() net.Addr { return y.session.RemoteAddr() }

// AcceptStream returns the next stream that the peer opens.
func (q *quicLink) AcceptStream(ctx context.Context) (net.Conn, error) {
	s, err := q.conn.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	return quicStream{s, q.conn, q.peer}, nil
}

// RemoteAddr returns the address of the peer.
func (q *quicLink) RemoteAddr() net.Addr { return q.conn.RemoteAddr() }

func upgradeYamux(_ context.Context, carrier net.Conn) (netmux.Link, error) {
	return newInboundYamux(carrier, "")
}

func newInboundYamux(conn net.Conn, peer string) (netmux.Link, error) {
	session, err := yamux.Server(conn, yamuxConfig(), nil)
	if err != nil {
		return nil, err
	}
	return &yamuxLink{session, peer}, nil
}

// upgrade makes a connection the link of a libp2p peer. The host answers the negotiations
// of security and of the muxer. The security handshake ends when the connection is closed.
func (i identity) upgrade(ctx context.Context, h Host, conn Stream) (netmux.Link, error) {
	security, err := h.Agree(ctx, StepSecurity, conn, Securities...)
	if err != nil {
		return nil, err
	}
	inside, err := i.secure(ctx, security, conn, "", true)
	if err != nil {
		return nil, handshakeError(security, err)
	}
	if _, err := h.Agree(ctx, StepMuxer, secureHalf{inside}, YamuxID); err != nil {
		return nil, err
	}
	return newInboundYamux(inside, "/p2p/"+inside.RemotePeer().String())
}

// listenQUIC listens on a QUIC address. Accept returns connections during their handshake,
// for which Upgrade waits.
func (l *Listener) listenQUIC(a address.Address, c *Certificates, self identity) error {
	var config *tls.Config
	var err error
	if a.Form == address.QUIC {
		config, l.Fingerprint, err = c.server(a.Where, DefaultALPN)
	} else {
		config, err = self.serverTLS()
	}
	if err != nil {
		return err
	}
	ln, err := quic.ListenAddrEarly(a.Where, config, quicConfig())
	if err != nil {
		return cannotListen(a, err)
	}
	l.Listener = quicListener{ln}
	l.Upgrade = func(ctx context.Context, carrier net.Conn) (netmux.Link, error) {
		return upgradeQUIC(ctx, carrier.(quicCarrier).conn, a.Form)
	}
	return nil
}

// upgradeQUIC waits for the end of the handshake.
func upgradeQUIC(ctx context.Context, conn *quic.Conn, f address.Form) (netmux.Link, error) {
	select {
	case <-conn.HandshakeComplete():
	case <-conn.Context().Done():
		return nil, handshakeError("quic-v1", context.Cause(conn.Context()))
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	peer := ""
	if f == address.Libp2pQUIC {
		id, err := peerOf(conn.ConnectionState().TLS.PeerCertificates)
		if err != nil {
			return nil, err
		}
		peer = "/p2p/" + id.String()
	}
	return &quicLink{conn, peer}, nil
}

// quicListener accepts QUIC connections as carriers of links.
type quicListener struct{ *quic.EarlyListener }

func (l quicListener) Accept() (net.Conn, error) {
	conn, err := l.EarlyListener.Accept(context.Background())
	if err != nil {
		return nil, err
	}
	return quicCarrier{conn}, nil
}

// quicCarrier is a QUIC connection as a [Stream] that only Upgrade can use.
type quicCarrier struct{ conn *quic.Conn }

var errCarrier = errors.New("a QUIC connection has no bytes outside of its streams")

func (quicCarrier) Read([]byte) (int, error)  { return 0, errCarrier }
func (quicCarrier) Write([]byte) (int, error) { return 0, errCarrier }
func (quicCarrier) CloseWrite() error         { return errCarrier }

func (quicCarrier) SetDeadline(time.Time) error      { return nil }
func (quicCarrier) SetReadDeadline(time.Time) error  { return nil }
func (quicCarrier) SetWriteDeadline(time.Time) error { return nil }

func (c quicCarrier) LocalAddr() net.Addr  { return c.conn.LocalAddr() }
func (c quicCarrier) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }
func (c quicCarrier) Close() error         { return c.conn.CloseWithError(0, "") }

// ResetWithError closes a connection that was refused or evicted.
func (c quicCarrier) ResetWithError(uint32) error {
	return c.conn.CloseWithError(quic.ApplicationErrorCode(connectionCodes.first+1), "")
}
