package streamtest

import (
	"io"
	"net"
	"sync"
)

// Peer is the other end of a conversation. It reads concurrently all that arrives
// from the first moment on, so that a stream without buffers never blocks the
// party under test because of the peer.
type Peer struct {
	Conn io.ReadWriteCloser

	mu       sync.Mutex
	change   sync.Cond
	received []byte
	readErr  error // why reading has ended
}

// NewPeer returns a Peer and starts to read from conn, until that fails.
func NewPeer(conn io.ReadWriteCloser) *Peer {
	p := &Peer{Conn: conn}
	p.change.L = &p.mu
	go p.read()
	return p
}

func (p *Peer) read() {
	buf := make([]byte, 4096)
	for {
		n, err := p.Conn.Read(buf)
		p.mu.Lock()
		p.received = append(p.received, buf[:n]...)
		p.readErr = err
		p.change.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Await blocks until n bytes have arrived in all, or no more can. It reports
// whether they have.
func (p *Peer) Await(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.received) < n && p.readErr == nil {
		p.change.Wait()
	}
	return len(p.received) >= n
}

// AwaitEnd blocks until reading has ended and returns the error that ended it.
func (p *Peer) AwaitEnd() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.readErr == nil {
		p.change.Wait()
	}
	return p.readErr
}

// Received returns all that has arrived.
func (p *Peer) Received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.received)
}

// Write sends bytes.
func (p *Peer) Write(bytes string) error {
	_, err := io.WriteString(p.Conn, bytes)
	return err
}

// CloseWrite half-closes the stream. A stream without half-close is closed.
func (p *Peer) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return p.Conn.Close()
}

// Reset resets the stream, in the way of its kind. A stream without reset is
// closed.
func (p *Peer) Reset() error {
	switch conn := p.Conn.(type) {
	case interface{ Reset() error }:
		return conn.Reset()
	case *net.TCPConn:
		conn.SetLinger(0)
	case *IOPipe:
		return conn.Abort()
	}
	return p.Conn.Close()
}
