package netmux_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// A call that was meant for net.Listen fails, and the error names the calls to use.
func TestProtocolListenerRefusesAddresses(t *testing.T) {
	calls := [][]string{
		{"tcp", "127.0.0.1:7777"},
		{"tcp", ":0"},
		{"unix", "/run/chat.sock"},
		{echo, "http/1.1", ":8080"},
	}
	for _, name := range []string{
		"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "ip", "ip4", "ip6", "unix", "unixgram", "unixpacket",
		"ip4:icmp", "ip6:58", "tcp://127.0.0.1:80",
		":8080", ":0", ":http", ":", "127.0.0.1:7777", "0.0.0.0:80", "127.0.0.1:", "127.0.0.1:smtp",
		"[::1]:80", "[::]:http", "[fe80::1%eth0]:443", "[::1]:",
		"localhost:http", "localhost:8080", "localhost:ftp", "localhost:",
		"example.com:443", "example.com:https", "web:8080", "my-host_1:65535",
		"127.0.0.1", "::1", "::", "2001:db8::1", "fe80::1%eth0",
	} {
		calls = append(calls, []string{name})
	}
	for _, protocols := range calls {
		var s netmux.Server
		l, err := s.ProtocolListener(protocols...)
		if l != nil || !errors.Is(err, multiselect.ErrInvalidName) {
			t.Errorf("ProtocolListener(%q) returned %v, %v", protocols, l, err)
			continue
		}
		for _, call := range []string{"net.Listen", "Server.Serve", "Server.ListenAndServe"} {
			if !strings.Contains(err.Error(), call) {
				t.Errorf("ProtocolListener(%q): %q does not mention %s", protocols, err, call)
			}
		}
		if names := s.Muxer.Protocols(); len(names) > 0 {
			t.Errorf("ProtocolListener(%q) has failed and registered %q", protocols, names)
		}
	}
}

// Names of protocols are accepted, also those that resemble a network or an address: all
// of IANA's registry for ALPN is among them.
func TestProtocolListenerAcceptsProtocols(t *testing.T) {
	var s netmux.Server
	for _, protocol := range []string{
		"http/0.9", "http/1.0", "http/1.1", "spdy/1", "spdy/2", "spdy/3", "stun.turn", "stun.nat-discovery", "h2", "h2c",
		"webrtc", "c-webrtc", "ftp", "imap", "pop3", "managesieve", "coap", "co", "xmpp-client", "xmpp-server", "acme-tls/1",
		"mqtt", "dot", "ntske/1", "sunrpc", "h3", "smb", "irc", "nntp", "nnsp", "doq", "sip/2", "tds/8.0", "dicom",
		"postgresql", "radius/1.0", "radius/1.1",
		"tls", "quic", "noise", "libp2p", "ssh", "http", "localhost", "tcp5", "tcpmux", "tcp/1.0.0", "TCP", "unixsocket", "ipfs",
		"/chat/1.0.0", "/tcp", "/unix/1.0.0", "/:8080", "/127.0.0.1:7777", "/ip4/127.0.0.1/tcp/80", "/ip6/::1/tcp/80",
		"/localhost:http", "/multistream/1.0.1",
		"urn:example:chat:1", "com.example.chat:v1", "chat:v2", "chat:", "chat:65536", "chat:-1", "foo/1:80", "a chat:1",
		"1.0.0", "8080", "1.2.3.4.5", "[::1]", "a:b:c", "::g", "GET / HTTP/1.1",
	} {
		l, err := s.ProtocolListener(protocol)
		if err != nil {
			t.Errorf("ProtocolListener(%q): %v", protocol, err)
			continue
		}
		l.Close()
	}
}
