package netmux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// ConfigureTLS returns a copy of config for a TLS listener whose connections are passed to
// [Server.Serve]. With it, ALPN can agree on each protocol that is registered in Muxer when the
// ClientHello arrives. The names in config.NextProtos are different: unless they are registered,
// the peers negotiate on the encrypted connection after ALPN has agreed on one of them.
//
// "acme-tls/1" in NextProtos is the name of a challenge of ACME, which ends with the handshake:
// the connection is then closed, and counted in [Stats].Answered. So the configurations of
// packages autocert and certmagic can be used as they are, with "h2" and "http/1.1" registered
// or not.
//
// If config has a GetConfigForClient, the copy calls it for each ClientHello, and its result
// takes the place of config for that connection. The NextProtos of that result are a decision
// of the program: after these names the peers negotiate although a protocol of the same name
// is registered. Only "h2" and "http/1.1", which mean HTTP everywhere, are still agreed on if
// they are registered. config is not changed; nil is an empty configuration.
func (s *Server) ConfigureTLS(config *tls.Config) *tls.Config {
	if config == nil {
		config = new(tls.Config)
	}
	base, choose := config.Clone(), config.GetConfigForClient
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		chosen, own := base, false
		if choose != nil {
			switch c, err := choose(hello); {
			case err != nil:
				return nil, err
			case c != nil:
				chosen, own = c, true
			}
		}
		a := s.selectALPN(hello.SupportedProtos, chosen.NextProtos, own)
		if record, ok := hello.Context().Value(alpnKey{s}).(*alpn); ok {
			*record = a
		}
		answer := chosen.Clone()
		answer.NextProtos = []string{a.name}
		return answer, nil
	}
	return config
}

// alpn is what a server has selected for one ClientHello.
type alpn struct {
	offered []string
	name    string // the header if no offered name was accepted
	// The protocol that is agreed on by name; nil if the peers negotiate after it.
	handler multiselect.Handler
}

// alpnKey is the key of a *alpn in the context of a handshake, which GetConfigForClient of the
// same server sets.
type alpnKey struct{ *Server }

// acmeTLS is the name of the challenge of ACME (RFC 8737).
const acmeTLS = "acme-tls/1"

// errChallenge ends a connection after a handshake for a challenge of ACME. No protocol follows.
var errChallenge = errors.New("netmux: the handshake was an ACME challenge")

// selectALPN selects the first offered name that is accepted at this moment (R16). If there is
// none, it selects the header, which the initiator has not offered, so that package tls sends
// the alert no_application_protocol. The names in next are those after which the peers
// negotiate; own reports that the program has chosen them for this client.
func (s *Server) selectALPN(offered, next []string, own bool) alpn {
	for _, name := range offered {
		listed, h := slices.Contains(next, name), s.Muxer.Handler(name)
		if listed && (own && !isHTTP(name) || !s.isRegistered(name)) {
			h = nil
		}
		if listed || h != nil || name == wire.Header {
			return alpn{offered, name, h}
		}
	}
	return alpn{offered, wire.Header, nil}
}

func isHTTP(name string) bool { return name == "h2" || name == "http/1.1" }

// isRegistered reports whether a name has a handler of its own, and not only a matcher.
func (s *Server) isRegistered(name string) bool {
	for p := range s.Muxer.Handlers() {
		if p == name {
			return true
		}
	}
	return false
}

// tlsConn is a connection over TLS: a [*tls.Conn], or a type of another package that embeds one.
type tlsConn interface {
	net.Conn
	HandshakeContext(ctx context.Context) error
	ConnectionState() tls.ConnectionState
}

// handshake runs the TLS handshake. It returns the handler of the protocol that ALPN has agreed
// on, or nil if the peers still have to negotiate.
func (c *conn) handshake(ctx context.Context, t tlsConn) (protocol string, h multiselect.Handler, err error) {
	start := time.Now()
	var a alpn
	if err := t.HandshakeContext(context.WithValue(ctx, alpnKey{c.server}, &a)); err != nil {
		elapsed := time.Since(start)
		drainAfterAlert(t)
		return "", nil, a.failure(err, elapsed)
	}
	protocol = t.ConnectionState().NegotiatedProtocol
	if a.name != protocol { // the handshake was run before, or the configuration is foreign
		a.handler = c.server.Muxer.Handler(protocol)
	}
	if a.handler == nil && protocol == acmeTLS {
		return "", nil, errChallenge
	}
	return protocol, a.handler, nil
}

// alertGrace is the time between an alert and the reset of the connection.
const alertGrace = 500 * time.Millisecond

// drainAfterAlert lets the alert of a failed handshake reach the client, which may already be
// sending: a reset would make its write fail before it reads why. The connection still counts
// as half-open and can be evicted.
func drainAfterAlert(t tlsConn) {
	wrapper, ok := t.(interface{ NetConn() net.Conn })
	if !ok {
		return
	}
	conn := wrapper.NetConn()
	if half, ok := conn.(closeWriter); ok && half.CloseWrite() == nil && conn.SetReadDeadline(time.Now().Add(alertGrace)) == nil {
		io.Copy(io.Discard, io.LimitReader(conn, maxDrained))
	}
}

const maxDrained = 64 << 10 // bytes

// failure returns the error of a handshake. If no offered name was accepted, that is a final
// refusal of all of them.
func (a *alpn) failure(err error, elapsed time.Duration) error {
	e := &multiselect.Error{Role: multiselect.Responder, Elapsed: elapsed, Err: fmt.Errorf("TLS handshake: %w", err)}
	if a.name == wire.Header && len(a.offered) > 0 && !slices.Contains(a.offered, a.name) {
		e.Phase = multiselect.PhaseProposal
		e.Err = fmt.Errorf("%w: %w", multiselect.ErrGaveUp, e.Err)
		size := 0
		for _, name := range a.offered {
			if size += len(name); size > maxRefused {
				break
			}
			e.Protocols = append(e.Protocols, name)
		}
	}
	return e
}

// maxRefused is the number of bytes of refused names in an error, as in package multiselect.
const maxRefused = 1024
