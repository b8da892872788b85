package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/libp2p/go-libp2p/core/sec"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// An address that is in use cannot be listened on, and the error says which.
func TestListenTwice(t *testing.T) {
	for _, where := range everyForm {
		ln := mustListen(t, where, ListenConfig{})
		bare, _, _ := strings.Cut(ln.Address.String(), "/p2p/")
		again, err := Listen(parse(t, bare), ListenConfig{Certificates: new(Certificates), Host: newServer()})
		if err == nil {
			again.Close()
		}
		if exit.Code(err) != exit.Local || !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "cannot listen on "+bare+": ") {
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
	if ln, err := Listen(parse(t, "unix:"+path), ListenConfig{Certificates: new(Certificates)}); err == nil {
		ln.Close()
		t.Error("listens on a file that is no socket")
	}
	if text, err := os.ReadFile(path); string(text) != "mine" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// Close ends Accept. Links, and their streams, stay open.
func TestListenerClose(t *testing.T) {
	for _, where := range everyForm {
		ln := mustListen(t, where, ListenConfig{})
		if ln.Upgrade == nil {
			continue // a net.Listener, but for its name
		}
		here, err := mustConnect(t, ln, new(client)).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(here, "before ")
		there := mustAccept(t, ln)
		ln.Close()
		if conn, err := ln.Accept(); err == nil {
			conn.Close()
			t.Errorf("%s: accepts after Close", where)
		}
		io.WriteString(here, "and after")
		here.CloseWrite()
		if got, err := io.ReadAll(there); string(got) != "before and after" || err != nil {
			t.Errorf("%s: got %q, %v", where, got, err)
		}
	}
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
		if failed := <-host.failed; failed.step != StepSecurity || !errors.Is(<-ln.failed, failed.err) {
			t.Errorf("failed: %s: %v", failed.step, failed.err)
		}
	})
	t.Run("muxer", func(t *testing.T) {
		host := newServer()
		ln := mustListen(t, where, ListenConfig{Host: host})
		_, err := Connect(t.Context(), ln.Address, new(Trust), &client{muxers: []string{"/mplex/6.7.0"}})
		if !errors.Is(err, multiselect.ErrNotSupported) {
			t.Errorf("%v", err)
		}
		if failed := <-host.failed; failed.step != StepMuxer || !errors.Is(<-ln.failed, failed.err) {
			t.Errorf("failed: %s: %v", failed.step, failed.err)
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
		if err := <-ln.failed; !strings.HasPrefix(err.Error(), "/noise: ") {
			t.Error(err)
		}
		if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client sees %v", err)
		}
	})
}

// A server that has waited for long enough closes the connection during a step.
func TestCloseDuringStep(t *testing.T) {
	ln := mustListen(t, "127.0.0.1:0", ListenConfig{})
	self, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(t.Context(), address.Address{Where: ln.Address.Where})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	carrier := mustAccept(t, ln)
	ended := make(chan error, 1)
	go func() {
		_, err := self.upgrade(t.Context(), newServer(), carrier)
		ended <- err
	}()
	if _, err := new(client).Agree(t.Context(), StepSecurity, conn, "/noise"); err != nil {
		t.Fatal(err)
	}
	carrier.Close()
	if err := <-ended; err == nil {
		t.Error("a closed connection has become a link")
	}
}
