package netmux_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// This file serves the configurations of TLS that other packages and programs make.

// The configuration of autocert and certmagic serves browsers, and answers the challenges of a
// certificate authority, which are no failures.
func TestTLSOfAutocert(t *testing.T) {
	server, client := newTLS(t)
	own := func(config *tls.Config) *tls.Config {
		return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }}
	}
	server.NextProtos = []string{"h2", "http/1.1", "acme-tls/1"}
	for name, config := range map[string]*tls.Config{"as it is": server, "by GetConfigForClient": own(server)} {
		t.Run(name, func(t *testing.T) {
			var errs errorLog
			s := &netmux.Server{ConnError: errs.hook}
			web := listen(t, s, "http/1.1", "h2")
			go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
			addr := serveTLS(t, s, config)
			transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: client.Clone()}
			response, err := (&http.Client{Transport: transport}).Get("https://" + addr)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(response.Body); string(got) != "HTTP/2.0" || err != nil {
				t.Errorf("a browser gets %q, %v", got, err)
			}
			transport.CloseIdleConnections()
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				challenge := client.Clone()
				challenge.NextProtos, challenge.MaxVersion = []string{"acme-tls/1"}, version
				conn, err := tls.Dial("tcp", addr, challenge)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("the end of a challenge is %v", err)
				}
				conn.Close()
			}
			if err := s.Shutdown(background); err != nil {
				t.Error(err)
			}
			if st := s.Stats(); st.Answered != 2 || st.Agreed != 1 || st.Failed != 0 || len(errs.list()) > 0 {
				t.Errorf("%+v, errors %v", st, errs.list())
			}
		})
	}
}

// A name for which one server name wants a negotiation is agreed on by ALPN for another one.
func TestTLSByServerName(t *testing.T) {
	server, client := newTLS(t)
	inside := server.Clone()
	inside.NextProtos = []string{"tunnel/1"}
	config := server.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "memory" {
			return inside, nil
		}
		return nil, nil
	}
	var s netmux.Server
	for _, p := range []string{"tunnel/1", echo} {
		handle(t, &s, p, func(conn net.Conn) { io.WriteString(conn, p) })
	}
	addr := serveTLS(t, &s, config)
	for range 2 {
		for name, want := range map[string]string{"localhost": "tunnel/1", "memory": echo} {
			config := client.Clone()
			config.ServerName, config.NextProtos = name, []string{"tunnel/1"}
			conn, err := tls.Dial("tcp", addr, config)
			if err != nil {
				t.Fatal(err)
			}
			if want == echo {
				if _, err := new(multiselect.Client).SelectOneOf(background, conn, echo); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if got, err := io.ReadAll(conn); string(got) != want || err != nil {
				t.Errorf("%s: served by %q, %v; want %q", name, got, err, want)
			}
			conn.Close()
		}
	}
}

// observedTLS embeds a TLS connection, as a program does that counts decrypted bytes.
type observedTLS struct {
	*tls.Conn
	closed *atomic.Int32
}

func (c *observedTLS) Close() error {
	c.closed.Add(1)
	return c.Conn.Close()
}

type observingListener struct {
	net.Listener
	closed atomic.Int32
}

func (l *observingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &observedTLS{conn.(*tls.Conn), &l.closed}, nil
}

// A connection that embeds a TLS connection is served over TLS. It is reset, not closed with an
// alert, and its Close is called.
func TestWrappedTLS(t *testing.T) {
	server, client := newTLS(t)
	inBand := client.Clone()
	inBand.NextProtos = []string{}
	var s netmux.Server
	handle(t, &s, echo, func(conn net.Conn) {
		if _, ok := conn.(*observedTLS); !ok {
			t.Errorf("the handler got a %T", conn)
		}
		io.WriteString(conn, echo)
	})
	abort := func(context.Context, string, io.ReadWriteCloser) { panic(netmux.ErrAbortHandler) }
	if err := s.Muxer.AddHandler("/abort", abort); err != nil {
		t.Fatal(err)
	}
	l := &observingListener{Listener: tls.NewListener(streamtest.Listen(t, "tcp"), s.ConfigureTLS(server))}
	addr := serveOn(t, &s, l)
	for _, config := range []*tls.Config{client, inBand} {
		conn := dial(t, &netmux.Dialer{Protocols: []string{echo}, TLSConfig: config}, addr)
		if got, err := io.ReadAll(conn); string(got) != echo || err != nil {
			t.Errorf("ALPN %q: %q, %v", config.NextProtos, got, err)
		}
		conn.Close()
	}
	conn := dial(t, &netmux.Dialer{Protocols: []string{"/abort"}, TLSConfig: client}, addr)
	if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("the end of an aborted connection is %v", err)
	}
	for l.closed.Load() < 3 {
		runtime.Gosched()
	}
}

