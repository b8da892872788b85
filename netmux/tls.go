package netmux

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// ConfigureTLS returns a copy of config, which may be nil, for listeners whose
// connections are served by s: what is registered in s.Muxer when a client says
// hello can be agreed on by ALPN. config.NextProtos are names that mean: negotiate
// on the encrypted connection. Its GetConfigForClient is asked first.
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

// selectALPN returns the first name of the initiator's that is registered, or
// means that the protocol will be negotiated. If there is none, it returns a name
// that the initiator has not offered; package tls makes that an alert.
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

// handshake does that of TLS. It returns a handler if ALPN has agreed on its
// protocol.
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
