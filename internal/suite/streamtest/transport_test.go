package streamtest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// Each transport carries bytes both ways, and is closed, half-closed and reset as
// it says.
func TestTransports(t *testing.T) {
	for _, tr := range streamtest.Transports() {
		t.Run(tr.Name, func(t *testing.T) {
			ours, theirs := tr.Open(t)
			p := streamtest.NewPeer(theirs)
			streamtest.MustWrite(t, ours, "there")
			if !p.Await(5) || p.Received() != "there" {
				t.Errorf("received %q", p.Received())
			}
			go p.Write("back")
			streamtest.MustRead(t, ours, "back")
			_, half := ours.(interface{ CloseWrite() error })
			if half != tr.HalfClose {
				t.Errorf("half-close: %v", half)
			}
			if err := p.CloseWrite(); err != nil {
				t.Error(err)
			}
			if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
			if _, err := ours.Write([]byte("x")); (err == nil) != tr.HalfClose {
				t.Error(err)
			}
			ours.Close()
			if p.AwaitEnd() == nil || p.Await(100) {
				t.Error("the peer waits for more")
			}
		})
		t.Run(tr.Name+", reset", func(t *testing.T) {
			ours, theirs := tr.Open(t)
			streamtest.NewPeer(theirs).Reset()
			if _, err := ours.Read(make([]byte, 1)); isReset(err) != tr.HalfClose || err == nil {
				t.Error(err)
			}
		})
	}
}

// isReset reports whether a peer has reset a TCP connection. Windows has a number for it that is
// not syscall.ECONNRESET.
func isReset(err error) bool {
	const wsaConnReset = syscall.Errno(10054)
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, wsaConnReset)
}

func TestPeerResetsStream(t *testing.T) {
	a, b := streamtest.Pipe()
	streamtest.NewPeer(b).Reset()
	if _, err := a.Read(make([]byte, 1)); err != streamtest.ErrReset {
		t.Error(err)
	}
}

func TestUnix(t *testing.T) {
	dialled, accepted := streamtest.Unix(t)
	streamtest.MustWrite(t, dialled, "x")
	streamtest.MustRead(t, accepted, "x")
}

// The certificate is accepted for its names on a connection and in fake time, and
// only by the client that belongs to it.
func TestTLS(t *testing.T) {
	server, client := streamtest.TLS(t, "p")
	_, stranger := streamtest.TLS(t, "p")
	handshake := func(a, b net.Conn, config *tls.Config, name string) error {
		config = config.Clone()
		config.ServerName = name
		go tls.Server(a, server).Handshake()
		conn := tls.Client(b, config)
		err := conn.HandshakeContext(context.Background())
		if err == nil && conn.ConnectionState().NegotiatedProtocol != "p" {
			t.Errorf("ALPN %q", conn.ConnectionState().NegotiatedProtocol)
		}
		return err
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "memory"} {
		a, b := streamtest.TCP(t)
		if err := handshake(a, b, client, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			if err := handshake(a, b, client, name); err != nil {
				t.Errorf("%s in fake time: %v", name, err)
			}
			b.Close()
		})
	}
	a, b := streamtest.TCP(t)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](handshake(a, b, stranger, "localhost")); !ok {
		t.Error("a stranger accepts the certificate")
	}
}
