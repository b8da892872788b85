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

// link is the way to a peer. Each stream that it opens is good for one
// negotiation.
type link interface {
	open(ctx context.Context) (halfCloser, error)
	close()
}

// connect sets up what has to be there before the first stream. It fails with a
// *connectError, or with a *rungError if that was negotiated.
func (a address) connect(ctx context.Context, t *trust, l *ladder) (link, error) {
	switch a.form {
	case formQUIC:
		return a.connectQUIC(ctx, t, l)
	case formYamux:
		conn, err := a.dial(ctx)
		if err != nil {
			return nil, err
		}
		return newYamuxLink(conn, "")
	case formLibp2p:
		return a.climb(ctx, l)
	case formLibp2pQUIC:
		return a.connectLibp2pQUIC(ctx, l)
	}
	return connections{a, t, l}, nil
}

// dial makes the connection of a form that has one.
func (a address) dial(ctx context.Context) (halfCloser, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, a.network(), a.where)
	if err != nil {
		return nil, connecting(ctx, err)
	}
	return conn.(halfCloser), nil
}

// connecting returns why there is no connection.
func connecting(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return &connectError{err}
}

// connections is the link of the forms where each stream is a connection.
type connections struct {
	address
	trust  *trust
	ladder *ladder
}

func (c connections) open(ctx context.Context) (halfCloser, error) {
	conn, err := c.dial(ctx)
	if err != nil || c.form != formTLS {
		return conn, err
	}
	config, err := c.trust.client(c.where, "")
	if err != nil {
		conn.Close()
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, connecting(ctx, err)
	}
	c.ladder.note(secured.ConnectionState())
	return secured, nil
}

func (connections) close() {}

// yamuxLink is the link of streams on one reliable connection.
type yamuxLink struct {
	session *yamux.Session
	peer    string
}

// yamuxConfig is the default of yamux, but for its lines on standard error. The
// limit on streams holds for each connection.
func yamuxConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxIncomingStreams = mostStreams
	return c
}

// mostStreams is how many streams a peer may have open on one connection.
const mostStreams = 4096

// newYamuxLink takes conn over.
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

// flushTime is how long the end of a connection waits for what was said on its
// streams last.
const flushTime = 250 * time.Millisecond

// close waits until the peer has got all, which the answer to a ping shows: the
// end of a session drops what it has not written.
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
		MaxIncomingStreams:    mostStreams,
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

func (a address) connectQUIC(ctx context.Context, t *trust, l *ladder) (link, error) {
	config, err := t.client(a.where, defaultALPN)
	if err != nil {
		return nil, err
	}
	conn, err := quic.DialAddr(ctx, a.where, config, quicDialConfig())
	if err != nil {
		return nil, connecting(ctx, err)
	}
	l.note(conn.ConnectionState().TLS)
	return &quicLink{conn: conn}, nil
}

func (q *quicLink) open(ctx context.Context) (halfCloser, error) {
	s, err := q.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, connecting(ctx, quicError(err, endStop))
	}
	return quicStream{s, q.conn, q.peer}, nil
}

// close gives the last frames a moment to leave: quic-go drops what it has not
// sent when a connection ends, and has nothing to wait for.
func (q *quicLink) close() {
	time.Sleep(10 * time.Millisecond)
	q.conn.CloseWithError(0, "")
}
