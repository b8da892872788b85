package attempt

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

const header = wire.HeaderFrame

// parse reads an address.
func parse(t *testing.T, where string) address.Address {
	t.Helper()
	a, err := address.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// peerAt returns a peer that is stopped when the test ends.
func peerAt(t *testing.T, where string) *Peer {
	t.Helper()
	p := NewPeer(parse(t, where), where, new(transport.Trust))
	t.Cleanup(p.Stop)
	return p
}

// scripted is a peer on TCP, each of whose connections does what talk does, and is closed
// then.
func scripted(t *testing.T, talk func(conn *net.TCPConn)) *Peer {
	t.Helper()
	ln := streamtest.Listen(t, "tcp")
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				talk(conn.(*net.TCPConn))
			}()
		}
	}()
	return peerAt(t, ln.Addr().String())
}

// says is a talk that waits for the proposal of /x, sends bytes, and reads to the end of the
// connection.
func says(sent string) func(conn *net.TCPConn) {
	return func(conn *net.TCPConn) {
		readUntil(conn, "/x\n")
		io.WriteString(conn, sent)
		io.Copy(io.Discard, conn)
	}
}

// leaves is like says, and ends the connection when it has sent the bytes.
func leaves(sent string) func(conn *net.TCPConn) {
	return func(conn *net.TCPConn) {
		readUntil(conn, "/x\n")
		io.WriteString(conn, sent)
		conn.CloseWrite()
		io.Copy(io.Discard, conn)
	}
}

// readUntil reads until the text has arrived, or the connection has ended.
func readUntil(conn net.Conn, text string) {
	var all []byte
	for p := make([]byte, 1024); !strings.Contains(string(all), text); {
		n, err := conn.Read(p)
		if all = append(all, p[:n]...); err != nil {
			return
		}
	}
}

// host answers the negotiations below the streams.
type host struct {
	protocols map[string][]string // of a step, in place of those that are asked for
}

func (h host) Agree(ctx context.Context, step string, conn transport.Stream, protocols ...string) (string, error) {
	if other, ok := h.protocols[step]; ok {
		protocols = other
	}
	var muxer multiselect.Muxer
	for _, p := range protocols {
		if err := muxer.AddHandler(p, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return "", err
		}
	}
	protocol, _, err := muxer.Negotiate(ctx, conn)
	return protocol, err
}

// serve serves on an address of any form until the test ends, and returns the peer.
func serve(t *testing.T, where string, h host, srv *netmux.Server) *Peer {
	t.Helper()
	ln, err := transport.Listen(parse(t, where), transport.ListenConfig{Certificates: new(transport.Certificates), Host: h})
	if err != nil {
		t.Fatal(err)
	}
	srv.Logger = slog.New(slog.DiscardHandler)
	t.Cleanup(func() { srv.Close() })
	go ln.Serve(srv)
	p := NewPeer(ln.Address, ln.Address.String(), &transport.Trust{Pin: ln.Fingerprint})
	t.Cleanup(p.Stop)
	return p
}

// echoes returns a responder that sends back what it receives, in these protocols.
func echoes(t *testing.T, names ...string) *netmux.Server {
	t.Helper()
	srv := new(netmux.Server)
	for _, name := range names {
		err := srv.Muxer.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			io.Copy(stream, stream)
			stream.(transport.Stream).CloseWrite()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return srv
}

// watcher is a live transcript that calls a function when a line has been written.
type watcher struct {
	line string
	then func()

	mu  sync.Mutex
	all bytes.Buffer
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if w.then != nil && slices.Contains(strings.Split(w.all.String(), "\n"), w.line) {
		w.then()
		w.then = nil
	}
	return len(p), nil
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// deadline is a context that expires when a test says so.
type deadline struct {
	context.Context
	expired chan struct{}
}

func newDeadline(t *testing.T) *deadline { return &deadline{t.Context(), make(chan struct{})} }

func (d *deadline) expire() { close(d.expired) }

func (d *deadline) Done() <-chan struct{} { return d.expired }

func (d *deadline) Err() error {
	select {
	case <-d.expired:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