// A server that requires client certificates passes them to handlers, by ALPN and inside, and
// tells of clients without one.
func TestClientCertificates(t *testing.T) {
	server, client := newTLS(t)
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, client.RootCAs
	var errs errorLog
	s := &netmux.Server{ConnError: errs.hook}
	handle(t, s, echo, func(conn net.Conn) {
		peers := conn.(interface{ ConnectionState() tls.ConnectionState }).ConnectionState().PeerCertificates
		fmt.Fprint(conn, len(peers))
	})
	addr := serveTLS(t, s, server)
	for _, offer := range [][]string{nil, {}} {
		config := client.Clone()
		config.NextProtos = offer
		d := &netmux.Dialer{Protocols: []string{echo}, TLSConfig: config}
		conn, err := d.DialContext(background, "tcp", addr)
		if err == nil {
			_, err = conn.Read(make([]byte, 1)) // TLS 1.3: an answer to the handshake arrives with the data
		}
		if err == nil || !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("ALPN %v, without a certificate: %v", offer, err)
		}
		config.Certificates = []tls.Certificate{clientCertificate(server)}
		conn = dial(t, d, addr)
		if got, err := io.ReadAll(conn); string(got) != "1" || err != nil {
			t.Errorf("ALPN %v: %q, %v", offer, got, err)
		}
		conn.Close()
	}
	for len(errs.list()) < 2 {
		runtime.Gosched()
	}
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
	for _, err := range errs.list() {
		e, ok := errors.AsType[*multiselect.Error](err)
		if !ok || e.Role != multiselect.Responder || e.Blame() != multiselect.BlameNone {
			t.Errorf("ConnError got %v", err)
		}
	}
	if st := s.Stats(); st.Failed != 2 || st.Agreed != 2 || len(errs.list()) != 2 {
		t.Errorf("%+v, %d errors", st, len(errs.list()))
	}
}

// clientCertificate returns the certificate of the server, for a client.
func clientCertificate(server *tls.Config) tls.Certificate { return server.Certificates[0] }

// TLS sessions are resumed, also with a GetConfigForClient and on detected connections, and ALPN
// agrees anew.
func TestResumption(t *testing.T) {
	server, client := newTLS(t)
	own := server.Clone()
	own.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return server, nil }
	for name, serve := range map[string]func(*netmux.Server) string{
		"ServeTLS":           func(s *netmux.Server) string { return serveTLS(t, s, server) },
		"GetConfigForClient": func(s *netmux.Server) string { return serveTLS(t, s, own) },
		"DetectTLS": func(s *netmux.Server) string {
			s.DetectTLS, s.TLSConfig = true, server
			return serveTCP(t, s)
		},
	} {
		var s netmux.Server
		for _, p := range []string{echo, deep} {
			handle(t, &s, p, func(conn net.Conn) { io.WriteString(conn, p) })
		}
		addr := serve(&s)
		config := client.Clone()
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for i, p := range []string{echo, deep} {
			conn := dial(t, &netmux.Dialer{Protocols: []string{p}, TLSConfig: config}, addr)
			if got, err := io.ReadAll(conn); string(got) != p || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			if resumed := conn.(*tls.Conn).ConnectionState().DidResume; resumed != (i > 0) {
				t.Errorf("%s: connection %d is resumed: %v", name, i, resumed)
			}
			conn.Close()
		}
	}
}

// TLS and plain connections share a port, also with a Fallback and for a client that waits for
// the server's header.
func TestDetectTLS(t *testing.T) {
	server, client := newTLS(t)
	inBand := client.Clone()
	inBand.NextProtos = []string{}
	for _, fallback := range []string{"", legacy} {
		s := &netmux.Server{DetectTLS: true, TLSConfig: server, Fallback: fallback}
		echoing(t, s, echo)
		handle(t, s, legacy, func(conn net.Conn) {
			_, secure := conn.(interface{ ConnectionState() tls.ConnectionState })
			var first [1]byte
			io.ReadFull(conn, first[:])
			fmt.Fprint(conn, string(first[:]), secure)
		})
		addr := serveTCP(t, s)
		for _, config := range []*tls.Config{nil, client, inBand} {
			conn := dial(t, &netmux.Dialer{Protocols: []string{echo}, TLSConfig: config}, addr)
			if _, ok := conn.(*tls.Conn); ok != (config != nil) {
				t.Errorf("the dialer returned a %T", conn)
			}
			checkEcho(t, conn, "on one port")
			conn.Close()
			if fallback == "" {
				continue
			}
			foreign := dialPlain(t, addr, config)
			io.WriteString(foreign, "G")
			if got, err := io.ReadAll(foreign); string(got) != fmt.Sprint("G", config != nil) || err != nil {
				t.Errorf("TLS %v: the fallback answered %q, %v", config != nil, got, err)
			}
			foreign.Close()
		}
		if err := s.Shutdown(background); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Failed != 0 {
			t.Errorf("%+v", st)
		}
	}
}

