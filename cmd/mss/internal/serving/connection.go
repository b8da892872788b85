package serving

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// connection is a client's connection or stream, or the carrier of a link. It counts the
// bytes of its client: package netmux asks for them, and the log shows them.
type connection struct {
	transport.Stream
	number  int64 // of the connections of the server
	carrier bool
	entry   *entry      // of its last negotiation
	agreed  atomic.Bool // on a protocol
	active  atomic.Bool // a target serves it, or it is a link
	read    atomic.Uint64
	written atomic.Uint64
}

// label returns the name of the client in the log.
func (c *connection) label() string {
	if c.RemoteAddr().Network() == "unix" {
		return "client " + strconv.FormatInt(c.number, 10) // unix clients have no name
	}
	return c.RemoteAddr().String()
}

func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	c.read.Add(uint64(max(n, 0)))
	return n, err
}

func (c *connection) Write(p []byte) (int, error) {
	n, err := c.Stream.Write(p)
	c.written.Add(uint64(max(n, 0)))
	return n, err
}

// BytesRead returns the counter of the bytes that were read. Package netmux asks for it when
// a protocol is agreed on, and not before.
func (c *connection) BytesRead() *atomic.Uint64 {
	c.agreed.Store(true)
	return &c.read
}

// ResetWithError resets the stream, whose own method embedding hides. The library calls it
// to end a failed negotiation, and package netmux to end a connection. After an agreement
// the client must not mistake partial data for the whole.
func (c *connection) ResetWithError(code uint32) error {
	if !c.agreed.Load() {
		return transport.ResetWithCode(c.Stream, code)
	}
	transport.Reset(c.Stream)
	return nil
}

// replayed is a connection whose first bytes were read before the agreement: that of a
// client that does not negotiate.
type replayed struct {
	*connection
	all io.Reader
}

func (r replayed) Read(p []byte) (int, error) { return r.all.Read(p) }

// traffic is the time and the numbers of bytes since some moment.
type traffic struct {
	began         time.Time
	read, written uint64
}

// traffic returns the state at the beginning of a handler.
func (c *connection) traffic(isReplayed bool) traffic {
	t := traffic{time.Now(), c.read.Load(), c.written.Load()}
	if isReplayed {
		t.read = 0
	}
	return t
}

func (c *connection) since(t traffic) (took time.Duration, read, written uint64) {
	return time.Since(t.began), c.read.Load() - t.read, c.written.Load() - t.written
}

// listener accepts the connections of a server, or the carriers of its links.
type listener struct {
	net.Listener
	server  *Server
	carrier bool
}

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.server.newConnection(conn, l.carrier), nil
}

func (s *Server) newConnection(conn net.Conn, carrier bool) *connection {
	return &connection{Stream: conn.(transport.Stream), number: s.accepted.Add(1), carrier: carrier}
}

// link is a link whose streams are connections of a server.
type link struct {
	netmux.Link
	server *Server
}

func (l link) AcceptStream(ctx context.Context) (net.Conn, error) {
	stream, err := l.Link.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	return l.server.newConnection(stream, false), nil
}

type connectionKey struct{}

// connectionOf returns the connection that a hook of netmux has put into the context.
func connectionOf(ctx context.Context) *connection {
	return ctx.Value(connectionKey{}).(*connection)
}
