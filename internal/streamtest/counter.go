package streamtest

import (
	"net"
	"sync/atomic"
	"time"
)

// Counter counts the calls of a connection. It allocates nothing and passes each
// call on unchanged, so that it does not disturb the measurement of a negotiation.
// The counts may be read and reset from any goroutine.
type Counter struct {
	net.Conn
	Reads, Writes           atomic.Int64 // calls
	BytesRead, BytesWritten atomic.Int64
	Deadlines               atomic.Int64 // calls that set a deadline
	// OnCall, if it is not nil, is called at the beginning of each Read and Write.
	// It must be set before the first call.
	OnCall func()
}

// Read counts the call and the bytes.
func (c *Counter) Read(p []byte) (int, error) {
	c.Reads.Add(1)
	c.called()
	n, err := c.Conn.Read(p)
	c.BytesRead.Add(int64(n))
	return n, err
}

// Write counts the call and the bytes.
func (c *Counter) Write(p []byte) (int, error) {
	c.Writes.Add(1)
	c.called()
	n, err := c.Conn.Write(p)
	c.BytesWritten.Add(int64(n))
	return n, err
}

func (c *Counter) called() {
	if c.OnCall != nil {
		c.OnCall()
	}
}

// SetDeadline counts the call.
func (c *Counter) SetDeadline(t time.Time) error {
	c.Deadlines.Add(1)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline counts the call.
func (c *Counter) SetReadDeadline(t time.Time) error {
	c.Deadlines.Add(1)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline counts the call.
func (c *Counter) SetWriteDeadline(t time.Time) error {
	c.Deadlines.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

// ResetCounts sets all counts to zero.
func (c *Counter) ResetCounts() {
	for _, n := range []*atomic.Int64{&c.Reads, &c.Writes, &c.BytesRead, &c.BytesWritten, &c.Deadlines} {
		n.Store(0)
	}
}
