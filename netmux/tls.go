package netmux

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// ConfigureTLS returns a copy of config for a TLS listener whose connections are passed to
// [Server.Serve]. With it, ALPN can agree on each protocol that is registered in Muxer when the
// ClientHello arrives. The names in config.NextProtos are different: if ALPN agrees on one of
// them, the peers negotiate on the encrypted connection.
//
// If config has a GetConfigForClient, the copy calls it for each ClientHello, and its result
// takes the place of config. config is not changed; nil is an empty configuration.
func (s *Server) ConfigureTLS(config *tls.Config) *tls.Config {
	if config == nil {
		config = new(tls.Config)
	}
	base, choose := config.Clone(), config.GetConfigForClient
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		chosen := base
		if choose != nil {
			switch c, err := choose(hello); {
			case err != nil:
				return nil, err
			case c != nil:
				chosen = c
			}
		}
		answer := chosen.Clone()
		answer.NextProtos = []string{s.selectALPN(hello.SupportedProtos, chosen.NextProtos)}
		return answer, nil
	}
	return config
}

// selectALPN returns the first offered name that is registered at this moment (R16), or after
// which the peers negotiate. If there is none, it returns the header, which the initiator has
// not offered, so that package tls sends the alert no_application_protocol.
func (s *Server) selectALPN(offered, negotiating []string) string {
	for _, name := range offered {
		if slices.Contains(negotiating, name) {
			s.inBand.Store(name, nil)
			return name
		}
		if name == wire.Header || s.Muxer.Handler(name) != nil {
			return name
		}
	}
	return wire.Header
}

// handshake runs the TLS handshake. It returns the handler of the protocol that ALPN has agreed
// on, or nil if the peers still have to negotiate.
func (c *conn) handshake(ctx context.Context, t *tls.Conn) (protocol string, h multiselect.Handler, err error) {
	if err := t.HandshakeContext(ctx); err != nil {
		return "", nil, fmt.Errorf("netmux: TLS handshake: %w", err)
	}
	protocol = t.ConnectionState().NegotiatedProtocol
	if _, ok := c.server.inBand.Load(protocol); !ok && protocol != "" {
		h = c.server.Muxer.Handler(protocol)
	}
	return protocol, h, nil
}
