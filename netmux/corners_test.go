package netmux_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// What a review found, once each.

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

// A server may serve what one of its own listeners hands out: TLS behind an
// agreement, say. Closing it closes that listener, which asks the server.
func TestCloseOfNestedServe(t *testing.T) {
	server, _ := newTLS(t)
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		inner := listen(t, s, "/tls/1.0.0")
		go s.Serve(tls.NewListener(inner, s.ConfigureTLS(server)))
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A name that means "negotiate" is no handler's, whatever a matcher says.
func TestALPNBesideMatcher(t *testing.T) {
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

// A connection that has agreed reaches its listener, also when Shutdown comes between.
func TestShutdownDeliversAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet}
		s.Middleware = append(s.Middleware, func(next multiselect.Handler) multiselect.Handler {
			return func(ctx context.Context, name string, stream io.ReadWriteCloser) {
				<-time.After(time.Second)
				next(ctx, name, stream)
			}
		})
		inner := listen(t, s, echo)
		l, stop := serve(t, s)
		go func() {
			for {
				c, err := inner.Accept()
				if err != nil {
					return
				}
				io.WriteString(c, "!")
				c.Close()
			}
		}()
		conn := dial(t, l.dialer(echo), "")
		synctest.Wait()
		go stop()
		if b, err := io.ReadAll(conn); string(b) != "!" {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// What is cut off does not look complete, by the fallback neither.
func TestFallbackIsReset(t *testing.T) {
	server, client := newTLS(t)
	client.NextProtos = []string{}
	for _, secure := range []bool{false, true} {
		s := &netmux.Server{Logger: quiet, Fallback: legacy}
		inner := listen(t, s, legacy)
		var conn net.Conn
		if secure {
			conn = dialPlain(t, serveTLS(t, s, server), client)
		} else {
			conn = dialPlain(t, serveTCP(t, s), nil)
		}
		io.WriteString(conn, "G")
		for s.Stats().Queued == 0 {
			runtime.Gosched()
		}
		inner.Close()
		if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("TLS %v: %v", secure, err)
		}
	}
}

// slowAddr does not know its address before the peer has said it.
type slowAddr struct {
	net.Conn
	known chan struct{}
}

func (s slowAddr) RemoteAddr() net.Addr {
	<-s.known
	return s.Conn.RemoteAddr()
}

func TestAddressThatTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{Logger: quiet, MaxHalfOpenPerHost: 5}
		known := make(chan struct{})
		a, b := net.Pipe()
		go s.ServeConn(background, slowAddr{b, known})
		synctest.Wait()
		s.Stats() // does not wait for it
		close(known)
		a.Close()
	})
}

// A peer that has changed its mind and hangs up after a refusal is asked for what
// else there is the next time.
func TestDialerForgetsWhatWasRefused(t *testing.T) {
	before, after := &netmux.Server{Logger: quiet}, &netmux.Server{Logger: quiet}
	echoing(t, before, echo)
	echoing(t, after, deep)
	after.Muxer.OneShot = true
	addr, moved := serveTCP(t, before), serveTCP(t, after)
	d := &netmux.Dialer{Protocols: []string{deep, echo}}
	dial(t, d, addr).Close()
	d.NetDialContext = func(_ context.Context, network, _ string) (net.Conn, error) { return net.Dial(network, moved) }
	if conn, err := d.DialContext(background, "tcp", addr); err == nil {
		conn.Close()
		t.Fatal("a peer that refuses what was remembered agreed")
	}
	dial(t, d, addr).Close()
}
