package differential_test

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

// event is a call of a stream, with the size of its buffer where it has one.
type event struct {
	call string
	size int
}

// scripted is a stream that does what its plan says, and records its calls. It never
// blocks, so that no goroutine is needed for the peer. One stream serves one call of
// the library.
type scripted struct {
	plan   *plan
	muxer  *multiselect.Muxer // whose names change; nil for an initiator
	cancel func()             // ends the context; nil if it does not end in a call

	mu        sync.Mutex // on a stream without a buffer, and when it is ended
	ended     chan struct{}
	calls     int // Reads and Writes
	writes    int
	step      int // of the plan, which is not complete yet
	taken     int // bytes of that step
	silences  int // Reads after the last step that returned nothing
	events    []event
	written   []byte
	endings   int
	handledBy int
}

// maxSilences is the number of Reads without a result after which a Read fails, so that
// [io.Copy] returns.
const maxSilences = 300

func (s *scripted) Read(p []byte) (int, error) {
	s.enter()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record("read", len(p))
	if s.step == len(s.plan.steps) {
		if s.silences++; s.plan.last == nil && s.silences > maxSilences {
			return 0, io.EOF
		}
		return 0, s.plan.last
	}
	now := &s.plan.steps[s.step]
	if s.taken == 0 {
		s.change(now)
	}
	switch n := copy(p, now.bytes[s.taken:]); {
	case now.count != possible:
		s.step++
		return now.count.of(p), now.err
	case s.taken+n < len(now.bytes):
		s.taken += n
		return n, nil
	default:
		s.step++
		s.taken = 0
		return n, now.err
	}
}

func (s *scripted) Write(p []byte) (int, error) {
	s.enter()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record("write", len(p))
	call := s.writes
	s.writes++
	for _, f := range s.plan.faults {
		if f.call == call {
			n := max(len(p)-f.missing, 0)
			s.written = append(s.written, p[:n]...)
			if f.count != possible {
				n = f.count.of(p)
			}
			return n, f.err
		}
	}
	s.written = append(s.written, p...)
	return len(p), nil
}

// of returns the impossible count of a call with the buffer p.
func (i impossible) of(p []byte) int {
	if i == negative {
		return -1
	}
	return len(p) + 1
}

// enter begins a Read or Write. If the negotiation is to be ended in it, it waits until
// the stream is ended: then it does not matter how fast that happens.
func (s *scripted) enter() {
	s.mu.Lock()
	call := s.calls
	s.calls++
	s.mu.Unlock()
	if s.plan.ending.at != call {
		return
	}
	switch s.plan.ending.how {
	case cancelledIn:
		s.cancel()
		<-s.ended
	case expiresIn:
		<-s.ended
	case panicsIn:
		panic(errStream)
	}
}

// change changes what is registered.
func (s *scripted) change(now *step) {
	switch now.change {
	case adds:
		s.muxer.AddHandler(now.name, firstHandler)
	case removes:
		s.muxer.RemoveHandler(now.name)
	case replaces:
		s.muxer.ReplaceHandler(now.name, secondHandler)
	}
}

func (s *scripted) record(call string, size int) {
	s.events = append(s.events, event{call, size})
}

// recordEnd records a call that ends the stream, the last of those that do.
func (s *scripted) recordEnd(call string, code uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(call, int(code))
	if s.endings++; s.endings == 1 {
		close(s.ended)
	}
	return nil
}

func (s *scripted) Close() error { return s.recordEnd("close", 0) }

func (s *scripted) handled(handler int) { s.handledBy = handler }

// rest returns the number of bytes that are left unread.
func (s *scripted) rest() (n int) {
	for _, step := range s.plan.steps[s.step:] {
		n += len(step.bytes)
	}
	return n - s.taken
}

// kind is what a stream can do, apart from Read, Write and Close.
type kind uint8

const (
	bare       kind = iota
	timed           // has deadlines
	halfCloser      // has deadlines and CloseWrite, like a TCP connection
	noDeadline      // like halfCloser, but SetReadDeadline fails
	noHalf          // like halfCloser, but CloseWrite fails
	resets          // has Reset
	resetsCode      // has ResetWithError
	pipe            // recognized as a stream without a buffer
	noAddress       // has an address that is nil
	kinds      = iota
)

func planKind(c *choices) kind {
	if c.below(2) == 0 {
		return bare
	}
	return kind(c.below(kinds))
}

// The streams of the kinds.
type (
	timedStream      struct{ *scripted }
	halfStream       struct{ timedStream }
	noDeadlineStream struct{ halfStream }
	noHalfStream     struct{ halfStream }
	resetStream      struct{ *scripted }
	codeStream       struct{ *scripted }
	addressedStream  struct {
		timedStream
		address net.Addr
	}
)

func (s timedStream) SetDeadline(t time.Time) error     { return s.setDeadline("SetDeadline", t) }
func (s timedStream) SetReadDeadline(t time.Time) error { return s.setDeadline("SetReadDeadline", t) }

func (s timedStream) SetWriteDeadline(t time.Time) error { return s.setDeadline("SetWriteDeadline", t) }

// setDeadline records whether a deadline is zero, has passed, or is to come.
func (s *scripted) setDeadline(call string, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	when := 0
	if !t.IsZero() {
		when = t.Compare(time.Now())
	}
	s.record(call, when)
	return nil
}

func (s halfStream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record("CloseWrite", 0)
	return nil
}

func (s noDeadlineStream) SetReadDeadline(t time.Time) error {
	s.halfStream.SetReadDeadline(t)
	return errStream
}

func (s noHalfStream) CloseWrite() error {
	s.halfStream.CloseWrite()
	return errStream
}

func (s resetStream) Reset() error                    { return s.recordEnd("Reset", 0) }
func (s codeStream) ResetWithError(code uint32) error { return s.recordEnd("ResetWithError", code) }
func (s addressedStream) LocalAddr() net.Addr         { return s.address }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// stream returns the stream with the methods of its kind.
func (s *scripted) stream() io.ReadWriteCloser {
	switch s.plan.kind {
	case timed:
		return timedStream{s}
	case halfCloser:
		return halfStream{timedStream{s}}
	case noDeadline:
		return noDeadlineStream{halfStream{timedStream{s}}}
	case noHalf:
		return noHalfStream{halfStream{timedStream{s}}}
	case resets:
		return resetStream{s}
	case resetsCode:
		return codeStream{s}
	case pipe:
		return addressedStream{timedStream{s}, pipeAddr{}}
	case noAddress:
		return addressedStream{timedStream{s}, nil}
	}
	return s
}
