package netmux

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// replayConn reads the bytes received before those that the connection will still receive, and
// counts the bytes that are read. Its type has no optional methods but NetConn and BytesRead;
// newReplayConn and newCountingConn add those of the connection.
type replayConn struct {
	net.Conn
	mu       sync.Mutex
	received []byte
	read     atomic.Uint64
}

// newReplayConn returns a connection that reads received first, and that has those optional
// methods that conn has: CloseWrite, CloseRead, SyscallConn, SetLinger and ConnectionState.
func newReplayConn(conn net.Conn, received []byte) net.Conn {
	if len(received) == 0 {
		return conn
	}
	return capabilitiesOf(conn).wrap(&replayConn{Conn: conn, received: received})
}

// newCountingConn returns a connection that counts the bytes that are read, with the optional
// methods of conn.
func newCountingConn(conn net.Conn) net.Conn {
	return capabilitiesOf(conn).wrap(&replayConn{Conn: conn})
}

// BytesRead returns the counter of the bytes that were read.
func (c *replayConn) BytesRead() *atomic.Uint64 { return &c.read }

// hasUnread reports whether bytes were received that were not read.
func (c *replayConn) hasUnread() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.received) > 0
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
		c.read.Add(uint64(n))
		return n, nil
	}
	c.mu.Unlock()
	n, err := c.Conn.Read(p)
	c.read.Add(uint64(max(n, 0)))
	return n, err
}

// WriteTo writes the received bytes first, or those of the first Read, and lets io.Copy splice the
// rest.
func (c *replayConn) WriteTo(w io.Writer) (n int64, err error) {
	c.mu.Lock()
	received := c.received
	c.received = nil
	c.mu.Unlock()
	if len(received) == 0 && c.read.Load() == 0 {
		first := make([]byte, 512)
		got, err := c.Conn.Read(first)
		if received = first[:max(got, 0)]; err == io.EOF && got <= 0 {
			return 0, nil
		} else if err != nil && got <= 0 {
			return 0, err
		}
	}
	c.read.Add(uint64(len(received)))
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