// Clients that neither negotiate nor begin TLS are refused where TLS is detected, and failed
// handshakes are the errors of a negotiation.
func TestDetectTLSFails(t *testing.T) {
	server, client := newTLS(t)
	var errs errorLog
	s := &netmux.Server{DetectTLS: true, TLSConfig: server, ConnError: errs.hook}
	echoing(t, s, echo)
	addr := serveTCP(t, s)
	await := func(n int) {
		for len(errs.list()) < n {
			runtime.Gosched()
		}
	}
	for i, words := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16not a handshake at all, although it begins like one"} {
		conn := dialPlain(t, addr, nil)
		io.WriteString(conn, words)
		io.Copy(io.Discard, conn)
		conn.Close()
		await(i + 1)
	}
	_, err := (&netmux.Dialer{Protocols: []string{"/x"}, TLSConfig: client}).DialContext(background, "tcp", addr)
	if !errors.Is(err, multiselect.ErrNotSupported) {
		t.Error(err)
	}
	await(3)
	got := errs.list()
	record, _ := errors.AsType[tls.RecordHeaderError](got[1])
	refused, _ := errors.AsType[*multiselect.Error](got[2])
	if !errors.Is(got[0], multiselect.ErrNotMultistream) || record.Msg == "" ||
		refused == nil || !errors.Is(refused, multiselect.ErrGaveUp) || fmt.Sprint(refused.Protocols) != "[/x]" {
		t.Errorf("%v", got)
	}
}

// Dial errors name the address and are one type on every path.
func TestDialErrors(t *testing.T) {
	server, client := newTLS(t)
	var s netmux.Server
	echoing(t, &s, echo)
	secure, plain := serveTLS(t, &s, server), serveTCP(t, &s)
	strange := client.Clone()
	strange.RootCAs = x509.NewCertPool()
	inBand := client.Clone()
	inBand.NextProtos = []string{}
	var direct net.Dialer
	for _, tt := range []struct {
		name  string
		d     *netmux.Dialer
		addr  string
		want  error
		phase multiselect.Phase
		blame multiselect.Blame
	}{
		{"plain", &netmux.Dialer{}, plain, multiselect.ErrNotSupported, multiselect.PhaseProposal, multiselect.BlameNone},
		{"ALPN", &netmux.Dialer{TLSConfig: client}, secure, multiselect.ErrNotSupported, multiselect.PhaseProposal, multiselect.BlameNone},
		{"inside", &netmux.Dialer{TLSConfig: inBand}, secure, multiselect.ErrNotSupported, multiselect.PhaseProposal, multiselect.BlameNone},
		{"not trusted", &netmux.Dialer{TLSConfig: strange}, secure, nil, multiselect.PhaseProposal, multiselect.BlameNone},
		{"no TLS there", &netmux.Dialer{TLSConfig: client}, plain, nil, multiselect.PhaseProposal, multiselect.BlameNone},
	} {
		for _, through := range []bool{false, true} {
			tt.d.Protocols = []string{"/chat/3"}
			if through {
				tt.d.NetDialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return direct.DialContext(ctx, network, tt.addr)
				}
			}
			addr := map[bool]string{false: tt.addr, true: "localhost:443"}[through]
			_, err := tt.d.DialContext(background, "tcp", addr)
			failed, ok := errors.AsType[*net.OpError](err)
			if !ok || failed.Op != "dial" || failed.Net != "tcp" || failed.Addr.String() != addr || failed.Source == nil || !strings.Contains(err.Error(), addr) {
				t.Errorf("%s: %#v", tt.name, err)
			}
			e, ok := errors.AsType[*multiselect.Error](err)
			if !ok {
				t.Fatalf("%s: no *Error: %v", tt.name, err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) || e.Role != multiselect.Initiator || e.Phase != tt.phase || e.Blame() != tt.blame {
				t.Errorf("%s: %v: phase %v, blame %v", tt.name, err, e.Phase, e.Blame())
			}
			if offered := tt.d.TLSConfig != inBand; fmt.Sprint(e.Protocols) != "[/chat/3]" && offered {
				t.Errorf("%s: Protocols = %q", tt.name, e.Protocols)
			}
		}
	}
	_, err := new(netmux.Dialer).DialContext(background, "tcp", "nowhere:1")
	if want := "dial tcp nowhere:1: multiselect: initiator: no protocols to propose"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
