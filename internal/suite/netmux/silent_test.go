package netmux_test

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// On Unix sockets and over TLS a wrapper counts the bytes that the handler reads. It has the
// methods of the connection. A connection for a Listener is passed on as it is.
func TestSilentElsewhere(t *testing.T) {
	server, client := newTLS(t)
	for _, network := range []string{"unix", "tls"} {
		t.Run(network, func(t *testing.T) {
			var seen errorLog
			s := &netmux.Server{MaxActive: 2, MaxActivePerHost: -1, ConnError: seen.hook, Logger: quiet}
			handle(t, s, echo, func(conn net.Conn) {
				checkMethods(t, conn, network)
				io.Copy(conn, conn)
			})
			inner := listen(t, s, deep)
			d := &netmux.Dialer{Protocols: []string{echo}}
			if network == "tls" {
				d.TLSConfig = client
			}
			l := listenOn(t, s, network, server)
			addr := serveOn(t, s, l)
			connect := func(d *netmux.Dialer) net.Conn {
				conn, err := d.DialContext(background, l.Addr().Network(), addr)
				if err != nil {
					t.Fatal(err)
				}
				return conn
			}
			talking := connect(d)
			checkEcho(t, talking, "x")
			silent := connect(d)
			third := connect(d)
			checkEcho(t, third, "x")
			silent.SetReadDeadline(time.Time{})
			if _, err := silent.Read(make([]byte, 1)); err == nil {
				t.Error("the silent connection goes on")
			}
			checkEcho(t, talking, "y")
			talking.(interface{ CloseWrite() error }).CloseWrite()
			if rest, err := io.ReadAll(talking); len(rest) > 0 || err != nil {
				t.Errorf("after the half-close: %q, %v", rest, err)
			}
			third.Close()
			streamtest.Await(t, "the end of all connections", func() bool { return s.Stats().Active == 0 })
			connect(&netmux.Dialer{Protocols: []string{deep}, TLSConfig: d.TLSConfig})
			conn, err := inner.Accept()
			if err != nil {
				t.Fatal(err)
			}
			switch conn.(type) {
			case *tls.Conn, *net.UnixConn:
			default:
				t.Errorf("the Listener has a %T", conn)
			}
			conn.Close()
			s.Shutdown(background)
			if all := seen.list(); len(all) != 1 {
				t.Errorf("reported %v", all)
			} else {
				checkLimit(t, all[0], "MaxActive", netmux.ErrActive, false)
			}
		})
	}
}

// listenOn listens on a Unix socket, or on TCP with TLS.
func listenOn(t *testing.T, s *netmux.Server, network string, config *tls.Config) net.Listener {
	t.Helper()
	if network == "tls" {
		return tls.NewListener(streamtest.Listen(t, "tcp"), s.ConfigureTLS(config))
	}
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// checkMethods checks that the wrapper of a connection has its methods.
func checkMethods(t *testing.T, conn net.Conn, network string) {
	t.Helper()
	_, isTLS := conn.(interface{ ConnectionState() tls.ConnectionState })
	_, canCloseWrite := conn.(interface{ CloseWrite() error })
	if isTLS != (network == "tls") || !canCloseWrite {
		t.Errorf("the handler has a %T", conn)
	}
}
