package address

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	peerid "github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

// multiaddrForms lists the forms of multiaddrs for errors.
const multiaddrForms = "/ip4/HOST/tcp/PORT or /ip4/HOST/udp/PORT/quic-v1 (also ip6, dns, dns4, dns6), followed by /p2p/ID to require that peer"

// parseMultiaddr reads the multiaddrs that mss supports.
func parseMultiaddr(s string) (Address, error) {
	parsed, err := multiaddr.NewMultiaddr(s)
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %v: write %s", s, err, multiaddrForms)
	}
	a := Address{multi: parsed.String()}
	var names []string
	var host, port string
	for _, c := range parsed {
		names = append(names, c.Protocol().Name)
		switch c.Code() {
		case multiaddr.P_IP4, multiaddr.P_DNS4:
			host, a.family = c.Value(), "4"
		case multiaddr.P_IP6, multiaddr.P_DNS6:
			host, a.family = c.Value(), "6"
		case multiaddr.P_DNS:
			host = c.Value()
		case multiaddr.P_TCP, multiaddr.P_UDP:
			port = c.Value()
		case multiaddr.P_P2P:
			if a.ID, err = peerid.Decode(c.Value()); err != nil {
				return Address{}, fmt.Errorf("address %q: %v", s, err)
			}
		}
	}
	a.Where = net.JoinHostPort(host, port)
	below := strings.Join(names[min(1, len(names)):], "/")
	switch strings.TrimSuffix(below, "/p2p") {
	case "tcp":
		a.Form = Libp2p
	case "udp/quic-v1":
		a.Form = Libp2pQUIC
	default:
		host = ""
	}
	if host == "" {
		return Address{}, fmt.Errorf("address %q has a form that mss does not support: write %s", s, multiaddrForms)
	}
	return a, nil
}

// Bound returns the address at which a listener on a can be dialled, with the port
// that was bound. Of a multiaddr, id is the identity of the listener.
func (a Address) Bound(addr net.Addr, id peerid.ID) Address {
	if a.Form != Unix {
		a.Where = addr.String()
	}
	if a.Form.IsLibp2p() {
		a.ID, a.multi = id, multiaddrOf(a.Form, addr, id)
	}
	return a
}

// multiaddrOf returns the multiaddr of a bound socket.
func multiaddrOf(f Form, bound net.Addr, id peerid.ID) string {
	host, port, _ := net.SplitHostPort(bound.String())
	host, _, _ = strings.Cut(host, "%") // a zone has no place in it
	family := "/ip6/"
	if ip := net.ParseIP(host); ip != nil && ip.To4() != nil {
		family = "/ip4/"
	}
	transport := "/tcp/" + port
	if f == Libp2pQUIC {
		transport = "/udp/" + port + "/quic-v1"
	}
	return family + host + transport + "/p2p/" + id.String()
}

// Libp2pForm returns the multiaddr of a libp2p peer at a host:port, or "" if the port is no
// number.
func Libp2pForm(where string) string {
	host, port, err := net.SplitHostPort(where)
	if _, atoi := strconv.Atoi(port); err != nil || atoi != nil {
		return ""
	}
	kind := "dns"
	if ip := net.ParseIP(host); ip != nil {
		kind = "ip6"
		if ip.To4() != nil {
			kind = "ip4"
		}
	}
	return "/" + kind + "/" + host + "/tcp/" + port
}
