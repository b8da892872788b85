package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"
)

// link opens streams to a peer. Each stream is for one negotiation.
type link interface {
	open(ctx context.Context) (halfCloser, error)
	close()
}

// steps is the part of connecting that belongs to the caller: the negotiations below
// the streams, and the record of them.
type steps interface {
	// agree negotiates one step, [stepSecurity] or [stepMuxer], on a connection. It
	// leaves the connection open.
	agree(ctx context.Context, step string, conn halfCloser, protocols ...string) (string, error)
	// comment records a remark about the connection. It may be called after connect
	// has returned, by the open of a link, and never concurrently with a negotiation.
	comment(text string)
}

// connect sets up the layers below the first stream. It fails with a
// *connectError, or with the error of s.agree.
func connect(ctx context.Context, a address, t *trust, s steps) (link, error) {
	switch a.form {
	case formQUIC:
		return connectQUIC(ctx, a, t, s)
	case formYamux:
		conn, err := dialAddress(ctx, a)
		if err != nil {
			return nil, err
		}
		return newYamuxLink(conn, "")
	case formLibp2p:
		return connectLibp2p(ctx, a, s)
	case formLibp2pQUIC:
		return connectLibp2pQUIC(ctx, a, s)
	}
	return connections{a, t, s}, nil
}

// dialAddress makes the connection of a form that has one. It fails with a
// *connectError.
func dialAddress(ctx context.Context, a address) (halfCloser, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, a.network(), a.where)
	if err != nil {
		return nil, connecting(ctx, err)
	}
	return conn.(halfCloser), nil
}

// connections is the link of the forms where each stream is a connection.
type connections struct {
	address address
	trust   *trust
	steps   steps
}

func (c connections) open(ctx context.Context) (halfCloser, error) {
	conn, err := dialAddress(ctx, c.address)
	if err != nil || c.address.form != formTLS {
		return conn, err
	}
	config, err := c.trust.client(c.address.where, "")
	if err != nil {
		conn.Close()
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, connecting(ctx, err)
	}
	c.steps.comment(describeTLS(secured.ConnectionState()))
	return secured, nil
}

func (connections) close() {}

// yamuxLink is the link of streams on one reliable connection.
type yamuxLink struct {
	session *yamux.Session
	peer    string
}

// yamuxConfig is the default of yamux without its log. The limit on streams is per
// connection.
func yamuxConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxIncomingStreams = maxStreams
	return c
}

// maxStreams bounds the streams that a peer may have open on one connection.
const maxStreams = 4096

// newYamuxLink returns a link that owns conn.
func newYamuxLink(conn net.Conn, peer string) (link, error) {
	session, err := yamux.Client(conn, yamuxConfig(), nil)
	if err != nil {
		conn.Close()
		return nil, &connectError{err}
	}
	return &yamuxLink{session, peer}, nil
}

func (y *yamuxLink) open(ctx context.Context) (halfCloser, error) {
	s, err := y.session.OpenStream(ctx)
	if err != nil {
		return nil, connecting(ctx, yamuxError(err))
	}
	return yamuxStream{s, y.peer}, nil
}

// flushTime bounds how long closing a connection waits for the last bytes of its
// streams to be sent.
const flushTime = 250 * time.Millisecond

// close waits for the answer to a ping, which shows that the peer has received all
// bytes: closing a session discards unsent ones.
func (y *yamuxLink) close() {
	answered := make(chan struct{})
	go func() {
		y.session.Ping()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(flushTime):
	}
	y.session.Close()
}

// quicLink is the link of QUIC streams.
type quicLink struct {
	conn *quic.Conn
	peer string
}

// quicConfig keeps an idle dial alive, and limits streams.
func quicConfig() *quic.Config {
	return &quic.Config{
		MaxIncomingStreams:    maxStreams,
		MaxIncomingUniStreams: -1,
		KeepAlivePeriod:       10 * time.Second,
	}
}

// quicDialConfig leaves the limit for connecting to the context.
func quicDialConfig() *quic.Config {
	c := quicConfig()
	c.HandshakeIdleTimeout = 24 * time.Hour
	return c
}

func connectQUIC(ctx context.Context, a address, t *trust, s steps) (link, error) {
	config, err := t.client(a.where, defaultALPN)
	if err != nil {
		return nil, err
	}
	conn, err := quic.DialAddr(ctx, a.where, config, quicDialConfig())
	if err != nil {
		return nil, connecting(ctx, err)
	}
	s.comment(describeTLS(conn.ConnectionState().TLS))
	return &quicLink{conn: conn}, nil
}

func (q *quicLink) open(ctx context.Context) (halfCloser, error) {
	s, err := q.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, connecting(ctx, quicError(err, endStop))
	}
	return quicStream{s, q.conn, q.peer}, nil
}

// close waits a moment for the last frames to be sent: quic-go discards unsent
// frames when a connection ends, and has no way to wait for them.
func (q *quicLink) close() {
	time.Sleep(10 * time.Millisecond)
	q.conn.CloseWithError(0, "")
}

// describeTLS returns the version, the certificate and the ALPN protocol in words.
func describeTLS(state tls.ConnectionState) string {
	text := tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		text += ", certificate " + fingerprint(state.PeerCertificates[0].Raw)
	}
	if state.NegotiatedProtocol != "" {
		text += ", ALPN " + state.NegotiatedProtocol
	}
	return text
}
