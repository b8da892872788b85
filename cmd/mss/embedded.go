package main

import (
	"github.com/multiselect/multiselect"
)

// startEmbedded starts the responder that is the peer where --to is not given:
// what "mss serve" without arguments serves, on a loopback port of this process,
// so that a verb does the same things as with any other peer.
func startEmbedded() (*peer, error) { return startEmbeddedAt(defaultListen) }

// startEmbeddedAt starts it on another form of address.
func startEmbeddedAt(a address) (*peer, error) {
	return startServing(a, defaultRoutes(), multiselect.Limits{})
}

// startServing starts one that serves something else.
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
	p := &peer{address: ln.address, trust: &trust{pin: ln.print}}
	p.stop = func() {
		p.leave()
		ln.Close()
		srv.end()
	}
	return p, nil
}
