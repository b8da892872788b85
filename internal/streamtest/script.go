package streamtest

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
)

// Script is a stream whose peer has sent everything beforehand: Read returns one
// chunk after the other, and then End. It records the calls, and fails those that
// a test chooses.
//
// The hooks run while the Script is locked, and may read and change its fields.
// So may the test before the first call and after the last one; in between it
// calls [Script.Locked].
type Script struct {
	Chunks []string // not read yet
	End    error    // returned by Read after the last chunk; nil: io.EOF

	OnRead  func(p []byte) // called at the beginning of each Read
	OnWrite func(p []byte) // called at the beginning of each Write
	// FailRead and FailWrite replace the calls for which they report true.
	// Calls are counted from 0.
	FailRead, FailWrite func(call int, p []byte) (n int, err error, failed bool)

	Reads, Writes int      // calls
	Written       []byte   // by all Writes together
	Ended         []string // "close" for each Close

	mu sync.Mutex
}

// NewScript returns a Script with these chunks.
func NewScript(chunks ...string) *Script { return &Script{Chunks: slices.Clone(chunks)} }

// Read returns bytes of at most one chunk, and [net.ErrClosed] after Close.
func (s *Script) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.OnRead != nil {
		s.OnRead(p)
	}
	s.Reads++
	if s.FailRead != nil {
		if n, err, failed := s.FailRead(s.Reads-1, p); failed {
			return n, err
		}
	}
	switch {
	case len(s.Ended) > 0:
		return 0, net.ErrClosed
	case len(s.Chunks) == 0 && s.End != nil:
		return 0, s.End
	case len(s.Chunks) == 0:
		return 0, io.EOF
	}
	n := copy(p, s.Chunks[0])
	if s.Chunks[0] = s.Chunks[0][n:]; s.Chunks[0] == "" {
		s.Chunks = s.Chunks[1:]
	}
	return n, nil
}

// Write records the bytes.
func (s *Script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.OnWrite != nil {
		s.OnWrite(p)
	}
	s.Writes++
	if s.FailWrite != nil {
		if n, err, failed := s.FailWrite(s.Writes-1, p); failed {
			s.Written = append(s.Written, p[:max(0, min(n, len(p)))]...)
			return n, err
		}
	}
	s.Written = append(s.Written, p...)
	return len(p), nil
}

// Close records the call.
func (s *Script) Close() error {
	s.Locked(func() { s.Ended = append(s.Ended, "close") })
	return nil
}

// Rest returns the bytes that have not been read.
func (s *Script) Rest() string { return strings.Join(s.Chunks, "") }

// Locked calls f while no call of the stream is running.
func (s *Script) Locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
