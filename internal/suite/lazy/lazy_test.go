// Package lazy_test has the tests of lazy streams: of the single methods (stream, read, write,
// deadline, answer, blocked, close), of streams that fail in a call (fault), of moments that two
// calls share (races), of the end of a stream (linger, delivery), of streams without buffers and
// streams on each other (pipes, nested), and of all methods concurrently (stress).
package lazy_test

import (
	"errors"
	"fmt"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// errInjected is an error that a test makes a stream return.
var errInjected = errors.New("injected by the test")

// zeroCount returns the error of a call that must return the count 0.
func zeroCount(n int, err error) error {
	if n != 0 {
		return fmt.Errorf("%d bytes, %w", n, err)
	}
	return err
}

// failingWriter is a stream whose Write accepts a number of bytes, then fails once, and
// accepts all bytes after that.
type failingWriter struct {
	*streamtest.Stream
	accepts int // bytes before the failure; negative after it
	err     error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.accepts < 0 || f.accepts >= len(p) {
		f.accepts -= len(p)
		return f.Stream.Write(p)
	}
	n, _ := f.Stream.Write(p[:f.accepts])
	f.accepts = -1
	return n, f.err
}

// panickingStream is a stream whose Read or Write panics.
type panickingStream struct {
	*streamtest.Stream
	inRead, inWrite bool
}

func (s *panickingStream) Read(p []byte) (int, error) {
	if s.inRead {
		panic("a stream")
	}
	return s.Stream.Read(p)
}

func (s *panickingStream) Write(p []byte) (int, error) {
	if s.inWrite {
		panic("a stream")
	}
	return s.Stream.Write(p)
}

// hookedStream is a stream with hooks in its calls, for events at an exact moment.
type hookedStream struct {
	*streamtest.Stream
	afterRead  func(n int, err error) (int, error) // changes the results of each Read
	firstWrite func(p []byte) (int, error)         // replaces the first Write
}

func (s *hookedStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if s.afterRead != nil {
		return s.afterRead(n, err)
	}
	return n, err
}

func (s *hookedStream) Write(p []byte) (int, error) {
	if write := s.firstWrite; write != nil {
		s.firstWrite = nil
		return write(p)
	}
	return s.Stream.Write(p)
}
