package main

import (
	"io"
	"net"
	"sync"
)

// duplex is one end of a buffered connection in memory: Write does not wait for the
// reader, and Read returns the bytes that have arrived. A blocked reader is woken by a
// sync.Cond. It is not streamtest.Pipe, whose counts and hooks would be a part of the floor:
// its cost must stay the same between the checkouts that are compared.
type duplex struct{ in, out *queue }

func newDuplex() (a, b io.ReadWriteCloser) {
	there, back := newQueue(), newQueue()
	return duplex{there, back}, duplex{back, there}
}

func (d duplex) Read(p []byte) (int, error)  { return d.in.read(p) }
func (d duplex) Write(p []byte) (int, error) { return d.out.write(p) }

func (d duplex) Close() error {
	d.in.close()
	d.out.close()
	return nil
}

// queue holds the bytes of one direction.
type queue struct {
	mu     sync.Mutex
	filled sync.Cond // signalled when bytes arrive or the queue is closed
	bytes  []byte    // written and not read yet
	buf    []byte    // the memory of bytes
	closed bool
}

func newQueue() *queue {
	q := &queue{buf: make([]byte, 0, 4096)}
	q.filled.L = &q.mu
	return q
}

func (q *queue) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.bytes) == 0 {
		if q.closed {
			return 0, io.EOF
		}
		q.filled.Wait()
	}
	n := copy(p, q.bytes)
	q.bytes = q.bytes[n:]
	return n, nil
}

func (q *queue) write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, net.ErrClosed
	}
	if len(q.bytes) == 0 {
		q.bytes = q.buf[:0]
	}
	q.bytes = append(q.bytes, p...)
	q.filled.Signal()
	return len(p), nil
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}
