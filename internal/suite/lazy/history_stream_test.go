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
	mu  sync.Mutex
	out []byte
}

func (s *kept) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(s.out, p...)
	return len(p), nil
}

// SetWriteDeadline has no effect, since no call blocks.
func (s *kept) SetWriteDeadline(time.Time) error { return nil }

func (s *kept) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.out
	s.out = nil
	_, err := s.located.Write(out)
	return err
}

func (s *kept) CloseWrite() error {
	s.Flush()
	return s.located.CloseWrite()
}

func (s *kept) Close() error {
	s.Flush()
	return s.located.Close()
}
