package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/multiselect/multiselect"
)

// Dialer opens connections and agrees with each peer on one of its protocols. Protocols must
// be set; all other fields are optional.
//
// The fields must be set before the Dialer is used. Its methods may be called concurrently. A
// Dialer must not be copied after its first use.
//
// One rule holds for all limits, those of Client.Limits included: zero is the default that the
// field names, and a negative value, such as [multiselect.NoLimit], is no limit.
type Dialer struct {
	// Protocols are the protocols to propose, in order of preference. The peer agrees to
	// the first that it supports.
	Protocols []string
	// Client holds the limits and options of the negotiation. Limits.Timeout, 10 s by
	// default, bounds the TLS handshake, and then, separately, the negotiation (R24).
	// Neither bounds the time for connecting: ctx and NetDialContext do.
	Client multiselect.Client
	// NetDialContext opens the connection. If nil, it is the DialContext of a zero
	// [net.Dialer].
	NetDialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSConfig, if not nil, makes the Dialer run a TLS handshake on the connection. If
	// ServerName is empty, the host of the address is used. If NextProtos is nil,
	// Protocols are offered by ALPN, unless one of them has more than 255 bytes; a peer
	// that does not support ALPN then negotiates on the encrypted connection. To offer
	// no ALPN, set NextProtos to an empty slice that is not nil: a proxy that ends TLS
	// before a server that negotiates may accept only the names of HTTP.
	TLSConfig *tls.Config
	// Lazy saves the round trip of the negotiation if there is only one protocol to
	// propose: Protocols has one element, or the cache holds the protocol of the peer.
	// The connection is then a [*multiselect.LazyStream], which sends the proposal with
	// the first bytes written, or 50 ms after the dial if it was not used until then, so
	// that the server does not reset it as half-open while it waits in a pool. Over TLS
	// it is another type, which has in addition the method ConnectionState. If the peer
	// refuses, the first Read fails with [multiselect.ErrNotSupported], and the next dial
	// proposes all Protocols.
	Lazy bool
	// NoCache turns the cache off, so that each dial proposes Protocols in their order.
	// The cache holds, for each network and address, the protocol that was agreed on
	// by negotiation. The next dial proposes it first, until it is refused.
	NoCache bool
	// CacheSize bounds the number of addresses in the cache. One more evicts the
	// address that was dialed least recently. Default: 1024.
	CacheSize int
	// CacheTTL is the time after which an address leaves the cache, so that a peer that
	// was upgraded is asked for an earlier element of Protocols again. Default: 1 hour.
	CacheTTL time.Duration

	cache protocolCache
}

// DialContext connects to addr and agrees on a protocol. network and addr are those of
// [net.Dial]. The connection is the one that NetDialContext returned, or a [*tls.Conn] on it,
// without a wrapper; with Lazy it can be a lazy stream. The caller must close it.
//
// If ctx ends before DialContext returns, the connection is closed; afterwards ctx has no
// effect on it. An error of NetDialContext is returned unchanged. Any other error is a
// [*net.OpError] with the address: the remote address of the connection or, with a
// NetDialContext, which may connect to a proxy, addr. It wraps a [*multiselect.Error], also if
// the TLS handshake has failed: then Protocols holds what was offered by ALPN. If the peer
// supports none of Protocols, [errors.Is] finds [multiselect.ErrNotSupported] in it.
//
// DialContext can be the DialContext of a [net/http.Transport], and its DialTLSContext if
// TLSConfig is set. For HTTP/2 put "h2" into Protocols and set ForceAttemptHTTP2 of the
// Transport, which otherwise speaks HTTP/1.1 on every connection of a DialTLSContext. For
// HTTP/2 without TLS, Transport.Protocols must have UnencryptedHTTP2 and not HTTP1.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, _, err := d.DialProtocol(ctx, network, addr)
	return conn, err
}

// ContextDialer returns DialContext for one network, as a function for grpc.WithContextDialer.
//
// grpc.NewClient resolves the name of its target first, so that the function is called with an
// IP address. With a TLSConfig, set its ServerName, or write the target as
// "passthrough:///host:port", so that the name reaches the Dialer and its certificate is
// checked for the host. gRPC itself then needs insecure.NewCredentials.
func (d *Dialer) ContextDialer(network string) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, network, addr) }
}

// DialProtocol is [Dialer.DialContext], and returns in addition the protocol that was agreed
// on. On a lazy stream it is the protocol that will be proposed.
func (d *Dialer) DialProtocol(ctx context.Context, network, addr string) (net.Conn, string, error) {
	if len(d.Protocols) == 0 {
		err := &multiselect.Error{Role: multiselect.Initiator, Err: multiselect.ErrNoProtocols}
		return nil, "", d.newDialError(network, addr, nil, err)
	}
	connect := d.NetDialContext
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	below, err := connect(ctx, network, addr)
	if err != nil {
		return nil, "", err
	}
	conn, protocol := below, ""
	trace := beginTrace(ctx, multiselect.Initiator)
	if d.TLSConfig != nil {
		conn, protocol, err = d.handshake(ctx, below, addr)
	}
	if err == nil && protocol == "" {
		conn, protocol, err = d.negotiate(trace.context(ctx), trace, conn, cacheKey{network, addr})
	}
	if trace != nil && !trace.lazy {
		trace.end(protocol, err)
	}
	if err != nil {
		return nil, "", d.newDialError(network, addr, below, err)
	}
	return conn, protocol, nil
}

