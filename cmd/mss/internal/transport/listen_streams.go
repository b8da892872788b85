package transport

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

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
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
	links map[Link]bool
}

func newStreamListener(addr net.Addr, closer func() error) *streamListener {
	l := &streamListener{addr: addr, streams: make(chan net.Conn), closer: closer, links: make(map[Link]bool)}
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
func (l *streamListener) hand(s Stream) {
	select {
	case l.streams <- s:
	case <-l.ctx.Done():
		Reset(s)
	}
}

// keep records a connection for finish. The function that it returns undoes that.
func (l *streamListener) keep(c Link) (forget func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.links[c] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.links, c)
	}
}

// finish closes the connections.
func (l *streamListener) finish() {
	var ending sync.WaitGroup
	l.mu.Lock()
	for c := range l.links {
		ending.Go(c.Close)
	}
	l.mu.Unlock()
	ending.Wait()
}

// maxRising bounds the connections that are set up at a time; further ones wait
// in the queue of the system.
const maxRising = 256

// listenStreams listens on a multiplexed address.
func listenStreams(ctx context.Context, a address.Address, c *ListenConfig, self identity) (*streamListener, string, error) {
	switch a.Form {
	case address.QUIC:
		config, print, err := c.Certificates.server(a.Where, DefaultALPN)
		if err != nil {
			return nil, "", err
		}
		l, err := listenQUIC(a, config)
		return l, print, err
	case address.Libp2pQUIC:
		config, err := self.serverTLS()
		if err != nil {
			return nil, "", err
		}
		l, err := listenQUIC(a, config)
		return l, "", err
	}
	tcp, err := net.Listen(a.Network(), a.Where)
	if err != nil {
		return nil, "", cannotListen(a, err)
	}
	l := newStreamListener(tcp.Addr(), tcp.Close)
	rising := make(chan struct{}, maxRising)
	go func() {
		acceptAll(l.ctx, tcp, c.Host, func(conn net.Conn) {
			rising <- struct{}{}
			go func() {
				inside, peer := conn, ""
				if a.Form == address.Libp2p {
					inside, peer = c.rise(ctx, conn.(Stream), self)
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
func (c *ListenConfig) rise(ctx context.Context, conn Stream, self identity) (net.Conn, string) {
	if c.Timeout > 0 { // for all steps together
		limited, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		ctx = limited
	}
	security, err := c.Host.Agree(ctx, StepSecurity, conn, Securities...)
	if err != nil {
		return nil, ""
	}
	inside, err := self.secure(ctx, security, conn, "", true)
	if err != nil {
		conn.Close()
		if ctx.Err() == nil {
			c.Host.Unsecured(conn, handshakeError(security, err))
		}
		return nil, ""
	}
	if _, err := c.Host.Agree(ctx, StepMuxer, secureHalf{inside}, YamuxID); err != nil {
		return nil, ""
	}
	return inside, "/p2p/" + inside.RemotePeer().String()
}

func listenQUIC(a address.Address, config *tls.Config) (*streamListener, error) {
	ln, err := quic.ListenAddr(a.Where, config, quicConfig())
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
			go l.serveQUIC(conn, a.Form)
		}
	}()
	return l, nil
}

// serveQUIC passes the streams of a connection to Accept until it ends.
func (l *streamListener) serveQUIC(conn *quic.Conn, f address.Form) {
	name := ""
	if id, err := peerOf(conn.ConnectionState().TLS.PeerCertificates); f == address.Libp2pQUIC && err == nil {
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
func acceptAll(ctx context.Context, ln net.Listener, h Host, serve func(net.Conn)) {
	for {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			serve(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default: // usually out of file descriptors: connections that end free some
			h.NotAccepted(err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}
}

func cannotListen(a address.Address, err error) error {
	return exit.AsLocal(fmt.Sprintf("cannot listen on %s", a), Cause(err))
}
