package conform_test

import (
	"errors"
	"io"
	"sync"
	"syscall"
)

// memory is one end of a stream in memory, for tests in fake time: buffered, with
// halves and resets, and a Read returns what one Write has written.
type memory struct{ in, out *half }

// half is one direction.
type half struct {
	mu     sync.Mutex
	change sync.Cond
	chunks [][]byte
	err    error // what a Read returns behind the chunks
	broken error // what a Write returns
}

func newHalf() *half {
	h := new(half)
	h.change.L = &h.mu
	return h
}

func newMemory() (a, b *memory) {
	x, y := newHalf(), newHalf()
	return &memory{x, y}, &memory{y, x}
}

func (m *memory) Read(p []byte) (int, error) {
	h := m.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.chunks) == 0 && h.err == nil {
		h.change.Wait()
	}
	if len(h.chunks) == 0 {
		return 0, h.err
	}
	n := copy(p, h.chunks[0])
	if h.chunks[0] = h.chunks[0][n:]; len(h.chunks[0]) == 0 {
		h.chunks = h.chunks[1:]
	}
	return n, nil
}

func (m *memory) Write(p []byte) (int, error) {
	h := m.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken != nil {
		return 0, h.broken
	}
	h.chunks = append(h.chunks, append([]byte(nil), p...))
	h.change.Broadcast()
	return len(p), nil
}

// end ends a direction: a Read returns err when the chunks are drained, or at
// once if they are dropped.
func (h *half) end(err error, drop bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
	if h.broken == nil {
		h.broken = errors.Join(io.ErrClosedPipe, syscall.EPIPE)
	}
	if drop {
		h.chunks = nil
	}
	h.change.Broadcast()
}

func (m *memory) CloseWrite() error {
	m.out.end(io.EOF, false)
	return nil
}

// Close and Reset end what comes in first: who hears of the end cannot answer it.
func (m *memory) Close() error {
	m.in.end(io.ErrClosedPipe, true)
	m.out.end(io.EOF, false)
	return nil
}

func (m *memory) Reset() error {
	m.in.end(io.ErrClosedPipe, true)
	m.out.end(syscall.ECONNRESET, true)
	return nil
}
