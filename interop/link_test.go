package interop

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// patience ends what hangs. Nothing that works comes near it.
const patience = 60 * time.Second

// link connects an initiator with a responder.
type link struct {
	name string
	pipe bool // a write returns when the peer has read, and there is no half-close
	open func(t testing.TB) (initiator, responder net.Conn)
}

var links = []link{
	{name: "TCP", open: openTCP},
	{name: "TCP, initiator byte by byte", open: func(t testing.TB) (net.Conn, net.Conn) {
		initiator, responder := openTCP(t)
		return &chopped{Conn: initiator, writes: true}, &chopped{Conn: responder, reads: true}
	}},
	{name: "TCP, responder byte by byte", open: func(t testing.TB) (net.Conn, net.Conn) {
		initiator, responder := openTCP(t)
		return &chopped{Conn: initiator, reads: true}, &chopped{Conn: responder, writes: true}
	}},
	{name: "net.Pipe", pipe: true, open: openPipe},
	{name: "net.Pipe, byte by byte", pipe: true, open: func(t testing.TB) (net.Conn, net.Conn) {
		initiator, responder := openPipe(t)
		return &chopped{initiator, true, true}, &chopped{responder, true, true}
	}},
}

func openTCP(t testing.TB) (initiator, responder net.Conn) {
	t.Helper()
	dialled, accepted := streamtest.TCP(t)
	return patient(dialled), patient(accepted)
}

func openPipe(testing.TB) (initiator, responder net.Conn) {
	initiator, responder = net.Pipe()
	return patient(initiator), patient(responder)
}

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return patient(conn)
}

func patient(conn net.Conn) net.Conn {
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// chopped passes on one byte at a time. To chop the reads is what makes a
// difference to the reader on any transport; to chop the writes puts every byte
// in a segment of its own.
type chopped struct {
	net.Conn
	reads, writes bool
}

func (c *chopped) Read(p []byte) (int, error) {
	if c.reads {
		p = p[:min(1, len(p))]
	}
	return c.Conn.Read(p)
}

func (c *chopped) Write(p []byte) (n int, err error) {
	if !c.writes {
		return c.Conn.Write(p)
	}
	for n < len(p) && err == nil {
		var k int
		k, err = c.Conn.Write(p[n : n+1])
		n += k
	}
	return n, err
}

func (c *chopped) CloseWrite() error { return closeWrite(c.Conn) }

// corked holds a responder's echo back until something is written behind it,
// so that the echo and the protocol's first bytes are one write.
type corked struct {
	net.Conn
	echo []byte
	held []byte
}

func corkFor(conn net.Conn, protocol string) *corked {
	return &corked{Conn: conn, echo: wire.AppendMessage(nil, protocol)}
}

func (c *corked) Write(p []byte) (int, error) {
	if len(c.held) == 0 && bytes.HasSuffix(p, c.echo) {
		c.held = bytes.Clone(p)
		return len(p), nil
	}
	held := len(c.held)
	n, err := c.Conn.Write(append(c.held, p...))
	c.held = nil
	return max(0, n-held), err
}

func closeWrite(conn io.ReadWriteCloser) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
