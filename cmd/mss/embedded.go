package main

import (
	"github.com/multiselect/multiselect"
)

// startEmbedded starts the responder that is the peer without --to. It serves the
// protocols of "mss serve" without arguments, on a loopback port of this process,
// so that verbs treat it like any other peer.
func startEmbedded() (*peer, error) { return startEmbeddedAt(loopback) }

// startEmbeddedAt starts the embedded responder on another form of address.
func startEmbeddedAt(a address) (*peer, error) {
	return startServing(a, defaultRoutes(), multiselect.Limits{})
}

// startServing starts an embedded responder with other protocols.
func startServing(a address, routes []route, limits multiselect.Limits) (*peer, error) {
	srv, err := newServer(routes, limits, new(serverLog))
	if err != nil {
		return nil, err
	}
	ln, err := srv.listen(a, new(certificates))
	if err != nil {
		return nil, err
	}
	go srv.accept(ln)
	stop := func() {
		ln.Close()
		srv.end()
	}
	return newEmbeddedPeer(ln.address, &trust{pin: ln.print}, stop), nil
}
