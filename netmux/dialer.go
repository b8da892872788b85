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

// Dialer connects and agrees on one of its protocols. Its fields are set before it
// is used; any number of goroutines may use it. It must not be copied.
//
// One rule holds for all limits, those of Client.Limits included: zero is the default that
// the field names, and a negative value, such as [multiselect.NoLimit], is no limit.
type Dialer struct {
	// Protocols are proposed in this order, until the peer agrees to one.
	Protocols []string
	// Client holds the limits of the negotiation, and what else can be said about
	// it. Limits.Timeout bounds the TLS handshake, and then the negotiation.
	Client multiselect.Client
	// NetDialContext connects. If nil, it is that of a zero [net.Dialer].
	NetDialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSConfig, if not nil, is for a TLS handshake on the connection. If it has no
	// ServerName, that is the host of the address. If its NextProtos are nil, it
	// offers Protocols by ALPN; a server that speaks no ALPN is then asked by
	// multistream-select. To offer nothing make them empty and not nil.
	TLSConfig *tls.Config
	// Lazy saves the round trip of the negotiation: the connection is a
	// [*multiselect.LazyStream], over TLS something with its methods and with
	// ConnectionState, where there is one protocol to propose, because
	// Protocols has one or because it is remembered. A refusal is then the error of
	// its first Read, and the next call proposes all of Protocols.
	Lazy bool
	// NoCache turns the cache off, so that each dial proposes Protocols in their order.
	// The cache holds, for each network and address, the protocol that was agreed on.
	// The next dial proposes it first, until it is refused.
	NoCache bool
	// CacheSize bounds the number of addresses in the cache. One more evicts the
	// address that was dialed least recently. Default: 1024.
	CacheSize int
	// CacheTTL is the time after which an address leaves the cache, so that a peer that
	// was upgraded is asked for an earlier element of Protocols again. Default: 1 hour.
	CacheTTL time.Duration

	cache protocolCache
}

// DialContext connects and negotiates. It fits [net/http.Transport]'s DialContext
// and DialTLSContext. The connection is that of NetDialContext, or a [*tls.Conn],
// and no wrapper, unless it is lazy.
//
// An error is a [*net.OpError]; the cause is [multiselect.ErrNotSupported] if the
// peer refused all protocols, in either way. The end of ctx does not touch a
// connection that was returned.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, _, err := d.DialProtocol(ctx, network, addr)
	return conn, err
}

// ContextDialer returns DialContext for one network, in the form that
// grpc.WithContextDialer wants.
func (d *Dialer) ContextDialer(network string) func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, network, addr) }
}

// DialProtocol is DialContext, and says which protocol was agreed on, or was
// proposed if the connection is lazy.
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

func newDialError(network string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Err: err}
}

// negotiate does so on the connection.
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
		protocols = append(protocols, d.Protocols...) // the one that is there twice is proposed once
	}
	protocol, err := d.Client.SelectOneOf(ctx, conn, protocols...)
	d.store(k, known, protocol, err)
	return conn, protocol, err
}

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

// lazyTLSConn is a lazy stream that has a state of TLS.
type lazyTLSConn struct{ *multiselect.LazyStream }

func (c *lazyTLSConn) ConnectionState() tls.ConnectionState {
	return c.Stream().(*tls.Conn).ConnectionState()
}

// handshake does that of TLS. The protocol is empty if ALPN has not agreed on one.
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
	if budget := timeout(&d.Client.Limits); budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, budget)
		defer cancel()
	}
	t := tls.Client(conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		if isALPNRefusal(err) {
			err = fmt.Errorf("%w: %w", multiselect.ErrNotSupported, err)
		}
		return nil, "", err
	}
	protocol := t.ConnectionState().NegotiatedProtocol
	if !slices.Contains(d.Protocols, protocol) {
		protocol = ""
	}
	return t, protocol, nil
}

// isMismatch recognises the alert no_application_protocol (RFC 7301), whose type
// package tls keeps to itself.
func isALPNRefusal(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && remote.Err.Error() == tls.AlertError(120).Error()
}

// isTooLong reports whether ALPN has no room for a name.
func isInvalidALPN(name string) bool { return len(name) > 255 || name == "" }
