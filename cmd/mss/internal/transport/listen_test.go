package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/libp2p/go-libp2p/core/sec"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// An address that is in use cannot be listened on, and the error says which.
func TestListenTwice(t *testing.T) {
	for _, where := range everyForm {
		ln := mustListen(t, where, ListenConfig{})
		again, err := Listen(t.Context(), ln.Address, ListenConfig{Certificates: new(Certificates), Host: newServer()})
		if err == nil {
			again.Close()
		}
		if exit.Code(err) != exit.Local || !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "cannot listen on "+ln.Address.String()+": ") {
			t.Errorf("%s: exit code %d, %v", where, exit.Code(err), err)
		}
	}
}

// The socket file of a process that has died is replaced. Another file is not, and the
// listener removes its own.
func TestListenStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	mustListen(t, "unix:"+path, ListenConfig{}).Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ln, err := Listen(t.Context(), parse(t, "unix:"+path), ListenConfig{Certificates: new(Certificates)}); err == nil {
		ln.Close()
		t.Error("listens on a file that is no socket")
	}
	if text, err := os.ReadFile(path); string(text) != "mine" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// Close ends Accept. Accepted streams stay open until Finish, which waits for nobody.
func TestListenerClose(t *testing.T) {
	for _, where := range everyForm {
		ln := mustListen(t, where, ListenConfig{})
		if !ln.Address.Form.IsMultiplexed() {
			continue // a net.Listener, but for its name
		}
		here, err := mustConnect(t, ln, new(client)).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(here, "before ")
		there := mustAccept(t, ln)
		ln.Close()
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: Accept after Close: %v", where, err)
		}
		io.WriteString(here, "and after")
		here.CloseWrite()
		if got, err := io.ReadAll(there); string(got) != "before and after" || err != nil {
			t.Errorf("%s: got %q, %v", where, got, err)
		}
		there.Close()
		ln.Finish()
		if _, err := io.ReadAll(here); err != nil && !IsGoodbye(err) {
			t.Errorf("%s: the client sees %v", where, err)
		}
	}
}

// A connection that has ended is no longer kept for Finish.
func TestListenerForgets(t *testing.T) {
	for _, where := range everyForm {
		ln := mustListen(t, where, ListenConfig{})
		if ln.streams == nil {
			continue
		}
		l := mustConnect(t, ln, new(client))
		here, err := l.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(here, "x")
		there := mustAccept(t, ln)
		l.Close()
		io.Copy(io.Discard, there) // until the end of the connection is known
		for kept := 1; kept > 0; {
			ln.streams.mu.Lock()
			kept = len(ln.streams.links)
			ln.streams.mu.Unlock()
			runtime.Gosched()
		}
	}
}

// unlucky is a listener whose first Accepts fail, as those of a process that has no file
// descriptor left do.
type unlucky struct {
	net.Listener
	failures int
}

func (u *unlucky) Accept() (net.Conn, error) {
	if u.failures > 0 {
		u.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return u.Listener.Accept()
}

// A connection that cannot be accepted is reported, and the next one is.
func TestAcceptAll(t *testing.T) {
	inner := streamtest.Listen(t, "tcp")
	ln := &unlucky{Listener: inner, failures: 1}
	host := newServer()
	served, ended := make(chan net.Conn), make(chan struct{})
	go func() {
		acceptAll(t.Context(), ln, host, func(conn net.Conn) { served <- conn })
		close(ended)
	}()
	if what := <-host.told; what != "not accepted" || !errors.Is(host.refused[0], syscall.EMFILE) {
		t.Errorf("the host is told %q: %v", what, host.refused)
	}
	conn, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	(<-served).Close()
	inner.Close()
	<-ended

	// The wait after a failure ends with the listener, too.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	acceptAll(ctx, &unlucky{Listener: inner, failures: 1 << 30}, host, func(net.Conn) {})
}

// A peer with another identity than the address requires is not connected to.
func TestAnotherPeer(t *testing.T) {
	other, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		ln := mustListen(t, where, ListenConfig{})
		bare, _, _ := strings.Cut(ln.Address.String(), "/p2p/")
		_, err := Connect(t.Context(), parse(t, bare+"/p2p/"+other.id.String()), new(Trust), new(client))
		var mismatch sec.ErrPeerIDMismatch
		if exit.Code(err) != exit.Connect || !errors.As(err, &mismatch) || mismatch.Actual != ln.Address.ID {
			t.Errorf("%s: exit code %d, %v", where, exit.Code(err), err)
		}
		if !strings.HasSuffix(err.Error(), ": another peer answers there: "+ln.Address.ID.String()) {
			t.Errorf("%s: %v", where, err)
		}
		l, err := Connect(t.Context(), parse(t, bare), new(Trust), new(client))
		if err != nil {
			t.Errorf("%s: no identity is required: %v", where, err)
			continue
		}
		l.Close()
	}
}

// The failure of a step below the streams is that of the caller's negotiation, on both
// ends.
func TestStepsFail(t *testing.T) {
	const where = "/ip4/127.0.0.1/tcp/0"
	t.Run("security", func(t *testing.T) {
		host := newServer()
		host.securities = []string{"/plaintext/2.0.0"}
		ln := mustListen(t, where, ListenConfig{Host: host})
		_, err := Connect(t.Context(), ln.Address, new(Trust), new(client))
		if !errors.Is(err, multiselect.ErrNotSupported) || exit.Code(err) != exit.Refused {
			t.Errorf("exit code %d, %v", exit.Code(err), err)
		}
		if what := <-host.told; what != StepSecurity {
			t.Errorf("the host is told of %s", what)
		}
	})
	t.Run("muxer", func(t *testing.T) {
		host := newServer()
		ln := mustListen(t, where, ListenConfig{Host: host})
		_, err := Connect(t.Context(), ln.Address, new(Trust), &client{muxers: []string{"/mplex/6.7.0"}})
		if !errors.Is(err, multiselect.ErrNotSupported) {
			t.Errorf("%v", err)
		}
		if what := <-host.told; what != StepMuxer {
			t.Errorf("the host is told of %s", what)
		}
	})
	t.Run("handshake", func(t *testing.T) {
		host := newServer()
		ln := mustListen(t, where, ListenConfig{Host: host})
		conn, err := Dial(t.Context(), address.Address{Where: ln.Address.Where})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := new(client).Agree(t.Context(), StepSecurity, conn, "/noise"); err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "\x00\x04this is no noise")
		if what := <-host.told; what != "unsecured" || !strings.HasPrefix(host.unsecured[0].Error(), "/noise: ") {
			t.Errorf("the host is told of %s: %v", what, host.unsecured)
		}
		if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client sees %v", err)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		host := newServer()
		ln := mustListen(t, where, ListenConfig{Host: host, Timeout: 1})
		conn, err := Dial(t.Context(), address.Address{Where: ln.Address.Where})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if what := <-host.told; what != StepSecurity || exit.Code(host.failed[0]) != exit.Timeout {
			t.Errorf("the host is told of %s: %v", what, host.failed)
		}
	})
}
