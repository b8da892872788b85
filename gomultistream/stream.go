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

// coreStream is a stream as the core sees it. After a failed negotiation the core ends
// its stream; here that is the task of the caller, which may choose a code for the reset,
// or have more to send. So ResetWithError of a coreStream leaves the stream open and only
// unblocks a Read or Write, which is enough when the time limit expires.
type coreStream struct {
	io.ReadWriteCloser
	calls   atomic.Int32    // Reads and Writes in progress
	ended   atomic.Bool     // by the core: further calls fail
	handler any             // the HandlerFunc that the muxer has found, or nil
	header  responderHeader // of a responder
}

var coreStreams = sync.Pool{New: func() any { return new(coreStream) }}

func newCoreStream(rwc io.ReadWriteCloser) *coreStream {
	s := coreStreams.Get().(*coreStream)
	s.ReadWriteCloser = rwc
	return s
}

// release returns s to the pool. It must not be called after a failed negotiation, which
// may still refer to s.
func (s *coreStream) release() {
	s.ReadWriteCloser, s.handler, s.header = nil, nil, responderHeader{}
	coreStreams.Put(s)
}

func (s *coreStream) Read(p []byte) (n int, err error) {
	defer s.endCall(&err)
	if err := s.beginCall(); err != nil {
		return 0, err
	}
	return s.ReadWriteCloser.Read(p)
}

func (s *coreStream) Write(p []byte) (int, error) {
	if s.header.watchdog != nil || s.header.sent > 0 {
		return s.writeAnswer(p)
	}
	return s.write(p)
}

func (s *coreStream) write(p []byte) (n int, err error) {
	defer s.endCall(&err)
	if err := s.beginCall(); err != nil {
		return 0, err
	}
	return s.ReadWriteCloser.Write(p)
}

// beginCall counts the call before it looks at ended, and ResetWithError uses the opposite
// order: so a call that does not see ended is seen in calls.
func (s *coreStream) beginCall() error {
	s.calls.Add(1)
	if s.ended.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// endCall turns a panic of the stream into an error, in any goroutine.
func (s *coreStream) endCall(err *error) {
	s.calls.Add(-1)
	if r := recover(); r != nil {
		*err = panicError(r)
	}
}

func panicError(reason any) error {
	return fmt.Errorf("panic in multistream negotiation: %v", reason)
}

// ResetWithError is the method by which the core ends a stream.
func (s *coreStream) ResetWithError(uint32) error {
	defer func() { _ = recover() }() // a panic of the stream; the core has an error already
	s.ended.Store(true)
	if s.calls.Load() == 0 {
		return nil
	}
	d, ok := s.ReadWriteCloser.(interface{ SetDeadline(time.Time) error })
	if ok && d.SetDeadline(time.Unix(1, 0)) == nil {
		time.AfterFunc(deadlineGrace, s.endIfBlocked)
		return nil
	}
	s.endIfBlocked()
	return nil
}

// deadlineGrace is the time that a deadline has to unblock a call. SetDeadline of
// go-libp2p's mocknet returns nil and does nothing.
const deadlineGrace = time.Second

// endIfBlocked ends the stream if a call is still in progress.
func (s *coreStream) endIfBlocked() {
	defer func() { _ = recover() }()
	if s.calls.Load() > 0 {
		endStream(s.ReadWriteCloser)
	}
}

// endStream ends a stream, so that blocked calls return.
func endStream(stream io.ReadWriteCloser) {
	if s, ok := stream.(interface{ Reset() error }); ok {
		s.Reset()
		return
	}
	stream.Close()
}

// LocalAddr lets the core recognise a stream whose Write blocks until the peer's Read.
func (s *coreStream) LocalAddr() net.Addr {
	if c, ok := s.ReadWriteCloser.(interface{ LocalAddr() net.Addr }); ok {
		return c.LocalAddr()
	}
	if isBuffered(s.ReadWriteCloser) {
		return nil
	}
	return unknownAddr{}
}

// isBuffered reports whether a stream has a buffer, or has an address by which the core
// finds out. All connections have an address, and streams of multiplexers have a Reset or
// deadlines. Other streams may be two [io.Pipe], where both sides may write first.
func isBuffered(stream io.ReadWriteCloser) bool {
	switch stream.(type) {
	case interface{ LocalAddr() net.Addr }, interface{ Reset() error }, interface{ SetReadDeadline(time.Time) error }:
		return true
	}
	return false
}

// unknownAddr is the address of a stream that may lack a buffer.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "pipe" }
func (unknownAddr) String() string  { return "unknown" }
