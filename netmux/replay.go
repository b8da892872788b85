package netmux

import (
	"io"
	"net"
	"sync"
)

// replayConn reads the bytes received before those that the connection will still receive. Its
// type has no optional methods but NetConn; newReplayConn adds those of the connection.
type replayConn struct {
	net.Conn
	mu       sync.Mutex
	received []byte
}

// newReplayConn returns a connection that reads received first, and that has those optional
// methods that conn has: CloseWrite, CloseRead, SyscallConn, SetLinger and ConnectionState.
func newReplayConn(conn net.Conn, received []byte) net.Conn {
	if len(received) == 0 {
		return conn
	}
	return capabilitiesOf(conn).wrap(&replayConn{Conn: conn, received: received})
}

// NetConn returns the connection below, as that of a [*tls.Conn] does: over TLS the one that
// carries the encrypted bytes. Reading from it loses the bytes that were received already.
func (c *replayConn) NetConn() net.Conn {
	if t, ok := c.Conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c.Conn
}

// below returns the wrapped connection.
func (c *replayConn) below() net.Conn { return c.Conn }

func (c *replayConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if len(c.received) > 0 {
		defer c.mu.Unlock()
		n := copy(p, c.received)
		c.received = c.received[n:]
		return n, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}

// WriteTo writes the received bytes first, and lets io.Copy splice the rest.
func (c *replayConn) WriteTo(w io.Writer) (n int64, err error) {
	c.mu.Lock()
	received := c.received
	c.received = nil
	c.mu.Unlock()
	if len(received) > 0 {
		m, err := w.Write(received)
		if n = int64(m); err != nil {
			return n, err
		}
	}
	m, err := io.Copy(w, c.Conn)
	return n + m, err
}

// ReadFrom lets io.Copy splice the bytes that are sent.
func (c *replayConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }
