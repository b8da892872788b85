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

// TLS and plain connections share a port: TLS is the fallback, served by a Listener.
func TestTLSAndPlainOnOnePort(t *testing.T) {
	server, client := newTLS(t)
	s := &netmux.Server{Fallback: "tls"}
	echoing(t, s, echo)
	secure := listen(t, s, "tls")
	addr := serveTCP(t, s)
	go s.Serve(tls.NewListener(secure, s.ConfigureTLS(server)))
	inBand := client.Clone()
	inBand.NextProtos = []string{}
	for _, config := range []*tls.Config{nil, client, inBand} {
		conn := dial(t, &netmux.Dialer{Protocols: []string{echo}, TLSConfig: config}, addr)
		if _, ok := conn.(*tls.Conn); ok != (config != nil) {
			t.Errorf("the dialer returned a %T", conn)
		}
		checkEcho(t, conn, "on one port")
		conn.Close()
	}
}

// A Dialer is the DialTLSContext of an http.Transport for HTTP/2, too.
func TestHTTP2(t *testing.T) {
	server, client := newTLS(t)
	var s netmux.Server
	web := listen(t, &s, "h2", "http/1.1")
	addr := serveTLS(t, &s, server)
	go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS != nil)
	}))
	for protocol, want := range map[string]string{"h2": "HTTP/2.0 true", "http/1.1": "HTTP/1.1 true"} {
		d := &netmux.Dialer{Protocols: []string{protocol}, TLSConfig: client}
		transport := &http.Transport{DialTLSContext: d.DialContext, ForceAttemptHTTP2: true}
		response, err := (&http.Client{Transport: transport}).Get("https://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if string(body) != want || err != nil {
			t.Errorf("%s: the server answered %q, %v, want %q", protocol, body, err, want)
		}
		response.Body.Close()
		transport.CloseIdleConnections()
	}
}