// newDialError wraps an error as functions of package net do.
func (d *Dialer) newDialError(network, addr string, conn net.Conn, err error) error {
	e := &net.OpError{Op: "dial", Net: network, Addr: dialAddr{network, addr}, Err: err}
	if conn != nil {
		e.Source = conn.LocalAddr()
		if remote := conn.RemoteAddr(); remote != nil && d.NetDialContext == nil {
			e.Addr = remote
		}
	}
	return e
}

// dialAddr is an address as the caller of a Dialer names it.
type dialAddr struct{ network, addr string }

func (a dialAddr) Network() string { return a.network }
func (a dialAddr) String() string  { return a.addr }

// negotiate proposes the cached protocol of the peer first, if there is one, and then all of
// Protocols.
func (d *Dialer) negotiate(ctx context.Context, trace *tracing, conn net.Conn, k cacheKey) (net.Conn, string, error) {
	protocols := d.Protocols
	known := d.lookup(k)
	if known != "" {
		protocols = []string{known}
	}
	if d.Lazy && len(protocols) == 1 {
		trace.setLazy()
		lazy, err := d.openLazy(ctx, conn, k, protocols[0])
		return lazy, protocols[0], err
	}
	if known != "" {
		protocols = append(protocols, d.Protocols...) // a name listed twice is proposed once
	}
	protocol, err := d.Client.SelectOneOf(ctx, conn, protocols...)
	d.store(k, known, protocol, err)
	return conn, protocol, err
}

// unusedLazy is the time after which an unused lazy connection sends its proposal.
const unusedLazy = 50 * time.Millisecond

// openLazy returns a lazy stream that stores its outcome in the cache.
func (d *Dialer) openLazy(ctx context.Context, conn net.Conn, k cacheKey, protocol string) (net.Conn, error) {
	if d.usesCache() {
		ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) {
			d.store(k, protocol, o.Protocol, o.Err)
		}})
	}
	stream, err := d.Client.Lazy(ctx, conn, protocol)
	if err != nil {
		return nil, err
	}
	stream.FlushAfter(unusedLazy)
	if t, ok := conn.(tlsStater); ok {
		return &lazyTLSConn{stream, t}, nil
	}
	return stream, nil
}

// lazyTLSConn is a lazy stream on a TLS connection, and has its ConnectionState.
type lazyTLSConn struct {
	*multiselect.LazyStream
	tlsStater
}

// handshake runs the TLS handshake. The protocol is empty if ALPN has not agreed on one of
// Protocols.
func (d *Dialer) handshake(ctx context.Context, conn net.Conn, addr string) (net.Conn, string, error) {
	config := d.TLSConfig.Clone()
	if config.ServerName == "" {
		config.ServerName = addr
		if host, _, err := net.SplitHostPort(addr); err == nil {
			config.ServerName = host
		}
	}
	if config.NextProtos == nil && !slices.ContainsFunc(d.Protocols, isInvalidALPN) {
		config.NextProtos = d.Protocols
	}
	start := time.Now()
	if t := timeout(&d.Client.Limits); t != never {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	tlsConn := tls.Client(conn, config)
	if err := tlsConn.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, "", newHandshakeError(err, config.NextProtos, time.Since(start))
	}
	protocol := tlsConn.ConnectionState().NegotiatedProtocol
	if !slices.Contains(d.Protocols, protocol) {
		protocol = ""
	}
	return tlsConn, protocol, nil
}

// newHandshakeError returns the error of an initiator's TLS handshake that offered names by ALPN.
func newHandshakeError(err error, offered []string, elapsed time.Duration) *multiselect.Error {
	e := &multiselect.Error{
		Role:      multiselect.Initiator,
		Protocols: slices.Clone(offered),
		Elapsed:   elapsed,
		Err:       fmt.Errorf("TLS handshake: %w", err),
	}
	if len(offered) > 0 {
		e.Phase = multiselect.PhaseProposal
	}
	if isALPNRefusal(err) {
		e.Err = fmt.Errorf("%w: %w", multiselect.ErrNotSupported, e.Err)
	}
	return e
}

// isALPNRefusal reports whether err is the alert no_application_protocol (RFC 7301) of the
// peer. It compares texts, because package tls does not export the alert.
func isALPNRefusal(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && remote.Err.Error() == tls.AlertError(120).Error()
}

// isInvalidALPN reports whether a name cannot be offered by ALPN (RFC 7301).
func isInvalidALPN(name string) bool { return len(name) > 255 || name == "" }
