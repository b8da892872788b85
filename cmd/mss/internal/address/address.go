package address

import (
	"errors"
	"fmt"
	"net"
	"strings"

	peerid "github.com/libp2p/go-libp2p/core/peer"
)

// Address is where a peer listens, or where this side does.
type Address struct {
	Form  Form
	Where string // host:port, or the path of a socket

	// Of a multiaddr only.
	family string    // "4" or "6" if it says which, else empty
	ID     peerid.ID // the identity that the other end must prove, if not empty
	multi  string    // as it was written
}

// Form is the kind of an address. It determines the layers below a stream.
type Form uint8

const (
	TCP        Form = iota // host:port, tcp://host:port
	Unix                   // unix:PATH
	TLS                    // tls://host:port
	QUIC                   // quic://host:port: each stream is one of QUIC
	Yamux                  // yamux://host:port: yamux on one TCP connection
	Libp2p                 // a multiaddr with tcp: security and muxer are negotiated
	Libp2pQUIC             // a multiaddr with quic-v1
)

// HasCertificates reports whether there are certificates to be shown and trusted.
func (f Form) HasCertificates() bool { return f == TLS || f == QUIC }

// IsMultiplexed reports whether one connection carries many streams.
func (f Form) IsMultiplexed() bool { return f >= QUIC }

// IsLibp2p reports whether the other end is a libp2p peer, with an identity.
func (f Form) IsLibp2p() bool { return f >= Libp2p }

// Carrier names what carries one negotiation.
func (f Form) Carrier() string {
	if f.IsMultiplexed() {
		return "stream"
	}
	return "connection"
}

// schemes are the forms that begin with a scheme.
var schemes = map[string]Form{"tcp": TCP, "tls": TLS, "quic": QUIC, "yamux": Yamux}

// addressForms lists the forms of addresses for help texts and errors.
const addressForms = "host:port, unix:PATH, tls://host:port, quic://host:port, yamux://host:port or a multiaddr such as /ip4/127.0.0.1/tcp/4001/p2p/ID"

// Parse reads an address: host:port or tcp://host:port, unix:PATH, tls://host:port,
// quic://host:port, yamux://host:port, or a multiaddr with tcp or udp/quic-v1. Its error
// shows the address and the forms.
func Parse(s string) (Address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return Address{}, fmt.Errorf("address %q has no path: write unix:PATH", s)
		}
		return Address{Form: Unix, Where: path}, nil
	}
	if s == "" {
		return Address{}, fmt.Errorf("the address is empty: write %s", addressForms)
	}
	if strings.HasPrefix(s, "/") {
		return parseMultiaddr(s)
	}
	hostPort, form := s, TCP
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		known := false
		if form, known = schemes[scheme]; !known {
			return Address{}, fmt.Errorf("address %q has a form that mss does not support: write %s", s, addressForms)
		}
		hostPort = rest
	}
	if err := CheckHostPort(hostPort); err != nil {
		return Address{}, fmt.Errorf("address %q: %v: write %s", s, err, addressForms)
	}
	return Address{Form: form, Where: hostPort}, nil
}

// CheckHostPort returns an error for a string that is no host:port. The host may be
// empty, and the port a name. The error does not repeat the string.
func CheckHostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if e, ok := err.(*net.AddrError); ok {
		err = errors.New(e.Err)
	}
	return err
}

// String returns the form that [Parse] reads.
func (a Address) String() string {
	switch a.Form {
	case Unix:
		return "unix:" + a.Where
	case TLS:
		return "tls://" + a.Where
	case QUIC:
		return "quic://" + a.Where
	case Yamux:
		return "yamux://" + a.Where
	case Libp2p, Libp2pQUIC:
		return a.multi
	}
	return a.Where
}

// Network returns package net's name for the network of the socket.
func (a Address) Network() string {
	switch a.Form {
	case Unix:
		return "unix"
	case QUIC, Libp2pQUIC:
		return "udp" + a.family
	}
	return "tcp" + a.family
}

// Loopback is a free port that only this machine can reach.
var Loopback = Address{Where: "127.0.0.1:0"}
