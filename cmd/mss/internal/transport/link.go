package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// Link opens streams to a peer. Each stream is for one negotiation.
type Link interface {
	// Open returns a stream, which the caller closes. It fails with a *ConnectError.
	Open(ctx context.Context) (Stream, error)
	// Close closes the connection of the streams, if they share one. It waits a moment
	// for their last bytes to be sent.
	Close() error
}

// Steps is the part of connecting that belongs to the caller: the negotiations below
// the streams, and the record of them.
type Steps interface {
	// Agree negotiates one step, [StepSecurity] or [StepMuxer], on a connection. It
	// leaves the connection open.
	Agree(ctx context.Context, step string, conn Stream, protocols ...string) (string, error)
	// Comment records a remark about the connection. It may be called after
	// Connect has returned, by the Open of a link, and never concurrently with a negotiation.
	Comment(text string)
}

// Connect sets up the layers below the first stream. It fails with a
// *ConnectError, or with the error of s.Agree.
func Connect(ctx context.Context, a address.Address, t *Trust, s Steps) (Link, error) {
	switch a.Form {
	case address.QUIC:
		return connectQUIC(ctx, a, t, s)
	case address.Yamux:
		conn, err := Dial(ctx, a)
		if err != nil {
			return nil, err
		}
		return newYamuxLink(conn, "")
	case address.Libp2p:
		return connectLibp2p(ctx, a, s)
	case address.Libp2pQUIC:
		return connectLibp2pQUIC(ctx, a, s)
	}
	return connections{a, t, s}, nil
}

// Dial opens the TCP connection or unix socket below the streams of an address. It fails
// with a *ConnectError.
func Dial(ctx context.Context, a address.Address) (Stream, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, a.Network(), a.Where)
	if err != nil {
		return nil, connecting(ctx, err)
	}
	return conn.(Stream), nil
}

// connections is the link of the forms where each stream is a connection.
type connections struct {
	address address.Address
	trust   *Trust
	steps   Steps
}

func (c connections) Open(ctx context.Context) (Stream, error) {
	if c.address.Form != address.TLS {
		return Dial(ctx, c.address)
	}
	config, err := c.trust.client(c.address.Where, "")
	if err != nil {
		return nil, err
	}
	conn, err := Dial(ctx, c.address)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, connecting(ctx, err)
	}
	c.steps.Comment(describeTLS(secured.ConnectionState()))
	return secured, nil
}

func (connections) Close() error { return nil }

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
func newYamuxLink(conn net.Conn, peer string) (Link, error) {
	session, err := yamux.Client(conn, yamuxConfig(), nil)
	if err != nil {
		conn.Close()
		return nil, &ConnectError{err}
	}
	return &yamuxLink{session, peer}, nil
}

func (y *yamuxLink) Open(ctx context.Context) (Stream, error) {
	s, err := y.session.OpenStream(ctx)
	if err != nil {
		return nil, connecting(ctx, yamuxError(err))
	}
	return yamuxStream{s, y.peer}, nil
}

// flushTime bounds how long closing a connection waits for the last bytes of its
// streams to be sent.
const flushTime = 250 * time.Millisecond

// Close waits for the answer to a ping, which shows that the peer has received all
// bytes: closing a session discards unsent ones.
func (y *yamuxLink) Close() error {
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
	return nil
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

func connectQUIC(ctx context.Context, a address.Address, t *Trust, s Steps) (Link, error) {
	config, err := t.client(a.Where, DefaultALPN)
	if err != nil {
		return nil, err
	}
	conn, err := quic.DialAddr(ctx, a.Where, config, quicDialConfig())
	if err != nil {
		return nil, connecting(ctx, err)
	}
	s.Comment(describeTLS(conn.ConnectionState().TLS))
	return &quicLink{conn: conn}, nil
}

func (q *quicLink) Open(ctx context.Context) (Stream, error) {
	s, err := q.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, connecting(ctx, quicError(err, endStop))
	}
	return quicStream{s, q.conn, q.peer}, nil
}

// Close waits a moment for the last frames to be sent: quic-go discards unsent
// frames when a connection ends, and has no way to wait for them.
func (q *quicLink) Close() error {
	time.Sleep(10 * time.Millisecond)
	return q.conn.CloseWithError(0, "")
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
