package main

import (
	"github.com/multiselect/multiselect"
)

// startEmbedded starts the responder that is the peer where --to is not given,
// on a loopback port of this process, so that a verb does the same things as with
// any other peer.
func startEmbedded(routes []route, limits multiselect.Limits) (*peer, error) {
	ln, err := defaultListen.listen()
	if err != nil {
		return nil, err
	}
	srv, err := newServer(routes, limits, new(serverLog))
	if err != nil {
		return nil, err
	}
	go srv.accept(ln)
	stop := func() {
		ln.Close()
		srv.end()
	}
	return &peer{address: bound(ln), stop: stop}, nil
}
