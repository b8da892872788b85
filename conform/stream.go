package conform

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/multiselect/multiselect"
)

// stream is the tester's end of a stream. From the first moment on it reads
// whatever arrives, and takes notes of everything.
type stream struct {
	conn  io.ReadWriteCloser
	party multiselect.Role // whoever is at the other end
	start time.Time
	done  chan struct{} // closed when reading has ended

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something has changed
	events  []Event
	said    []byte // by the party
	reads   int
	ended   bool // nothing more will be said
	over    bool // the tester is done, and takes no more notes
}

func newStream(conn io.ReadWriteCloser, party multiselect.Role, start time.Time) *stream {
	s := &stream{conn: conn, party: party, start: start, done: make(chan struct{}), changed: make(chan struct{})}
	go s.listen()
	return s
}

func (s *stream) listen() {
	defer close(s.done)
	buf := make([]byte, 8<<10)
	for {
		n, err := s.conn.Read(buf)
		s.mu.Lock()
		if n > 0 {
			s.said = append(s.said, buf[:n]...)
			s.reads++
			s.note(Event{From: s.party, Kind: EventData, Data: append([]byte(nil), buf[:n]...)})
		}
		if err != nil && !s.over {
			s.ended = true
			s.note(endOf(s.party, err))
		}
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// endOf says how reading ended.
func endOf(from multiselect.Role, err error) Event {
	switch {
	case errors.Is(err, io.EOF):
		return Event{From: from, Kind: EventHalfClosed}
	case errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return Event{From: from, Kind: EventClosed}
	}
	return Event{From: from, Kind: EventReset, Note: err.Error()}
}

// note adds an event. The caller holds mu.
func (s *stream) note(e Event) {
	if !s.over {
		e.At = time.Since(s.start)
		s.events = append(s.events, e)
	}
}

func (s *stream) noted(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(e)
}

// now returns what is known, and a channel that is closed when that changes.
func (s *stream) now() (said []byte, reads int, ended bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said, s.reads, s.ended, s.changed
}

// write notes what is written before it is, so that the events are in order.
func (s *stream) write(b []byte) error {
	s.noted(Event{From: s.party.Peer(), Kind: EventData, Data: b})
	_, err := s.conn.Write(b)
	if err != nil {
		s.noted(Event{From: s.party.Peer(), Kind: EventWriteFailed, Note: err.Error()})
	}
	return err
}

// halves reports whether one direction of the stream can be ended.
func (s *stream) halves() bool {
	_, ok := s.conn.(interface{ CloseWrite() error })
	return ok
}

func (s *stream) closeWrite() {
	s.noted(Event{From: s.party.Peer(), Kind: EventHalfClosed})
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// reset ends the stream without saying goodbye, as well as it can.
func (s *stream) reset() {
	s.noted(Event{From: s.party.Peer(), Kind: EventReset})
	switch conn := s.conn.(type) {
	case interface{ Reset() error }:
		conn.Reset()
	case interface{ SetLinger(sec int) error }:
		conn.SetLinger(0)
	case interface{ CloseWithError(error) error }:
		conn.CloseWithError(syscall.ECONNRESET)
	}
	s.conn.Close()
}

func (s *stream) close() {
	s.noted(Event{From: s.party.Peer(), Kind: EventClosed})
	s.conn.Close()
}

// cut ends the stream because the time is over. What becomes of it is not what the
// party has done.
func (s *stream) cut() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.conn.Close()
}

// finish ends the stream, waits until nobody reads it, and returns what happened
// before. It may be called when the stream has been ended.
func (s *stream) finish() []Event {
	s.cut()
	<-s.done
	return s.events
}
