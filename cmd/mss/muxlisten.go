package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"
)

// streamListener is a [net.Listener] of the streams of all connections of a
// multiplexed address. Its accepting goroutine makes connections; each of them
// is set up, and its streams accepted, in a goroutine of its own.
type streamListener struct {
	addr    net.Addr
	streams chan net.Conn
	ctx     context.Context
	stop    context.CancelFunc
	closer  func() error // ends accepting of connections

	mu    sync.Mutex
	links map[link]bool
}

func newStreamListener(addr net.Addr, closer func() error) *streamListener {
	l := &streamListener{addr: addr, streams: make(chan net.Conn), closer: closer, links: make(map[link]bool)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

func (l *streamListener) Addr() net.Addr { return l.addr }

func (l *streamListener) Accept() (net.Conn, error) {
	select {
	case s := <-l.streams:
		return s, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close stops accepting connections and streams. Accepted streams stay open.
func (l *streamListener) Close() error {
	l.stop()
	return l.closer()
}

// hand passes a stream to Accept, or resets it after Close.
func (l *streamListener) hand(s halfCloser) {
	select {
	case l.streams <- s:
	case <-l.ctx.Done():
		reset(s)
	}
}

// keep records a connection for finish. The function that it returns undoes that.
func (l *streamListener) keep(c link) (forget func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.links[c] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.links, c)
	}
}

// finish closes the connections, after their streams have ended. A process that
// exits without it leaves QUIC clients waiting, and can lose the last bytes of a
// stream.
func (l *streamListener) finish() {
	var ending sync.WaitGroup
	l.mu.Lock()
	for c := range l.links {
		ending.Go(c.close)
	}
	l.mu.Unlock()
	ending.Wait()
}

// maxRising bounds the connections that are set up at a time; further ones wait
// in the queue of the system.
const maxRising = 256

// listenStreams listens on a multiplexed address.
func listenStreams(ctx context.Context, a address, c *listenConfig, self identity) (*streamListener, string, error) {
	switch a.form {
	case formQUIC:
		config, print, err := c.certificates.server(a.where, defaultALPN)
		if err != nil {
			return nil, "", err
		}
		l, err := listenQUIC(a, config)
		return l, print, err
	case formLibp2pQUIC:
		config, err := self.serverTLS()
		if err != nil {
			return nil, "", err
		}
		l, err := listenQUIC(a, config)
		return l, "", err
	}
	tcp, err := net.Listen(a.network(), a.where)
	if err != nil {
		return nil, "", cannotListen(a, err)
	}
	l := newStreamListener(tcp.Addr(), tcp.Close)
	rising := make(chan struct{}, maxRising)
	go func() {
		acceptAll(l.ctx, tcp, c.host, func(conn net.Conn) {
			rising <- struct{}{}
			go func() {
				inside, peer := conn, ""
				if a.form == formLibp2p {
					inside, peer = c.rise(ctx, conn.(halfCloser), self)
				}
				<-rising
				if inside != nil {
					l.serveYamux(inside, peer)
				}
			}()
		})
	}()
	return l, "", nil
}

// serveYamux passes the streams of a connection to Accept until it ends.
func (l *streamListener) serveYamux(conn net.Conn, peer string) {
	session, err := yamux.Server(conn, yamuxConfig(), nil)
	if err != nil {
		conn.Close()
		return
	}
	forget := l.keep(&yamuxLink{session, peer})
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			forget()
			return
		}
		l.hand(yamuxStream{stream, peer})
	}
}

// rise has the host answer the negotiations below the streams of a libp2p
// connection. It returns nil if one of them fails.
func (c *listenConfig) rise(ctx context.Context, conn halfCloser, self identity) (net.Conn, string) {
	if c.timeout > 0 { // for all steps together
		limited, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		ctx = limited
	}
	security, err := c.host.agree(ctx, stepSecurity, conn, securities...)
	if err != nil {
		return nil, ""
	}
	inside, err := self.secure(ctx, security, conn, "", true)
	if err != nil {
		conn.Close()
		if ctx.Err() == nil {
			c.host.unsecured(conn, handshakeError(security, err))
		}
		return nil, ""
	}
	if _, err := c.host.agree(ctx, stepMuxer, secureHalf{inside}, yamuxID); err != nil {
		return nil, ""
	}
	return inside, "/p2p/" + inside.RemotePeer().String()
}

func listenQUIC(a address, config *tls.Config) (*streamListener, error) {
	ln, err := quic.ListenAddr(a.where, config, quicConfig())
	if err != nil {
		return nil, cannotListen(a, err)
	}
	l := newStreamListener(ln.Addr(), ln.Close)
	go func() {
		for {
			conn, err := ln.Accept(l.ctx)
			if err != nil {
				return
			}
			go l.serveQUIC(conn, a.form)
		}
	}()
	return l, nil
}

// serveQUIC passes the streams of a connection to Accept until it ends.
func (l *streamListener) serveQUIC(conn *quic.Conn, f form) {
	name := ""
	if id, err := peerOf(conn.ConnectionState().TLS.PeerCertificates); f == formLibp2pQUIC && err == nil {
		name = "/p2p/" + id.String()
	}
	forget := l.keep(&quicLink{conn, name})
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			forget()
			return
		}
		l.hand(quicStream{stream, conn, name})
	}
}

// acceptAll calls serve for each connection of ln, until it is closed.
func acceptAll(ctx context.Context, ln net.Listener, h host, serve func(net.Conn)) {
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			serve(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default: // usually out of file descriptors: connections that end free some
			h.notAccepted(err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}
}

func cannotListen(a address, err error) error {
	return local(fmt.Sprintf("cannot listen on %s", a), cause(err))
}
