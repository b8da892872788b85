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
	// ErrServerClosed is returned by Serve and its like after Shutdown or Close,
	// and is why connections were cut by these.
	ErrServerClosed = errors.New("netmux: server closed")
	// ErrHalfOpen is why a half-open connection was cut for another one.
	ErrHalfOpen = errors.New("netmux: too many half-open connections")
	// ErrBacklog is why a connection was reset on which a protocol was agreed:
	// too many wait for the Accept of its [Listener].
	ErrBacklog = errors.New("netmux: too many connections wait for Accept")
	// ErrAbortHandler is for handlers to panic with: the connection is reset and
	// nothing is reported.
	ErrAbortHandler = errors.New("netmux: abort the handler")
)

// Server negotiates on connections and hands them to the handlers of the
// protocols. The zero value is ready, and serves what is added to its Muxer. The
// fields are set before it is used; its methods may be called at any time, by any
// number of goroutines. A Server must not be copied, nor used again after
// Shutdown or Close.
//
// One rule holds for all limits, those of Muxer.Limits included: zero is the default that
// the field names, and a negative value, such as [multiselect.NoLimit], is no limit.
type Server struct {
	// Addr is where ListenAndServe listens, "host:port" on TCP. If empty, ":0". For
	// other networks listen with package net and use Serve.
	Addr string
	// Muxer holds the protocols, the limits of each negotiation, and what else
	// can be said about them. Limits.Timeout counts from Accept.
	Muxer multiselect.Muxer
	// TLSConfig is for ServeTLS and ListenAndServeTLS. Its NextProtos are names
	// that mean: negotiate on the encrypted connection.
	TLSConfig *tls.Config
	// MaxHalfOpen bounds the number of half-open connections. One more evicts the
	// oldest: it is reset and reported with [ErrHalfOpen]. A half-open connection
	// costs 3 to 4 KiB without TLS. Default: 4096.
	MaxHalfOpen int
	// MaxHalfOpenPerHost bounds the number of half-open connections of one host: an
	// IPv4 address, or the first 64 bits of an IPv6 address. One more evicts the
	// oldest of that host. Connections without an IP address are not counted. With
	// this limit Serve calls RemoteAddr before it accepts the next connection; that of
	// a PROXY protocol listener can block. Default: no limit, because many clients can
	// share an address behind a NAT or a load balancer.
	MaxHalfOpenPerHost int
	// Backlog bounds the number of connections that wait for the Accept of each
	// [Listener]. One more is reset and reported with [ErrBacklog]. Default: 1024.
	Backlog int
	// Fallback is the protocol for clients that do not negotiate: those whose
	// first byte is not 0x13, with which every negotiation begins. The protocol is
	// given all that they have sent. If empty, such clients are cut.
	Fallback string
	// FallbackAfter is the time after which a client that has sent no byte is served
	// with Fallback, for protocols in which the server sends first. An initiator
	// that sends its first byte later than this cannot negotiate. Default: no limit;
	// a silent client is reset when Muxer.Limits.Timeout expires.
	FallbackAfter time.Duration
	// Middleware is put around each handler, the first outermost.
	Middleware []func(multiselect.Handler) multiselect.Handler
	// BaseContext returns the context that the connections of a listener begin
	// with. If nil, it is context.Background. A context that can end costs
	// half-open connections some memory; its end cuts them.
	BaseContext func(net.Listener) context.Context
	// ConnContext returns the context of a connection, made from ctx.
	ConnContext func(ctx context.Context, conn net.Conn) context.Context
	// ConnState is told how far a connection has come, by the goroutine that
	// serves it.
	ConnState func(net.Conn, ConnState)
	// ConnError is told why a connection ended that had no agreement, an
	// [*multiselect.Error] mostly; of [ErrBacklog]; and of panics: a [*PanicError].
	ConnError func(net.Conn, error)
	// Logger gets panics as errors, failing Accepts and full backlogs as warnings,
	// and all other ends without an agreement at level debug. If nil, it is
	// slog.Default.
	Logger *slog.Logger

	mu            sync.Mutex
	epoch         time.Time // what conn.born counts from
	halfOpen      ring
	hosts         map[string]*host
	active        ring
	expiryTimer   *time.Timer
	serving       map[*net.Listener]bool
	inBand        sync.Map // names of ALPN that mean: negotiate
	listeners     map[*Listener]bool
	shutdownHooks []func()
	quit          chan struct{} // closed when stopping; made by Serve
	stopping      bool          // Shutdown or Close was called
	busy          int           // connections, calls of Serve, and what waits for Accept
	idle          chan struct{} // closed when busy is 0; made by Shutdown
	stats         Stats
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

// ListenAndServe listens on Addr and serves.
func (s *Server) ListenAndServe() error {
	l, err := s.listen()
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// ListenAndServeTLS listens on Addr and serves as ServeTLS does.
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

// ServeTLS serves TLS on l. The files may be empty if TLSConfig has certificates.
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

// Serve accepts connections from l, which it closes in the end, and serves each
// in a goroutine of its own. It returns why l does not accept any more, after
// Shutdown and Close [ErrServerClosed]. What is no lasting failure, such as too many
// open files, is waited out: half-open connections are cut meanwhile.
//
// One Server may serve several listeners. Connections of type [*tls.Conn] are
// served as ServeTLS does; let [Server.ConfigureTLS] make their configuration.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.addServing(&l) {
		return ErrServerClosed
	}
	defer s.removeServing(&l)
	base := context.Background()
	if s.BaseContext != nil {
		if base = s.BaseContext(l); base == nil {
			panic("netmux: BaseContext returned nil")
		}
	}
	pause := minPause
	for {
		raw, err := l.Accept()
		switch {
		case err == nil:
			pause = minPause
			s.startConn(base, raw)
		case s.isStopping():
			return ErrServerClosed
		case !isTemporary(err):
			return err
		default:
			s.logger().Warn("netmux: cannot accept now", "listener", l.Addr(), "err", err, "again in", pause)
			s.evictOldest()
			select {
			case <-time.After(pause):
			case <-s.quit:
			}
			pause = min(2*pause, maxPause)
		}
	}
}

const minPause, maxPause = time.Millisecond, time.Second

func isTemporary(err error) bool {
	temporary, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && temporary.Temporary()
}

func (s *Server) startConn(base context.Context, raw net.Conn) {
	c, evicted := s.track(raw)
	s.resetAll(evicted)
	if c == nil {
		resetConn(raw)
		return
	}
	go c.serve(base)
}

// ServeConn serves one connection that was accepted elsewhere, in the goroutine
// of the caller. It returns why no protocol was agreed on, or a [*PanicError], or
// nil when the handler has returned. In any case the connection is not the
// caller's any more. It counts as those that Serve accepts.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	c, evicted := s.track(conn)
	s.resetAll(evicted)
	if c == nil {
		resetConn(conn)
		return ErrServerClosed
	}
	return c.serve(ctx)
}

func (s *Server) addServing(l *net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	if s.serving == nil {
		s.serving = make(map[*net.Listener]bool)
		s.quit = make(chan struct{})
	}
	s.serving[l] = true
	s.busy++
	return true
}

func (s *Server) removeServing(l *net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.serving, l)
	s.done()
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}
