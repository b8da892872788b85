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
	// no ALPN, set NextProtos to an empty slice that is not nil.
	TLSConfig *tls.Config
	// Lazy saves the round trip of the negotiation if there is only one protocol to
	// propose: Protocols has one element, or the cache holds the protocol of the peer.
	// The connection is then a [*multiselect.LazyStream], which sends the proposal with
	// the first bytes written. Over TLS it is another type, which has in addition the
	// method ConnectionState. If the peer refuses, the first Read fails with
	// [multiselect.ErrNotSupported], and the next dial proposes all Protocols.
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
// [*net.OpError] that wraps the error of the TLS handshake or the [*multiselect.Error] of the
// negotiation. If the peer supports none of Protocols, [errors.Is] finds
// [multiselect.ErrNotSupported] in it.
//
// DialContext can be the DialContext of a [net/http.Transport], and its DialTLSContext if
// TLSConfig is set. For HTTP/2 put "h2" into Protocols and set ForceAttemptHTTP2 of the
// Transport.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, _, err := d.DialProtocol(ctx, network, addr)
	return conn, err
}

// ContextDialer returns DialContext for one network, as a function for grpc.WithContextDialer.
func (d *Dialer) ContextDialer(network string) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, network, addr) }
}

// DialProtocol is [Dialer.DialContext], and returns in addition the protocol that was agreed
// on. On a lazy stream it is the protocol that will be proposed.
func (d *Dialer) DialProtocol(ctx context.Context, network, addr string) (conn net.Conn, protocol string, err error) {
	if len(d.Protocols) == 0 {
		return nil, "", newDialError(network, multiselect.ErrNoProtocols)
	}
	connect := d.NetDialContext
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	if conn, err = connect(ctx, network, addr); err != nil {
		return nil, "", err
	}
	k := cacheKey{network, addr}
	if d.TLSConfig != nil {
		conn, protocol, err = d.handshake(ctx, conn, addr)
	}
	if err == nil && protocol == "" {
		conn, protocol, err = d.negotiate(ctx, conn, k)
	}
	if err != nil {
		return nil, "", newDialError(network, err)
	}
	return conn, protocol, nil
}

// newDialError wraps an error as functions of package net do.
func newDialError(network string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Err: err}
}

// negotiate proposes the cached protocol of the peer first, if there is one, and then all of
// Protocols.
func (d *Dialer) negotiate(ctx context.Context, conn net.Conn, k cacheKey) (net.Conn, string, error) {
	protocols := d.Protocols
	known := d.lookup(k)
	if known != "" {
		protocols = []string{known}
	}
	if d.Lazy && len(protocols) == 1 {
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
	if _, ok := conn.(*tls.Conn); ok {
		return &lazyTLSConn{stream}, nil
	}
	return stream, nil
}

// lazyTLSConn is a lazy stream on a TLS connection, and has its ConnectionState.
type lazyTLSConn struct{ *multiselect.LazyStream }

func (c *lazyTLSConn) ConnectionState() tls.ConnectionState {
	return c.Stream().(*tls.Conn).ConnectionState()
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
	if t := timeout(&d.Client.Limits); t != never {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	tlsConn := tls.Client(conn, config)
	if err := tlsConn.HandshakeContext(ctx); err != nil {
		conn.Close()
		if isALPNRefusal(err) {
			err = fmt.Errorf("%w: %w", multiselect.ErrNotSupported, err)
		}
		return nil, "", err
	}
	protocol := tlsConn.ConnectionState().NegotiatedProtocol
	if !slices.Contains(d.Protocols, protocol) {
		protocol = ""
	}
	return tlsConn, protocol, nil
}

// isALPNRefusal reports whether err is the alert no_application_protocol (RFC 7301) of the
// peer. It compares texts, because package tls does not export the alert.
func isALPNRefusal(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && remote.Err.Error() == tls.AlertError(120).Error()
}

// isInvalidALPN reports whether a name cannot be offered by ALPN (RFC 7301).
func isInvalidALPN(name string) bool { return len(name) > 255 || name == "" }
