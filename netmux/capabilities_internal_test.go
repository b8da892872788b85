package netmux

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// able has all optional methods of connections.
type able struct{ net.Conn }

var errAble = errors.New("the method of the connection")

func (able) CloseWrite() error                     { return errAble }
func (able) CloseRead() error                      { return errAble }
func (able) SetLinger(int) error                   { return errAble }
func (able) SyscallConn() (syscall.RawConn, error) { return nil, errAble }
func (able) ConnectionState() tls.ConnectionState  { return tls.ConnectionState{ServerName: "able"} }

// optional returns which optional methods a connection has, after calling them.
func optional(t *testing.T, conn net.Conn) (set capability) {
	t.Helper()
	called := func(c capability, err error) {
		set |= c
		if err != errAble {
			t.Errorf("%d: %v", c, err)
		}
	}
	if w, ok := conn.(closeWriter); ok {
		called(canCloseWrite, w.CloseWrite())
	}
	if r, ok := conn.(closeReader); ok {
		called(canCloseRead, r.CloseRead())
	}
	if s, ok := conn.(syscall.Conn); ok {
		_, err := s.SyscallConn()
		called(hasSyscallConn, err)
	}
	if l, ok := conn.(lingerer); ok {
		called(canLinger, l.SetLinger(0))
	}
	if s, ok := conn.(tlsStater); ok {
		set |= hasTLS
		if s.ConnectionState().ServerName != "able" {
			t.Error("another ConnectionState")
		}
	}
	return set
}

// A wrapper has exactly the optional methods of its connection, in every combination.
func TestCapabilities(t *testing.T) {
	for set := range capability(1 << 5) {
		all := capabilitiesOf(able{})
		if all.set != 1<<5-1 {
			t.Fatalf("the connection has %b", all.set)
		}
		all.set = set
		base := &replayConn{}
		wrapped := all.wrap(base)
		if got := optional(t, wrapped); got != set {
			t.Errorf("a wrapper of a connection with %05b has %05b", set, got)
		}
		for name, ok := range map[string]bool{
			"WriteTo":  implements[io.WriterTo](wrapped),
			"ReadFrom": implements[io.ReaderFrom](wrapped),
			"NetConn":  implements[interface{ NetConn() net.Conn }](wrapped),
		} {
			if !ok {
				t.Errorf("a wrapper of a connection with %05b has no %s", set, name)
			}
		}
		if below, ok := wrapped.(interface{ below() net.Conn }); !ok || below.below() != base.Conn {
			t.Errorf("a wrapper of a connection with %05b cannot be reset", set)
		}
	}
}

func implements[I any](conn net.Conn) bool {
	_, ok := conn.(I)
	return ok
}

// The connections of the standard library keep their methods, and their kind.
func TestCapabilitiesOfConns(t *testing.T) {
	tcp, _ := streamtest.Connect(t, "tcp")
	unix, _ := streamtest.Connect(t, "unix")
	pipe, _ := net.Pipe()
	secure := tls.Client(tcp, &tls.Config{ServerName: "x"})
	for _, tt := range []struct {
		conn    net.Conn
		want    capability
		netConn net.Conn
	}{
		{tcp, canCloseWrite | canCloseRead | hasSyscallConn | canLinger, tcp},
		{unix, canCloseWrite | canCloseRead | hasSyscallConn, unix},
		{pipe, 0, pipe},
		{secure, canCloseWrite | hasTLS, tcp},
		{struct{ net.Conn }{tcp}, 0, struct{ net.Conn }{tcp}},
		{struct{ *net.TCPConn }{tcp.(*net.TCPConn)}, canCloseWrite | canCloseRead | hasSyscallConn | canLinger, struct{ *net.TCPConn }{tcp.(*net.TCPConn)}},
	} {
		if got := capabilitiesOf(tt.conn).set; got != tt.want {
			t.Errorf("a %T has %05b, want %05b", tt.conn, got, tt.want)
		}
		wrapped := newReplayConn(tt.conn, []byte("x"))
		if below := wrapped.(interface{ NetConn() net.Conn }).NetConn(); below != tt.netConn {
			t.Errorf("the NetConn of a %T is a %T", tt.conn, below)
		}
		if newReplayConn(tt.conn, nil) != tt.conn {
			t.Errorf("a %T without received bytes is wrapped", tt.conn)
		}
	}
}

// Package os splices from a descriptor where it can. That must not skip the received bytes.
func TestReplayIsNotSpliced(t *testing.T) {
	a, b := streamtest.Connect(t, "tcp")
	go func() {
		io.WriteString(b, "then the rest")
		b.Close()
	}()
	file, err := os.Create(t.TempDir() + "/copy")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := io.CopyN(file, newReplayConn(a, []byte("first, ")), 20); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(file.Name()); string(got) != "first, then the rest" || err != nil {
		t.Errorf("copied %q, %v", got, err)
	}
}
