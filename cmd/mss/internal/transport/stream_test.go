package transport

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// Streams of all forms look alike: each end sends, ends its half, and reads the other
// one to its end.
func TestEveryForm(t *testing.T) {
	for _, where := range everyForm {
		t.Run(where, func(t *testing.T) {
			if where == "unix:" && runtime.GOOS == "windows" {
				t.Skip("the half of a unix socket does not end there; linux plays it")
			}
			here, there := streamPair(t, where, "question")
			answered := make(chan error, 1)
			go func() {
				question, err := io.ReadAll(there)
				if err == nil {
					_, err = there.Write(append(question, " and answer"...))
				}
				if err == nil {
					err = there.CloseWrite()
				}
				answered <- err
			}()
			if err := here.CloseWrite(); err != nil {
				t.Error(err)
			}
			got, err := io.ReadAll(here)
			if string(got) != "question and answer" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			if err := <-answered; err != nil {
				t.Error(err)
			}
			if err := here.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The address of a stream names its connection, or its peer, and the stream.
func TestStreamAddress(t *testing.T) {
	for _, where := range everyForm {
		a := parse(t, where)
		if !a.Form.IsMultiplexed() {
			continue
		}
		ln := mustListen(t, where, ListenConfig{})
		l := mustConnect(t, ln, new(client))
		seen := make(map[string]bool)
		for range 2 {
			here, err := l.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(here, "x")
			there := mustAccept(t, ln)
			for name, of := range map[string]Stream{"here": here, "there": there} {
				remote := of.RemoteAddr().String()
				peer, number, ok := strings.Cut(remote, "#")
				if !ok || number == "" || seen[name+remote] {
					t.Errorf("%s, %s: a stream of %q", where, name, remote)
				}
				seen[name+remote] = true
				if a.Form.IsLibp2p() && name == "here" && peer != ln.Address.ID.String() {
					t.Errorf("%s: a stream to %q, not to %s", where, peer, ln.Address.ID)
				}
				if a.Form.IsLibp2p() && name == "there" && !strings.HasPrefix(peer, "/p2p/12D3Koo") {
					t.Errorf("%s: a stream from %q", where, peer)
				}
				if local := of.LocalAddr(); local == nil || local.String() == "" {
					t.Errorf("%s, %s: no local address", where, name)
				}
			}
		}
	}
}

// A link comments on what it has set up: TLS, the certificate, the identity.
func TestComments(t *testing.T) {
	for _, c := range []struct {
		where string
		alpn  string
		want  func(ln *Listener) []string
	}{
		{"127.0.0.1:0", "", func(*Listener) []string { return nil }},
		{"yamux://127.0.0.1:0", "", func(*Listener) []string { return nil }},
		{"tls://127.0.0.1:0", "", func(ln *Listener) []string { return []string{"TLS 1.3, certificate " + ln.Fingerprint} }},
		{"tls://127.0.0.1:0", "chat", func(ln *Listener) []string {
			return []string{"TLS 1.3, certificate " + ln.Fingerprint + ", ALPN chat"}
		}},
		{"quic://127.0.0.1:0", "", func(ln *Listener) []string {
			return []string{"TLS 1.3, certificate " + ln.Fingerprint + ", ALPN multistream"}
		}},
		{"/ip4/127.0.0.1/tcp/0", "", func(ln *Listener) []string { return []string{"the peer is " + ln.Address.ID.String()} }},
		{"/ip4/127.0.0.1/udp/0/quic-v1", "", func(ln *Listener) []string {
			return []string{"quic-v1, the peer is " + ln.Address.ID.String()}
		}},
	} {
		ln := mustListen(t, c.where, ListenConfig{Certificates: &Certificates{ALPN: c.alpn}})
		if ln.Address.Form == address.TLS {
			go func() { // the handshake needs both ends
				if conn, err := ln.Accept(); err == nil {
					io.Copy(io.Discard, conn)
					conn.Close()
				}
			}()
		}
		var steps client
		l, err := Connect(t.Context(), ln.Address, &Trust{Pin: ln.Fingerprint, ALPN: c.alpn}, &steps)
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		l.Close()
		if got, want := strings.Join(steps.comments, "\n"), strings.Join(c.want(ln.Listener), "\n"); got != want {
			t.Errorf("%s: comments %q, want %q", c.where, got, want)
		}
	}
}
