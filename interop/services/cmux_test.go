package main

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/soheilhy/cmux"
	"golang.org/x/net/http2"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// What users of cmux have complained about, played with cmux and with netmux. Each
// scene returns what was seen; docs/netmux.md has the table.
var complaints = []struct {
	complaint, thread string
	play              func(t *testing.T, by mux) string
	cmux, netmux      string
}{
	{"a silent client", "cmux#65", silentClient, "is there after a day", "is cut after 10s"},
	{"stopping beside a silent client", "cmux#76", stopping, "has not ended after a day", "has ended after 0s"},
	{"a client that never gets to the point", "cmux#35", endless, "is read on for 1 MiB", "is cut at its first byte"},
	{"a client that waits for the server to speak", "cmux#64, #91", serverFirst, "hears nothing", "hears a greeting"},
	{"http.Request.TLS", "README of cmux", requestTLS, "is nil", "is set"},
	{"half-close and splice", "none", halfClose, "not on what is accepted", "on what is accepted"},
}

func TestComplaints(t *testing.T) {
	for _, c := range complaints {
		t.Run(c.complaint, func(t *testing.T) {
			if got := c.play(t, cmuxed); got != c.cmux {
				t.Errorf("with cmux: it %q, want %q", got, c.cmux)
			}
			if got := c.play(t, netmuxed); got != c.netmux {
				t.Errorf("with netmux: it %q, want %q", got, c.netmux)
			}
		})
	}
}

// mux serves HTTP/1.1, and something else for which cmux has to look at the frames
// of HTTP/2, on a listener. The two are told apart by what a client says first.
type mux func(t *testing.T, l net.Listener) (http1 net.Listener, served <-chan error, stop func())

func cmuxed(_ *testing.T, l net.Listener) (net.Listener, <-chan error, func()) {
	m := cmux.New(l)
	m.MatchWithWriters(cmux.HTTP2MatchHeaderFieldSendSettings("content-type", "application/grpc"))
	http1 := m.Match(cmux.HTTP1Fast())
	served := make(chan error, 1)
	go func() { served <- m.Serve() }()
	return http1, served, func() {
		m.Close()
		l.Close()
	}
}

func netmuxed(t *testing.T, l net.Listener) (net.Listener, <-chan error, func()) {
	s := &netmux.Server{Logger: slog.New(slog.DiscardHandler)}
	http1, err := s.ProtocolListener(http1Protocol)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return http1, served, func() { s.Shutdown(context.Background()) }
}

// memory is a listener with one connection.
type memory struct {
	conn chan net.Conn
	once sync.Once
	done chan struct{}
}

func newMemory() (l *memory, client net.Conn) {
	client, server := net.Pipe()
	l = &memory{conn: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conn <- server
	return l, client
}

func (l *memory) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memory) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

const day = 24 * time.Hour

// inFakeTime plays a scene with one client.
func inFakeTime(t *testing.T, by mux, play func(client net.Conn, served <-chan error, stop func()) string) (seen string) {
	synctest.Test(t, func(t *testing.T) {
		l, client := newMemory()
		_, served, stop := by(t, l)
		synctest.Wait()
		seen = play(client, served, stop)
		client.Close()
		stop()
	})
	return seen
}

func silentClient(t *testing.T, by mux) string {
	return inFakeTime(t, by, func(client net.Conn, _ <-chan error, _ func()) string {
		start := time.Now()
		client.SetReadDeadline(start.Add(day))
		io.Copy(io.Discard, client)
		if took := time.Since(start); took < day {
			return "is cut after " + took.String()
		}
		return "is there after a day"
	})
}

func stopping(t *testing.T, by mux) string {
	return inFakeTime(t, by, func(_ net.Conn, served <-chan error, stop func()) string {
		start := time.Now()
		stop()
		select {
		case <-served:
			return "has ended after " + time.Since(start).String()
		case <-time.After(day):
			return "has not ended after a day"
		}
	})
}

// endless is a client of HTTP/2 that never sends a request.
func endless(t *testing.T, by mux) string {
	return inFakeTime(t, by, func(client net.Conn, _ <-chan error, _ func()) string {
		go io.Copy(io.Discard, client) // net.Pipe has no buffer
		sent, err := io.WriteString(client, http2.ClientPreface)
		frame := "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64" // SETTINGS
		for err == nil && sent < 1<<20 {
			var n int
			n, err = io.WriteString(client, strings.Repeat(frame, 100))
			sent += n
		}
		switch {
		case err == nil:
			return "is read on for 1 MiB"
		case sent < 64:
			return "is cut at its first byte"
		}
		return "is cut: " + err.Error()
	})
}

// serverFirst has a server on what accepts that speaks first. A client that
// negotiates hears it; one that cannot say anything before is not told apart.
func serverFirst(t *testing.T, by mux) (heard string) {
	synctest.Test(t, func(t *testing.T) {
		l, client := newMemory()
		inner, _, stop := by(t, l)
		go func() {
			for {
				conn, err := inner.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, "220 ready")
				conn.Close()
			}
		}()
		if l, ok := inner.(*netmux.Listener); ok {
			d := &netmux.Dialer{Protocols: []string{l.Addr().String()}, NetDialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
			if _, err := d.DialContext(t.Context(), "", ""); err != nil {
				t.Error(err)
			}
		}
		client.SetReadDeadline(time.Now().Add(time.Hour))
		heard = "hears nothing"
		if got, _ := io.ReadAll(client); string(got) == "220 ready" {
			heard = "hears a greeting"
		}
		client.Close()
		stop()
		inner.Close()
	})
	return heard
}

// onTLS serves on a real TLS port, and returns a client of it.
func onTLS(t *testing.T, by mux, serve func(net.Listener)) (ask func() (*http.Response, error)) {
	server, client := streamtest.TLS(t)
	l := streamtest.Listen(t, "tcp")
	inner, _, stop := by(t, tls.NewListener(l, server))
	t.Cleanup(stop)
	go serve(inner)
	transport := &http.Transport{TLSClientConfig: client}
	if _, ok := inner.(*netmux.Listener); ok {
		in := port{l.Addr().String(), client}.inBand(http1Protocol)
		transport.DialTLSContext = in.DialContext
	}
	t.Cleanup(transport.CloseIdleConnections)
	return func() (*http.Response, error) {
		return (&http.Client{Transport: transport}).Get("https://" + l.Addr().String())
	}
}

func requestTLS(t *testing.T, by mux) string {
	was := "was not asked"
	ask := onTLS(t, by, func(l net.Listener) {
		http.Serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if was = "is set"; r.TLS == nil {
				was = "is nil"
			}
		}))
	})
	response, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return was
}

func halfClose(t *testing.T, by mux) string {
	l := streamtest.Listen(t, "tcp")
	inner, _, stop := by(t, l)
	defer stop()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first := "GET / HTTP/1.1\r\n"
	if _, ok := inner.(*netmux.Listener); ok {
		first = "\x13/multistream/1.0.0\n\x09http/1.1\n"
	}
	io.WriteString(conn, first)
	accepted, err := inner.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if _, ok := accepted.(*net.TCPConn); ok {
		return "on what is accepted"
	}
	if _, ok := accepted.(interface{ CloseWrite() error }); ok {
		t.Error("a wrapper that has CloseWrite")
	}
	return "not on what is accepted"
}
