package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	peerid "github.com/libp2p/go-libp2p/core/peer"
)

// address is where a peer listens, or where this side does.
type address struct {
	form  form
	where string // host:port, or the path of a socket

	// Of a multiaddr only.
	family string    // "4" or "6" if it says which, else empty
	id     peerid.ID // the identity that the other end must prove, if not empty
	multi  string    // as it was written
}

// form is the kind of an address. It determines the layers below a stream.
type form uint8

const (
	formTCP        form = iota // host:port, tcp://host:port
	formUnix                   // unix:PATH
	formTLS                    // tls://host:port
	formQUIC                   // quic://host:port: each stream is one of QUIC
	formYamux                  // yamux://host:port: yamux on one TCP connection
	formLibp2p                 // a multiaddr with tcp: security and muxer are negotiated
	formLibp2pQUIC             // a multiaddr with quic-v1
)

// tls reports whether there are certificates to be shown and trusted.
func (f form) tls() bool { return f == formTLS || f == formQUIC }

// multiplexed reports whether one connection carries many streams.
func (f form) multiplexed() bool { return f >= formQUIC }

// libp2p reports whether the other end is a libp2p peer, with an identity.
func (f form) libp2p() bool { return f >= formLibp2p }

// carrier names what carries one negotiation.
func (f form) carrier() string {
	if f.multiplexed() {
		return "stream"
	}
	return "connection"
}

// schemes are the forms that begin with a scheme.
var schemes = map[string]form{"tcp": formTCP, "tls": formTLS, "quic": formQUIC, "yamux": formYamux}

// addressForms lists the forms of addresses for help texts and errors.
const addressForms = "host:port, unix:PATH, tls://host:port, quic://host:port, yamux://host:port or a multiaddr such as /ip4/127.0.0.1/tcp/4001/p2p/ID"

// parse reads an address in one of the forms that addressForms lists.
func parse(s string) (address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return address{}, fmt.Errorf("address %q has no path: write unix:PATH", s)
		}
		return address{form: formUnix, where: path}, nil
	}
	if s == "" {
		return address{}, fmt.Errorf("the address is empty: write %s", addressForms)
	}
	if strings.HasPrefix(s, "/") {
		return parseMultiaddr(s)
	}
	hostPort, form := s, formTCP
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		known := false
		if form, known = schemes[scheme]; !known {
			return address{}, fmt.Errorf("address %q has a form that mss does not support: write %s", s, addressForms)
		}
		hostPort = rest
	}
	if err := checkHostPort(hostPort); err != nil {
		return address{}, fmt.Errorf("address %q: %v: write %s", s, err, addressForms)
	}
	return address{form: form, where: hostPort}, nil
}

// checkHostPort returns an error for a string that is no host:port. The host may be
// empty, and the port a name. The error does not repeat the string.
func checkHostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if e, ok := err.(*net.AddrError); ok {
		err = errors.New(e.Err)
	}
	return err
}

// String returns the form that parse reads.
func (a address) String() string {
	switch a.form {
	case formUnix:
		return "unix:" + a.where
	case formTLS:
		return "tls://" + a.where
	case formQUIC:
		return "quic://" + a.where
	case formYamux:
		return "yamux://" + a.where
	case formLibp2p, formLibp2pQUIC:
		return a.multi
	}
	return a.where
}

// network returns package net's name for the network of the socket.
func (a address) network() string {
	switch a.form {
	case formUnix:
		return "unix"
	case formQUIC, formLibp2pQUIC:
		return "udp" + a.family
	}
	return "tcp" + a.family
}

// loopback is a free port that only this machine can reach.
var loopback = address{where: "127.0.0.1:0"}
