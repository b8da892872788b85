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
	torn bool // the peer sees that Abort was no orderly end
}

var transports = []transport{
	{name: "tcp", pair: overTCP, torn: true},
	{name: "unix", pair: overUnix},
	{name: "net.Pipe", pair: overPipe},
	{name: "TLS over tcp", pair: overTLS(overTCP), torn: true},
	// crypto/tls accepts an end of file without an alert as an orderly end.
	{name: "TLS over unix", pair: overTLS(overUnix)},
	{name: "TLS over net.Pipe", pair: overTLS(overPipe)},
	{name: "wrapped tcp", pair: func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overTCP(t)
		return struct{ net.Conn }{ours}, theirs
	}},
	{name: "embedded tcp", pair: func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overTCP(t)
		return struct{ *net.TCPConn }{ours.(*net.TCPConn)}, theirs
	}, torn: true},
	{name: "embedded TLS", pair: func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = overTLS(overTCP)(t)
		return struct{ *tls.Conn }{ours.(*tls.Conn)}, theirs
	}, torn: true},
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

var ends = map[string]func(io.Closer, uint32){"Reset": streamend.Reset, "Abort": streamend.Abort}

// Reset and Abort make a Read and a Write return that would block otherwise.
func TestUnblocks(t *testing.T) {
	for _, tr := range transports {
		for name, end := range ends {
			t.Run(tr.name+"/"+name, func(t *testing.T) {
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
				end(ours, 0)
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
}

// The peer of a stream that was written to and reset reads all of it. The peer of
// one that was aborted does not take the end for an orderly one, where the
// transport can tell it.
func TestPeerSees(t *testing.T) {
	for _, tr := range transports {
		for name, end := range ends {
			t.Run(tr.name+"/"+name, func(t *testing.T) {
				ours, theirs := tr.pair(t)
				defer theirs.Close()
				type result struct {
					data string
					err  error
				}
				read := make(chan result)
				started := make(chan struct{})
				go func() {
					data := make([]byte, len("last words"))
					_, err := io.ReadFull(theirs, data)
					close(started)
					if err == nil {
						_, err = theirs.Read(make([]byte, 1))
					}
					read <- result{string(data), err}
				}()
				if _, err := io.WriteString(ours, "last words"); err != nil {
					t.Fatal(err)
				}
				if name == "Abort" {
					<-started // a reset may overtake data
				}
				end(ours, 0)
				got := <-read
				if got.data != "last words" {
					t.Errorf("the peer has read %q", got.data)
				}
				if torn := name == "Abort" && tr.torn; got.err == nil || torn == (got.err == io.EOF) {
					t.Errorf("the peer reads %v at the end, want a torn end: %v", got.err, torn)
				}
			})
		}
	}
}

// The Close of crypto/tls waits for its alert to be sent, 5 seconds at most, and
// so does Reset where the peer does not read. Abort does not.
func TestSilentPeerOfTLS(t *testing.T) {
	certificate() // outside of the bubble, for its listener
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := overTLS(overPipe)(t)
				defer theirs.Close()
				start := time.Now()
				errs := make(chan error, 1)
				go func() {
					_, err := ours.Read(make([]byte, 1))
					errs <- err
				}()
				synctest.Wait()
				end(ours, 0)
				limit := 5 * time.Second
				if name == "Abort" {
					limit = 0
				}
				if err := <-errs; err == nil {
					t.Error("a blocked Read has returned nil")
				}
				if took := time.Since(start); took > limit {
					t.Errorf("%s has taken %v, want at most %v", name, took, limit)
				}
				synctest.Wait()
			})
		})
	}
}

// The socket below all layers is closed when Abort returns, so that its descriptor
// can be used again.
func TestAbortClosesSocket(t *testing.T) {
	for _, pair := range []func(*testing.T) (ours, theirs net.Conn){
		overTCP, overUnix, overTLS(overTCP), overTLS(overUnix), overTLS(overTLS(overTCP)),
	} {
		ours, theirs := pair(t)
		defer theirs.Close()
		streamend.Abort(ours, 0)
		socket := ours
		for {
			layer, ok := socket.(*tls.Conn)
			if !ok {
				break
			}
			socket = layer.NetConn()
		}
		if _, err := socket.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%T above %T: the socket fails with %v, want %v", ours, socket, err, net.ErrClosed)
		}
	}
}
