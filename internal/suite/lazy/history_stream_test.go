package lazy_test

import (
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// This file has the streams of TestLazyHistories.

// located is a stream with a remote address.
type located struct {
	*streamtest.Stream
	host string
}

func (s *located) RemoteAddr() net.Addr { return &net.UnixAddr{Name: s.host} }

// kept is a stream whose Write keeps the bytes until Flush or the end.
type kept struct {
	*located
	mu    sync.Mutex
	out   []byte
	ended bool // CloseWrite or Close was called
}

func (s *kept) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended { // a Write of another goroutine that has begun before
		return 0, net.ErrClosed
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

// SetWriteDeadline has no effect, since no call blocks.
func (s *kept) SetWriteDeadline(time.Time) error { return nil }

func (s *kept) Flush() error { return s.flush(false) }

func (s *kept) flush(ends bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = s.ended || ends
	out := s.out
	s.out = nil
	_, err := s.located.Write(out)
	return err
}

func (s *kept) CloseWrite() error {
	s.flush(true)
	return s.located.CloseWrite()
}

func (s *kept) Close() error {
	s.flush(true)
	return s.located.Close()
}
