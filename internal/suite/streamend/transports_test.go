package streamend_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/internal/streamend"
)

// transport makes connected pairs.
type transport struct {
	name string
	pair func(t *testing.T) (ours, theirs net.Conn)
}

var transports = []transport{
	{name: "tcp", pair: overTCP},
	{name: "unix", pair: overUnix},
	{name: "net.Pipe", pair: overPipe},
	{name: "TLS over tcp", pair: overTLS(overTCP)},
	{name: "TLS over unix", pair: overTLS(overUnix)},
	{name: "TLS over net.Pipe", pair: overTLS(overPipe)},
	{name: "wrapped tcp", pair: func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overTCP(t)
		return struct{ net.Conn }{ours}, theirs
	}},
	{name: "embedded tcp", pair: func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overTCP(t)
		return struct{ *net.TCPConn }{ours.(*net.TCPConn)}, theirs
	}},
	{name: "embedded TLS", pair: func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overTLS(overTCP)(t)
		return struct{ *tls.Conn }{ours.(*tls.Conn)}, theirs
	}},
}

func overPipe(*testing.T) (ours, theirs net.Conn) { return net.Pipe() }

func overTCP(t *testing.T) (ours, theirs net.Conn) { return sockets(t, "tcp", "127.0.0.1:0") }

func overUnix(t *testing.T) (ours, theirs net.Conn) {
	dir, err := os.MkdirTemp("", "") // a path of t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return sockets(t, "unix", filepath.Join(dir, "s"))
}

func sockets(t *testing.T, network, addr string) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := l.Accept()
		accepted <- conn
	}()
	ours, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if theirs = <-accepted; theirs == nil {
		t.Fatal("no connection was accepted")
	}
	return ours, theirs
}

func overTLS(pair func(*testing.T) (ours, theirs net.Conn)) func(*testing.T) (ours, theirs net.Conn) {
	return func(t *testing.T) (ours, theirs net.Conn) {
		t.Helper()
		a, b := pair(t)
		client := tls.Client(a, &tls.Config{InsecureSkipVerify: true})
		server := tls.Server(b, &tls.Config{
			Certificates:           []tls.Certificate{certificate()},
			SessionTicketsDisabled: true, // or the server's Handshake would wait for a Read
		})
		shaken := make(chan error, 1)
		go func() { shaken <- server.Handshake() }()
		if err := errors.Join(client.Handshake(), <-shaken); err != nil {
			t.Fatal(err)
		}
		return client, server
	}
}

// certificate returns that of package httptest.
var certificate = sync.OnceValue(func() tls.Certificate {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates[0]
})

// Reset makes a Read and a Write return that would block otherwise.
func TestUnblocks(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			ours, theirs := tr.pair(t)
			defer theirs.Close()
			errs := make(chan error, 2)
			go func() {
				_, err := ours.Read(make([]byte, 1))
				errs <- err
			}()
			go func() {
				_, err := ours.Write(make([]byte, 64<<20)) // no buffer holds so much
				errs <- err
			}()
			if _, err := io.ReadFull(theirs, make([]byte, 1)); err != nil { // the Write has begun
				t.Fatal(err)
			}
			streamend.Reset(ours, 0)
			for range 2 {
				if err := <-errs; err == nil || err == io.EOF {
					t.Errorf("a blocked call has returned %v", err)
				}
			}
			if _, err := ours.Write([]byte("x")); err == nil {
				t.Error("the stream can still be written to")
			}
		})
	}
}

// The peer of a stream that was written to and reset reads all of it. That includes TLS, where
// it cannot tell the end from a clean one: crypto/tls requires no alert between records.
func TestPeerReadsAll(t *testing.T) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			ours, theirs := tr.pair(t)
			defer theirs.Close()
			type result struct {
				data []byte
				err  error
			}
			read := make(chan result)
			go func() {
				data, err := io.ReadAll(theirs)
				read <- result{data, err}
			}()
			if _, err := io.WriteString(ours, "last words"); err != nil {
				t.Fatal(err)
			}
			streamend.Reset(ours, 0)
			if got := <-read; string(got.data) != "last words" || got.err != nil {
				t.Errorf("the peer reads %q, %v", got.data, got.err)
			}
		})
	}
}

// Reset does not wait for a TLS peer that does not read, although the Close of crypto/tls
// waits up to 5 seconds for its alert to be sent.
func TestSilentPeerOfTLS(t *testing.T) {
	certificate() // outside of the bubble, for its listener
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := overTLS(overPipe)(t)
		defer theirs.Close()
		start := time.Now()
		errs := make(chan error, 2)
		go func() {
			_, err := ours.Read(make([]byte, 1))
			errs <- err
		}()
		go func() {
			_, err := ours.Write([]byte("x")) // blocks, and holds the lock that Close needs
			errs <- err
		}()
		synctest.Wait()
		streamend.Reset(ours, 0)
		for range 2 {
			if err := <-errs; err == nil {
				t.Error("a blocked call has returned nil")
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Reset has taken %v", took)
		}
	})
}
