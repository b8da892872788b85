package netmux_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

func TestServeTLSWithFiles(t *testing.T) {
	server, client := newTLS(t)
	key, err := x509.MarshalPKCS8PrivateKey(server.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	cert := write("cert", "CERTIFICATE", server.Certificates[0].Certificate[0])
	s := &netmux.Server{Logger: quiet}
	echoing(t, s, echo)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(l, cert, write("key", "PRIVATE KEY", key)) }()
	conn, err := (&netmux.Dialer{Protocols: []string{echo}, TLSConfig: client}).DialContext(background, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	s.Close()
	<-served
}

// The peers negotiate after a name of NextProtos, also if a matcher matches that name.
func TestALPNWithMatcher(t *testing.T) {
	server, client := newTLS(t)
	server.NextProtos = []string{"libp2p"}
	s := &netmux.Server{Logger: quiet}
	got := make(chan string, 1)
	all := multiselect.MatchFunc("all", func(string) bool { return true })
	err := s.Muxer.AddMatcher(all, func(_ context.Context, name string, stream io.ReadWriteCloser) {
		got <- name
		stream.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	addr := serveTLS(t, s, server)
	client.NextProtos = []string{"libp2p"}
	conn, err := (&netmux.Dialer{Protocols: []string{echo}, TLSConfig: client}).DialContext(background, "tcp", addr)
	if name := <-got; err != nil || name != echo {
		t.Fatalf("the handler got %q, the client %v", name, err)
	}
	conn.Close()
}

// ALPN and negotiation on the encrypted connection agree on the protocols of one Muxer.
func TestALPN(t *testing.T) {
	server, client := newTLS(t)
	server.NextProtos = []string{"libp2p"}
	var s netmux.Server
	for _, p := range []string{"h2", "/b", "/yamux/1.0.0"} {
		handle(t, &s, p, func(conn net.Conn) { io.WriteString(conn, p) })
	}
	addr := serveTLS(t, &s, server)
	for _, tt := range []struct {
		offer   []string // by ALPN; nil: Protocols
		propose []string
		alpn    string // the outcome of ALPN
		want    string // the protocol that is agreed on
	}{
		{nil, []string{"h2", "/b"}, "h2", "h2"},
		{nil, []string{"/b", "h2"}, "/b", "/b"}, // the initiator's order
		{nil, []string{"/a", "/b"}, "/b", "/b"},
		{nil, []string{"/a"}, "", ""}, // an alert
		{[]string{}, []string{"/a", "/b"}, "", "/b"},
		{[]string{"libp2p"}, []string{"/a", "/b"}, "libp2p", "/b"},
		{[]string{"/mplex/6.7.0", "libp2p"}, []string{"/b"}, "libp2p", "/b"},
		{[]string{"/yamux/1.0.0", "libp2p"}, []string{"/yamux/1.0.0"}, "/yamux/1.0.0", "/yamux/1.0.0"},
		{[]string{"/multistream/1.0.0", "/b"}, []string{"/a", "h2"}, "/multistream/1.0.0", "h2"},
		{[]string{"http/1.1"}, []string{"/b"}, "", ""}, // although h2 is registered
	} {
		t.Run(fmt.Sprint(tt.offer, tt.propose), func(t *testing.T) {
			d := &netmux.Dialer{Protocols: tt.propose, TLSConfig: client.Clone()}
			d.TLSConfig.NextProtos = tt.offer
			conn, protocol, err := d.DialProtocol(background, "tcp", addr)
			if tt.want == "" {
				if !errors.Is(err, multiselect.ErrNotSupported) {
					t.Errorf("mismatch: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if alpn := conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; alpn != tt.alpn || protocol != tt.want || string(got) != tt.want || err != nil {
				t.Errorf("ALPN %q, agreed on %q, served by %q, %v", alpn, protocol, got, err)
			}
		})
	}
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Failed != 2 || st.Agreed != 8 {
		t.Errorf("%+v", st)
	}
}

// ConfigureTLS calls the program's own GetConfigForClient, which can fail.
func TestConfigureTLS(t *testing.T) {
	server, client := newTLS(t)
	broken := errors.New("no such name")
	config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "broken" {
			return nil, broken
		}
		if hello.ServerName == "memory" {
			return server, nil
		}
		return nil, nil
	}}
	var s netmux.Server
	echoing(t, &s, echo)
	addr := serveTLS(t, &s, config)
	for name, ok := range map[string]bool{"memory": true, "broken": false, "localhost": false} {
		d := &netmux.Dialer{Protocols: []string{echo}, TLSConfig: client.Clone()}
		d.TLSConfig.ServerName = name
		conn, err := d.DialContext(background, "tcp", addr)
		if (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			checkEcho(t, conn, name)
			conn.Close()
		}
	}
	if s.ConfigureTLS(nil).GetConfigForClient == nil {
		t.Error("ConfigureTLS(nil) returned no GetConfigForClient")
	}
}

// A Dialer is the dial function of an http.Transport, for HTTP/2 as well, as its documentation
// says: over TLS with ForceAttemptHTTP2, and without TLS with UnencryptedHTTP2 alone.
func TestHTTP2(t *testing.T) {
	server, client := newTLS(t)
	var s netmux.Server
	web := listen(t, &s, "h2", "http/1.1")
	secure, plain := serveTLS(t, &s, server), serveTCP(t, &s)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	pages := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS != nil)
	})}
	go pages.Serve(web)
	unencrypted := new(http.Protocols)
	unencrypted.SetUnencryptedHTTP2(true)
	for _, tt := range []struct {
		protocols []string
		transport *http.Transport
		want      string
	}{
		{[]string{"h2"}, &http.Transport{ForceAttemptHTTP2: true}, "HTTP/2.0 true"},
		{[]string{"h2", "http/1.1"}, &http.Transport{ForceAttemptHTTP2: true}, "HTTP/2.0 true"},
		{[]string{"http/1.1"}, &http.Transport{ForceAttemptHTTP2: true}, "HTTP/1.1 true"},
		{[]string{"http/1.1"}, &http.Transport{}, "HTTP/1.1 true"},
		{[]string{"h2"}, &http.Transport{Protocols: unencrypted}, "HTTP/2.0 false"},
		{[]string{"http/1.1"}, &http.Transport{}, "HTTP/1.1 false"},
	} {
		d := &netmux.Dialer{Protocols: tt.protocols}
		url := "http://" + plain
		if strings.HasSuffix(tt.want, "true") {
			d.TLSConfig = client
			url = "https://" + secure
		}
		tt.transport.DialContext, tt.transport.DialTLSContext = d.DialContext, d.DialContext
		response, err := (&http.Client{Transport: tt.transport}).Get(url)
		if err != nil {
			t.Errorf("%q, want %s: %v", tt.protocols, tt.want, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		if string(body) != tt.want || err != nil {
			t.Errorf("%q: the server answered %q, %v, want %q", tt.protocols, body, err, tt.want)
		}
		response.Body.Close()
		tt.transport.CloseIdleConnections()
	}
}
