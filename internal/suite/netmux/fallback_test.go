package netmux_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

const legacy = "/legacy/1.0.0"

// The fallback receives every byte of clients that do not negotiate, in pieces of any size;
// other clients still negotiate. Plain and over TLS.
func TestFallback(t *testing.T) {
	server, client := newTLS(t)
	for _, secure := range []bool{false, true} {
		s := &netmux.Server{Fallback: legacy, MaxHalfOpen: 100}
		echoing(t, s, echo)
		var served atomic.Int32
		handle(t, s, legacy, func(conn net.Conn) {
			state, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
			if ok != secure || ok && !state.ConnectionState().HandshakeComplete {
				t.Errorf("TLS %v: a %T has ConnectionState: %v", secure, conn, ok)
			}
			if served.Add(1)%2 == 0 {
				io.Copy(conn, conn)
			} else {
				io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
			}
			conn.(interface{ CloseWrite() error }).CloseWrite()
		})
		d := &netmux.Dialer{Protocols: []string{echo}}
		addr := ""
		if secure {
			addr = serveTLS(t, s, server)
			d.TLSConfig = client.Clone()
			d.TLSConfig.NextProtos = []string{}
		} else {
			addr = serveTCP(t, s)
		}
		for _, words := range []string{
			"G", "GET / HTTP/1.1\r\n\r\n", "\x00", "\xff\xff", "\x12multistream", strings.Repeat("long ", 100_000),
		} {
			for _, pieces := range []int{1, 2, len(words)} {
				if pieces > 64 {
					continue
				}
				conn := dialPlain(t, addr, d.TLSConfig)
				go func() {
					size := (len(words) + pieces - 1) / pieces
					for rest := words; rest != ""; {
						n := min(size, len(rest))
						io.WriteString(conn, rest[:n])
						rest = rest[n:]
					}
					conn.(interface{ CloseWrite() error }).CloseWrite()
				}()
				got, err := io.ReadAll(conn)
				if string(got) != words || err != nil {
					t.Errorf("TLS %v: %.20q in %d pieces came back as %.20q (%d of %d bytes), %v", secure, words, pieces, got, len(got), len(words), err)
				}
				conn.Close()
			}
		}
		conn := dial(t, d, addr)
		checkEcho(t, conn, "negotiated")
		conn.Close()
	}
}

func dialPlain(t testing.TB, addr string, config *tls.Config) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	if config != nil {
		conn, err = tls.Dial("tcp", addr, config)
	} else {
		conn, err = net.Dial("tcp", addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Silent clients are reset when the timeout expires, or served with Fallback after
// FallbackAfter, without a deadline. Clients that begin to negotiate before that are not.
func TestFallbackOfSilentClients(t *testing.T) {
	for _, tt := range []struct {
		why   string
		after time.Duration
		sends time.Duration // when the client sends the header's first byte
		want  string        // the reply
		when  time.Duration
	}{
		{"never sends, no FallbackAfter", 0, time.Hour, "", 10 * time.Second},
		{"never sends", 2 * time.Second, time.Hour, "220 ready", 2 * time.Second},
		{"sends late", 2 * time.Second, 3 * time.Second, "220 ready", 2 * time.Second},
		{"sends in time", 2 * time.Second, time.Second, "", 10 * time.Second},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &netmux.Server{Fallback: legacy, FallbackAfter: tt.after}
				handle(t, s, legacy, func(conn net.Conn) {
					io.WriteString(conn, "220 ready")
					conn.Read(make([]byte, 1)) // no deadline is left
					time.Sleep(time.Minute)
				})
				l, stop := serve(t, s)
				conn := l.dial(t)
				start := time.Now()
				send := time.AfterFunc(tt.sends, func() { conn.Write([]byte{0x13}) })
				got := make([]byte, 9)
				n, _ := io.ReadFull(conn, got)
				if took := time.Since(start); string(got[:n]) != tt.want || took != tt.when {
					t.Errorf("read %q after %v, want %q after %v", got[:n], took, tt.want, tt.when)
				}
				send.Stop()
				conn.Close()
				stop()
			})
		})
	}
}

// Without a Fallback, and with one that is not registered, clients that do not negotiate are
// reset, and the error has the bytes that they sent.
func TestNoFallback(t *testing.T) {
	for _, fallback := range []string{"", legacy} {
		s := &netmux.Server{Fallback: fallback, Logger: quiet}
		ours, theirs := net.Pipe()
		go io.WriteString(ours, "GET /")
		err := s.ServeConn(background, theirs)
		e, ok := errors.AsType[*multiselect.Error](err)
		if !ok || !errors.Is(err, multiselect.ErrNotMultistream) || !strings.HasPrefix(string(e.Received), "G") {
			t.Errorf("fallback %q: %v", fallback, err)
		}
		if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("fallback %q: the client read %v", fallback, err)
		}
	}
}

// With a Fallback, a one-shot responder still ends the connection after a refusal.
func TestFallbackAndRefusal(t *testing.T) {
	s := &netmux.Server{Fallback: legacy}
	s.Muxer.OneShot = true
	echoing(t, s, legacy, echo)
	addr := serveTCP(t, s)
	_, err := (&netmux.Dialer{Protocols: []string{"/unknown"}}).DialContext(background, "tcp", addr)
	if !errors.Is(err, multiselect.ErrNotSupported) {
		t.Error(err)
	}
}

// Clients of the fallback are reset, too, so that data that was cut off does not look complete.
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
