package serving

import (
	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// StartEmbedded starts the responder that is the peer without --to, at an address of
// this process, so that verbs treat it like any other peer. It serves the protocols
// of "mss serve" without arguments.
func StartEmbedded(a address.Address) (*attempt.Peer, error) {
	return StartEmbeddedWith(a, defaultRoutes(), multiselect.Limits{})
}

// StartEmbeddedWith starts an embedded responder with other protocols.
func StartEmbeddedWith(a address.Address, routes []Route, limits multiselect.Limits) (*attempt.Peer, error) {
	srv, err := New(Config{Routes: routes, Limits: limits, Log: new(Log)})
	if err != nil {
		return nil, err
	}
	ln, err := srv.Listen(a, new(transport.Certificates))
	if err != nil {
		return nil, err
	}
	go srv.Serve(ln)
	return attempt.NewEmbeddedPeer(ln.Address, &transport.Trust{Pin: ln.Fingerprint}, srv.End), nil
}
