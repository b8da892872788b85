package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

var (
	// ErrServerClosed is returned by Serve, ServeTLS, ListenAndServe, ListenAndServeTLS,
	// ServeConn and ProtocolListener after Shutdown or Close. It is also the cause that
	// ConnError receives for half-open connections that Shutdown or Close has reset, and
	// that ends the contexts of handlers on Close.
	ErrServerClosed = errors.New("netmux: server closed")
	// ErrBacklog is the cause that ConnError receives for a connection that was reset
	// after the agreement because the queue of its [Listener] was full.
	ErrBacklog = errors.New("netmux: too many connections wait for Accept")
	// ErrAbortHandler is a value for handlers to panic with. The connection is reset,
	// and neither logged, nor reported to ConnError, nor counted as a panic.
	ErrAbortHandler = errors.New("netmux: abort the handler")
)

// Server negotiates on the connections that it accepts and serves each with the handler
// of the protocol that was agreed on. The zero value is ready; add protocols to its Muxer
// or with [Server.ProtocolListener].
//
// The fields must be set before the Server is used. Its methods may be called at any time
// and concurrently. A Server must not be copied, and must not be used again after
// Shutdown or Close.
//
// One rule holds for all limits, those of Muxer.Limits included: zero is the default that
// the field names, and a negative value, such as [multiselect.NoLimit], is no limit.
type Server struct {
	// Addr is the TCP address that ListenAndServe and ListenAndServeTLS listen on, as
	// "host:port". Default: ":0", a port that the system chooses. For another network,
	// use package net and Serve.
	Addr string
	// Muxer holds the protocols with their handlers, and the limits and options of each
	// negotiation. A handler's stream is a [net.Conn]. Limits.Timeout, 10 s by default,
	// runs from Accept until a protocol is agreed on, TLS handshake included (R24).
	Muxer multiselect.Muxer
	// TLSConfig is the configuration for ServeTLS, ListenAndServeTLS and DetectTLS. Its
	// NextProtos are names of ALPN after which the peers negotiate on the encrypted connection,
	// unless a protocol of Muxer has the name; the protocols of Muxer are offered in addition.
	// See [Server.ConfigureTLS].
	TLSConfig *tls.Config
	// DetectTLS makes Serve, ListenAndServe and ServeConn serve TLS and plain connections on
	// one port: a connection whose first byte is 0x16, the first byte of a TLS handshake, is
	// served over TLS with TLSConfig, which must have a certificate. Its handler gets a
	// [*tls.Conn]; the hooks get the connection below. Every other connection is plain.
	DetectTLS bool
	// MaxHalfOpen bounds the number of half-open connections. One more evicts the
	// oldest: it is reset and reported with [ErrHalfOpen]. A half-open connection
	// costs 3 to 4 KiB without TLS. Default: 4096.
	MaxHalfOpen int
	// MaxHalfOpenPerHost bounds the number of half-open connections of one host, see
	// HostKey. One more evicts the oldest of that host. Default: no limit, because many
	// clients can share an address behind a NAT or a load balancer.
	MaxHalfOpenPerHost int
	// MaxActive bounds the number of active connections: those in a handler. One more
	// evicts a silent one, on which the peer has sent no byte since the agreement: the
	// oldest of the host that has the most of them. If there is none, the new connection is
	// refused, see EvictActive. Both are reset and reported with a [*LimitError]. A server
	// that accepts from a [Listener] bounds its own connections. Default: no limit.
	//
	// A TCP connection without TLS is asked on Linux whether its peer has sent a byte. Any
	// other is passed to the handler within a [net.Conn] that counts the bytes read from it,
	// and has the same optional methods, as with Fallback; unless it has a method
	// BytesRead() *atomic.Uint64 that returns such a counter.
	MaxActive int
	// MaxActivePerHost bounds the number of active connections of one host, see HostKey.
	// One more evicts the oldest silent one of that host, or is refused. Default: half of
	// MaxActive, and no limit without MaxActive.
	MaxActivePerHost int
	// EvictActive evicts connections with data, and links with such streams, where a new
	// one would be refused without it: the oldest of the host that has the most of them.
	EvictActive bool
	// FirstByteTimeout bounds the time from the agreement until the peer sends the first
	// byte, see MaxActive for how that is known. Then the connection is reset and reported
	// with a [*LimitError]. Default: no limit, because in some protocols the server sends
	// first.
	FirstByteTimeout time.Duration
	// MaxLinks bounds the number of links, see [Server.ServeLink]. One more evicts one
	// without a stream on which a protocol is agreed, or one whose streams are silent,
	// whichever are more: the oldest of the host that has the most of them. If there is none,
	// the new link is refused, see EvictActive. Default: 4096.
	MaxLinks int
	// MaxLinksPerHost bounds the number of links of one host, see HostKey, like
	// MaxActivePerHost. Default: 256.
	MaxLinksPerHost int
	// LinkIdleTimeout bounds the time during which a link has no stream on which a protocol
	// is agreed. Then the link is closed. Pings of the multiplexer do not prolong it.
	// Default: no limit.
	LinkIdleTimeout time.Duration
	// HostKey returns the key of the host that a connection or link comes from: those with
	// equal keys are of one host. With the key "" the limits per host do not apply. Behind
	// a load balancer that does not speak the PROXY protocol, all clients have its address:
	// HostKey should return "" for it. HostKey is called in the goroutine that serves the
	// connection, and may block.
	//
	// If HostKey is nil, a host is an IPv4 address, or the first 64 bits of an IPv6 address;
	// a loopback address and an address without an IP have the key "".
	HostKey func(remote net.Addr) string
	// Backlog bounds the number of connections that wait for the Accept of each
	// [Listener]. One more is reset and reported with [ErrBacklog]. Default: 1024.
	Backlog int
	// Fallback is the protocol of clients that do not negotiate: those whose first byte
	// is not 0x13, the first byte of every negotiation. Its handler must be registered
	// in Muxer, and reads all bytes that the client has sent. If empty, such clients are
	// reset, and reported with [multiselect.ErrNotMultistream].
	Fallback string
	// FallbackAfter is the time after which a client that has sent no byte is served
	// with Fallback, for protocols in which the server sends first. An initiator
	// that sends its first byte later than this cannot negotiate. Default: no limit;
	// a silent client is reset when Muxer.Limits.Timeout expires.
	FallbackAfter time.Duration
	// Middleware wraps each handler. The first element is the outermost.
	Middleware []func(multiselect.Handler) multiselect.Handler
	// BaseContext returns the context for the connections that are accepted from a
	// listener; it must not return nil. If the context ends, half-open connections are
	// reset, and the contexts of handlers end. A context that can end adds to the memory
	// of each half-open connection. If BaseContext is nil, the context is
	// [context.Background].
	BaseContext func(net.Listener) context.Context
	// ConnContext returns the context for a connection, derived from ctx; it must not
	// return nil. Use it, for example, to attach a [multiselect.Trace]. If ConnContext
	// is nil, ctx is used as it is.
	ConnContext func(ctx context.Context, conn net.Conn) context.Context
	// ConnState, if not nil, is called when a connection enters a state, in the
	// goroutine that serves the connection. It must not block for long: until it
	// returns, the connection is not served.
	ConnState func(net.Conn, ConnState)
	// ConnError, if not nil, is called with the error of a connection or link: the
	// [*multiselect.Error] of a failed negotiation or TLS handshake, whose cause can be a
	// [*LimitError] or [ErrServerClosed]; [ErrBacklog]; a [*LimitError] after the agreement
	// and for links; or a [*PanicError]. A client that has asked for the list and closed is
	// no error, nor is a challenge of ACME. The hook is called in the goroutine that serves
	// the connection, after the connection was ended and its handler has returned; for a
	// panic of the connection's Close, in the goroutine that closes it. It may only ask for
	// the addresses.
	ConnError func(net.Conn, error)
	// Logger receives panics at level error; temporary failures of Accept, connections that
	// are reset because of a limit, and connections that are never closed at level warn; and
	// other connections without an agreement at level debug. Peers can cause any number of
	// errors and warnings, so that one of each kind is logged in 10 s; the attribute
	// suppressed counts those before it that were not. If nil, it is [slog.Default].
	Logger *slog.Logger

	mu            sync.Mutex
	registry      registry
	expiryTimer   *time.Timer
	expiry        time.Duration // when expiryTimer fires, from the registry's epoch, or 0
	serving       map[*net.Listener]bool
	traces        sync.Map // of *conn to *tracing
	detectOnce    sync.Once
	detectConfig  *tls.Config // for DetectTLS
	listeners     map[*Listener]bool
	shutdownHooks []func()
	quit          chan struct{} // closed by Shutdown and Close; made by Serve
	freed         chan struct{} // receives after connections have ended; made by Serve
	warned        throttle
	stopping      bool          // Shutdown or Close was called
	busy          int           // connections, links, calls of Serve, and queued connections
	idle          chan struct{} // closed when busy is 0; made by Shutdown
	stats         Stats
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// ListenAndServe listens on the TCP address Addr and serves the connections as
// [Server.Serve] does. It always returns a non-nil error: that of [net.Listen] or of
// Serve.
func (s *Server) ListenAndServe() error {
	l, err := s.listen()
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// ListenAndServeTLS listens on the TCP address Addr and serves the connections as
// [Server.ServeTLS] does, with the same two files. It always returns a non-nil error.
func (s *Server) ListenAndServeTLS(certFile, keyFile string) error {
	l, err := s.listen()
	if err != nil {
		return err
	}
	return s.ServeTLS(l, certFile, keyFile)
}

func (s *Server) listen() (net.Listener, error) {
	addr := s.Addr
	if addr == "" {
		addr = ":0"
	}
	return net.Listen("tcp", addr)
}

// ServeTLS accepts TLS connections from l with the configuration TLSConfig, completed by
// [Server.ConfigureTLS], and serves them as [Server.Serve] does. certFile and keyFile name
// PEM files with a certificate and its private key, which replace the certificates of
// TLSConfig; both must be empty if TLSConfig is to be used unchanged. ServeTLS closes l
// before it returns, also if a file cannot be read.
func (s *Server) ServeTLS(l net.Listener, certFile, keyFile string) error {
	config := s.TLSConfig
	if certFile != "" || keyFile != "" {
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			l.Close()
			return err
		}
		if config = config.Clone(); config == nil {
			config = new(tls.Config)
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return s.Serve(tls.NewListener(l, s.ConfigureTLS(config)))
}

// ServeConn serves one connection that the caller has accepted, in the caller's goroutine,
// and returns when its handler has returned. It takes ownership of conn in every case, and
// counts it like a connection that Serve has accepted.
//
// The error is nil if a handler was called and returned, a [*PanicError] if it panicked,
// [ErrAbortHandler] if it panicked with that, [ErrServerClosed] after Shutdown or Close,
// and otherwise the error that ConnError receives.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	c := s.track(conn, nil)
	if c == nil {
		s.reset(conn)
		return ErrServerClosed
	}
	return c.serve(ctx)
}
