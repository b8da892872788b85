package address

import (
	"net"
	"strings"
	"testing"

	peerid "github.com/libp2p/go-libp2p/core/peer"
)

const somePeer = "12D3KooWSGQUZeg8iSrmfMHMF4XmqfPrhXDpk7KjJyhN9qEZfRPg"

// Every form is read, and is written so that it can be read again.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		in, want string // want is empty if it is in
		form     Form
		network  string
		where    string
	}{
		{"127.0.0.1:4001", "", TCP, "tcp", "127.0.0.1:4001"},
		{"tcp://127.0.0.1:4001", "127.0.0.1:4001", TCP, "tcp", "127.0.0.1:4001"},
		{"tcp://[::1]:4001", "[::1]:4001", TCP, "tcp", "[::1]:4001"},
		{":4001", "", TCP, "tcp", ":4001"},
		{"host:http", "", TCP, "tcp", "host:http"},
		{"host:", "", TCP, "tcp", "host:"},
		{"unix:/run/a b.sock", "", Unix, "unix", "/run/a b.sock"},
		{"unix:rel", "", Unix, "unix", "rel"},
		{"tls://h:1", "", TLS, "tcp", "h:1"},
		{"quic://[::1]:1", "", QUIC, "udp", "[::1]:1"},
		{"yamux://h:1", "", Yamux, "tcp", "h:1"},
		{"/ip4/1.2.3.4/tcp/1", "", Libp2p, "tcp4", "1.2.3.4:1"},
		{"/ip6/::1/tcp/1", "", Libp2p, "tcp6", "[::1]:1"},
		{"/ip6/::1/udp/1/quic-v1", "", Libp2pQUIC, "udp6", "[::1]:1"},
		{"/dns/h/tcp/1", "", Libp2p, "tcp", "h:1"},
		{"/dns4/h/tcp/1/p2p/" + somePeer, "", Libp2p, "tcp4", "h:1"},
		{"/dns6/h/udp/1/quic-v1/p2p/" + somePeer, "", Libp2pQUIC, "udp6", "h:1"},
		{"/ip4/1.2.3.4/tcp/1/ipfs/" + somePeer, "/ip4/1.2.3.4/tcp/1/p2p/" + somePeer, Libp2p, "tcp4", "1.2.3.4:1"},
	} {
		a, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		want := c.want
		if want == "" {
			want = c.in
		}
		if a.Form != c.form || a.String() != want || a.Network() != c.network || a.Where != c.where {
			t.Errorf("Parse(%q) = form %d, %q, %s %q", c.in, a.Form, a, a.Network(), a.Where)
		}
		if wantID := strings.Contains(c.in, somePeer); (a.ID.String() == somePeer) != wantID {
			t.Errorf("Parse(%q) requires the peer %q", c.in, a.ID)
		}
		if again, err := Parse(a.String()); again != a || err != nil {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", a, again, err, a)
		}
	}
}

// An error shows the address and the forms that would be right.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ in, says, forms string }{
		{"", "the address is empty", addressForms},
		{"host", `"host": missing port in address`, addressForms},
		{"host:99999", `"host:99999": invalid port`, addressForms},
		{"a:b:c", "too many colons in address", addressForms},
		{"unix:", "has no path", "unix:PATH"},
		{"http://x", "has a form that mss does not support", addressForms},
		{"tcp://", "missing port in address", addressForms},
		{"tls://h", "missing port in address", addressForms},
		{"quic://", "missing port in address", addressForms},
		{"/", "empty multiaddr", multiaddrForms},
		{"/unix/x", "has a form that mss does not support", multiaddrForms},
		{"/tcp/1", "has a form that mss does not support", multiaddrForms},
		{"/ip4/1.2.3.4", "has a form that mss does not support", multiaddrForms},
		{"/ip4/1.2.3.4/udp/1", "has a form that mss does not support", multiaddrForms},
		{"/ip4/1.2.3.4/tcp/1/ws", "has a form that mss does not support", multiaddrForms},
		{"/ip4/1.2.3.4/tcp/1/p2p/x", "invalid", multiaddrForms},
		{"/p2p/" + somePeer, "has a form that mss does not support", multiaddrForms},
		{"/ip4/1.2.3.4/tcp/1/p2p/" + somePeer + "/p2p-circuit", "has a form that mss does not support", multiaddrForms},
	} {
		a, err := Parse(c.in)
		if err == nil {
			t.Errorf("Parse(%q) = %v", c.in, a)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.says) || !strings.Contains(text, c.forms) || !strings.Contains(text, c.in) {
			t.Errorf("Parse(%q): %v; want %q and %q", c.in, err, c.says, c.forms)
		}
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		form                  Form
		certificates, streams bool
		libp2p                bool
		carrier               string
	}{
		{TCP, false, false, false, "connection"},
		{Unix, false, false, false, "connection"},
		{TLS, true, false, false, "connection"},
		{QUIC, true, true, false, "stream"},
		{Yamux, false, true, false, "stream"},
		{Libp2p, false, true, true, "stream"},
		{Libp2pQUIC, false, true, true, "stream"},
	} {
		f := c.form
		if f.HasCertificates() != c.certificates || f.IsMultiplexed() != c.streams || f.IsLibp2p() != c.libp2p || f.Carrier() != c.carrier {
			t.Errorf("form %d: %v, %v, %v, %q", f, f.HasCertificates(), f.IsMultiplexed(), f.IsLibp2p(), f.Carrier())
		}
	}
}

// A listener is dialled at the port that was bound. A socket file has none, and the
// identity of a libp2p listener is part of its address.
func TestBound(t *testing.T) {
	id, err := peerid.Decode(somePeer)
	if err != nil {
		t.Fatal(err)
	}
	four := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4001}
	six := &net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 4001, Zone: "eth0"}
	for _, c := range []struct {
		in    string
		bound net.Addr
		want  string
	}{
		{"localhost:0", four, "127.0.0.1:4001"},
		{"tls://:0", four, "tls://127.0.0.1:4001"},
		{"yamux://127.0.0.1:0", four, "yamux://127.0.0.1:4001"},
		{"quic://[::]:0", six, "quic://[fe80::1%eth0]:4001"},
		{"unix:/run/s", &net.UnixAddr{Name: "elsewhere", Net: "unix"}, "unix:/run/s"},
		{"/ip4/0.0.0.0/tcp/0", four, "/ip4/127.0.0.1/tcp/4001/p2p/" + somePeer},
		{"/ip6/::/udp/0/quic-v1", six, "/ip6/fe80::1/udp/4001/quic-v1/p2p/" + somePeer},
	} {
		a, err := Parse(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Bound(c.bound, id); got.String() != c.want {
			t.Errorf("%s bound to %s is %q, want %q", c.in, c.bound, got, c.want)
		}
	}
}

func TestLibp2pForm(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:4001": "/ip4/127.0.0.1/tcp/4001",
		"[::1]:4001":     "/ip6/::1/tcp/4001",
		"example.org:80": "/dns/example.org/tcp/80",
		"host:http":      "", // a multiaddr has the number
		"host":           "",
	} {
		got := Libp2pForm(in)
		if got != want {
			t.Errorf("Libp2pForm(%q) = %q, want %q", in, got, want)
		}
		if a, err := Parse(got); want != "" && (err != nil || a.Form != Libp2p || a.Where != in) {
			t.Errorf("Parse(%q) = %+v, %v", got, a, err)
		}
	}
}
