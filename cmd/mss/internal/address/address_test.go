package address

import "testing"

const somePeer = "12D3KooWSGQUZeg8iSrmfMHMF4XmqfPrhXDpk7KjJyhN9qEZfRPg"

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:4001":       "127.0.0.1:4001",
		"tcp://127.0.0.1:4001": "127.0.0.1:4001",
		"tcp://[::1]:4001":     "[::1]:4001",
		":4001":                ":4001",
		"unix:/run/a b.sock":   "unix:/run/a b.sock",
		"unix:rel":             "unix:rel",
		"":                     "", "host": "", "host:": "host:", "host:99999": "", "unix:": "",
		"tls://h:1": "tls://h:1", "quic://[::1]:1": "quic://[::1]:1", "yamux://h:1": "yamux://h:1",
		"http://x": "", "tcp://": "", "tls://h": "", "quic://": "",
		"/ip4/1.2.3.4/tcp/1":                  "/ip4/1.2.3.4/tcp/1",
		"/ip6/::1/udp/1/quic-v1":              "/ip6/::1/udp/1/quic-v1",
		"/dns4/h/tcp/1/p2p/" + somePeer:       "/dns4/h/tcp/1/p2p/" + somePeer,
		"/ip4/1.2.3.4/tcp/1/ipfs/" + somePeer: "/ip4/1.2.3.4/tcp/1/p2p/" + somePeer,
		"/ip4/1.2.3.4":                        "", "/ip4/1.2.3.4/udp/1": "", "/ip4/1.2.3.4/tcp/1/ws": "", "/tcp/1": "",
		"/ip4/1.2.3.4/tcp/1/p2p/x": "", "/unix/x": "", "/": "", "/p2p/" + somePeer: "",
		"/ip4/1.2.3.4/tcp/1/p2p/" + somePeer + "/p2p-circuit": "",
	} {
		a, err := Parse(in)
		if (err != nil) != (want == "") || err == nil && a.String() != want {
			t.Errorf("parse(%q) = %v, %v; want %q", in, a, err, want)
		}
	}
}
