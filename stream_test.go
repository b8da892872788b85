package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// scripted is a stream whose peer has said everything beforehand: one chunk
// for each Read, and then EOF. It records what is done to it, and fails, where
// a test wants it to, the Read or Write with a certain number.
type scripted struct {
	chunks  []string
	end     error // what Read returns behind the last chunk, io.EOF if nil
	onRead  func(p []byte)
	onWrite func(p []byte)
	// failRead and failWrite take over the call with their number, from 0.
	failRead, failWrite func(call int, p []byte) (n int, err error, failed bool)

	mu            sync.Mutex
	reads, writes int
	written       []byte
	ends          []string // how it was ended, once for each time
}

var errReset = errors.New("stream reset")

// talk returns a scripted stream on which each chunk arrives in one piece.
func talk(chunks ...string) *scripted { return &scripted{chunks: slices.Clone(chunks)} }

func (s *scripted) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onRead != nil {
		s.onRead(p)
	}
	call := s.reads
	s.reads++
	if s.failRead != nil {
		if n, err, failed := s.failRead(call, p); failed {
			return n, err
		}
	}
	if len(s.ends) > 0 {
		return 0, net.ErrClosed
	}
	if len(s.chunks) == 0 {
		if s.end != nil {
			return 0, s.end
		}
		return 0, io.EOF
	}
	n := copy(p, s.chunks[0])
	if s.chunks[0] = s.chunks[0][n:]; s.chunks[0] == "" {
		s.chunks = s.chunks[1:]
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onWrite != nil {
		s.onWrite(p)
	}
	call := s.writes
	s.writes++
	if s.failWrite != nil {
		if n, err, failed := s.failWrite(call, p); failed {
			s.written = append(s.written, p[:max(0, min(n, len(p)))]...)
			return n, err
		}
	}
	s.written = append(s.written, p...)
	return len(p), nil
}

func (s *scripted) Close() error { return s.ended("close") }

func (s *scripted) ended(how string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, how)
	return nil
}

// rest is what a caller would still read from the stream.
func (s *scripted) rest() (rest string) {
	for _, chunk := range s.chunks {
		rest += chunk
	}
	return rest
}

// say returns the messages with the given texts as they stand on the wire.
func say(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = wire.AppendMessage(b, text)
	}
	return string(b)
}

// bytewise cuts what is said into chunks of one byte.
func bytewise(said string) (chunks []string) {
	for i := range len(said) {
		chunks = append(chunks, said[i:i+1])
	}
	return chunks
}

// serving returns a muxer with the names, whose handlers do nothing.
func serving(t testing.TB, names ...string) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	for _, name := range names {
		if err := m.AddHandler(name, noHandler); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func noHandler(context.Context, string, io.ReadWriteCloser) {}

// pipe is one direction of a pair: bytes written are kept until they are read,
// however many there are.
type pipe struct {
	mu     sync.Mutex
	change sync.Cond
	bytes  []byte
	err    error // what Read returns when the bytes are used up
	dead   error // what Read and Write return at once
}

func newPipe() *pipe {
	p := new(pipe)
	p.change.L = &p.mu
	return p
}

func (p *pipe) stop(err, dead error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	if p.dead == nil {
		p.dead = dead
	}
	p.change.Broadcast()
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.dead == nil && p.err == nil && len(p.bytes) == 0 {
		p.change.Wait()
	}
	switch {
	case p.dead != nil:
		return 0, p.dead
	case len(p.bytes) > 0:
		n := copy(b, p.bytes)
		p.bytes = p.bytes[n:]
		return n, nil
	}
	return 0, p.err
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead != nil {
		return 0, p.dead
	}
	p.bytes = append(p.bytes, b...)
	p.change.Broadcast()
	return len(b), nil
}

// end is one of the two ends of a stream in memory, with buffers that never
// fill up. It has no deadlines and no addresses.
type end struct {
	in, out *pipe
	mu      sync.Mutex
	ends    []string // how this end was ended
}

// pair returns both ends of a stream in memory.
func pair() (*end, *end) {
	a, b := newPipe(), newPipe()
	return &end{in: a, out: b}, &end{in: b, out: a}
}

func (e *end) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error) { return e.out.write(b) }

// Close lets the peer read what was written, and then EOF.
func (e *end) Close() error {
	e.note("close")
	e.in.stop(net.ErrClosed, net.ErrClosed)
	e.out.stop(io.EOF, nil)
	return nil
}

func (e *end) reset(how string) error {
	e.note(how)
	e.in.stop(errReset, errReset)
	e.out.stop(errReset, errReset)
	return nil
}

func (e *end) note(how string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ends = append(e.ends, how)
}

func (e *end) ended() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ends
}

// boastful counts more than it was given, as a stream does that counts what it
// makes of it.
type boastful struct{ io.ReadWriteCloser }

func (b boastful) Write(p []byte) (int, error) {
	n, err := b.ReadWriteCloser.Write(p)
	return n + 5, err
}

// A Write that took everything has been heard, whatever it says beyond that.
func TestBoastfulWrite(t *testing.T) {
	a, b := pair()
	go serving(t, nameB).ServeStream(t.Context(), b)
	if got, err := new(multiselect.Client).SelectOneOf(context.Background(), boastful{a}, nameA, nameB); got != nameB || err != nil {
		t.Errorf("SelectOneOf = %q, %v", got, err)
	}
}
