package multistream

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// held is what the core sees of a stream. The core ends a stream on which a
// negotiation has failed. Here that is for the caller to do, who may have a code
// to reset it with, or more to say on it. So held ends nothing. It frees a Read or
// Write that is blocked, which is what the core wants when the time is over.
type held struct {
	io.ReadWriteCloser
	busy    atomic.Int32 // calls of Read and Write
	over    atomic.Bool  // the core wants no more of them
	handler any          // what the muxer has found: a HandlerFunc, or nil
}

var helds = sync.Pool{New: func() any { return new(held) }}

func hold(rwc io.ReadWriteCloser) *held {
	h := helds.Get().(*held)
	h.ReadWriteCloser = rwc
	return h
}

// release is for negotiations that have succeeded. Others may hold on to it.
func (h *held) release() {
	h.ReadWriteCloser, h.handler = nil, nil
	helds.Put(h)
}

func (h *held) Read(p []byte) (n int, err error) {
	defer h.leave(&err)
	if err := h.enter(); err != nil {
		return 0, err
	}
	return h.ReadWriteCloser.Read(p)
}

func (h *held) Write(p []byte) (n int, err error) {
	defer h.leave(&err)
	if err := h.enter(); err != nil {
		return 0, err
	}
	return h.ReadWriteCloser.Write(p)
}

// enter is called before leave: a call that over is too late for is seen to be
// busy by who has set it.
func (h *held) enter() error {
	h.busy.Add(1)
	if h.over.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// leave makes an error of a panic of the stream, in whatever goroutine.
func (h *held) leave(err *error) {
	h.busy.Add(-1)
	if r := recover(); r != nil {
		*err = panicError(r)
	}
}

func panicError(reason any) error {
	return fmt.Errorf("panic in multistream negotiation: %v", reason)
}

// ResetWithError is how the core ends a stream.
func (h *held) ResetWithError(uint32) error {
	defer func() { _ = recover() }() // the stream's; it comes behind the error that counts
	h.over.Store(true)
	if h.busy.Load() == 0 {
		return nil
	}
	if s, ok := h.ReadWriteCloser.(interface{ SetDeadline(time.Time) error }); ok && s.SetDeadline(time.Unix(1, 0)) == nil {
		time.AfterFunc(grace, h.insist)
		return nil
	}
	h.insist()
	return nil
}

// grace is how long a deadline may take to free a call. That of go-libp2p's mocknet
// does nothing.
const grace = time.Second

// insist ends the stream if a call is still blocked on it.
func (h *held) insist() {
	defer func() { _ = recover() }()
	if h.busy.Load() > 0 {
		end(h.ReadWriteCloser)
	}
}

// end ends a stream, so that blocked calls return.
func end(stream io.ReadWriteCloser) {
	if s, ok := stream.(interface{ Reset() error }); ok {
		s.Reset()
		return
	}
	stream.Close()
}

// LocalAddr is how the core recognises a stream whose Write waits for the peer's
// Read.
func (h *held) LocalAddr() net.Addr {
	if s, ok := h.ReadWriteCloser.(interface{ LocalAddr() net.Addr }); ok {
		return s.LocalAddr()
	}
	if buffers(h.ReadWriteCloser) {
		return nil
	}
	return unknown{}
}

// buffers reports whether a stream is known to have a buffer, or will tell the
// core. All connections have an address, and streams of multiplexers can be reset or
// have deadlines. What remains may be two [io.Pipe]: there, both sides may write first.
func buffers(stream io.ReadWriteCloser) bool {
	switch stream.(type) {
	case interface{ LocalAddr() net.Addr }, interface{ Reset() error }, interface{ SetReadDeadline(time.Time) error }:
		return true
	}
	return false
}

// unknown is the address of a stream that is not known to have a buffer.
type unknown struct{}

func (unknown) Network() string { return "pipe" }
func (unknown) String() string  { return "unknown" }
