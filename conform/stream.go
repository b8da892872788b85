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

// stream is the tester's end of a stream. A goroutine reads all bytes from the start, and
// every event is recorded.
type stream struct {
	conn  io.ReadWriteCloser
	party multiselect.Role // the role of the other end
	start time.Time
	done  chan struct{} // closed when reading has ended

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced after each change
	events   []Event
	received []byte // from the party
	reads    int
	ended    bool // the party sends no more bytes
	stopped  bool // no more events are recorded
}

func newStream(conn io.ReadWriteCloser, party multiselect.Role, start time.Time) *stream {
	s := &stream{conn: conn, party: party, start: start, done: make(chan struct{}), changed: make(chan struct{})}
	go s.readAll()
	return s
}

func (s *stream) readAll() {
	defer close(s.done)
	buf := make([]byte, 8<<10)
	for {
		n, err := s.conn.Read(buf)
		s.mu.Lock()
		if n > 0 {
			s.received = append(s.received, buf[:n]...)
			s.reads++
			s.recordLocked(Event{From: s.party, Kind: EventData, Data: append([]byte(nil), buf[:n]...)})
		}
		if err != nil && !s.stopped {
			s.ended = true
			s.recordLocked(readEnd(s.party, err))
		}
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// readEnd returns the event for the error of a Read.
func readEnd(from multiselect.Role, err error) Event {
	switch {
	case errors.Is(err, io.EOF):
		return Event{From: from, Kind: EventHalfClosed}
	case errors.Is(err, io.ErrClosedPipe), errors.Is(err, net.ErrClosed):
		return Event{From: from, Kind: EventClosed}
	}
	return Event{From: from, Kind: EventReset, Note: err.Error()}
}

// recordLocked records an event. The caller must hold mu.
func (s *stream) recordLocked(e Event) {
	if !s.stopped {
		e.At = time.Since(s.start)
		s.events = append(s.events, e)
	}
}

func (s *stream) record(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordLocked(e)
}

// snapshot returns the state of reading, and a channel that is closed when it changes.
func (s *stream) snapshot() (received []byte, reads int, ended bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received, s.reads, s.ended, s.changed
}

// write records the bytes before it writes them, so that the events are in order.
func (s *stream) write(b []byte) error {
	s.record(Event{From: s.party.Peer(), Kind: EventData, Data: b})
	_, err := s.conn.Write(b)
	if err != nil {
		s.record(Event{From: s.party.Peer(), Kind: EventWriteFailed, Note: err.Error()})
	}
	return err
}

// canCloseWrite reports whether one direction of the stream can be ended alone.
func (s *stream) canCloseWrite() bool {
	_, ok := s.conn.(interface{ CloseWrite() error })
	return ok
}

func (s *stream) closeWrite() {
	s.record(Event{From: s.party.Peer(), Kind: EventHalfClosed})
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// reset resets the stream, or closes it if it cannot be reset.
func (s *stream) reset() {
	s.record(Event{From: s.party.Peer(), Kind: EventReset})
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
	s.record(Event{From: s.party.Peer(), Kind: EventClosed})
	s.conn.Close()
}

// stop closes the stream when the time of the case expires. It ends the recording first,
// because later events are not caused by the party.
func (s *stream) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.conn.Close()
}

// finish stops the stream, waits for the end of reading, and returns the events. It may be
// called on a stream that has ended.
func (s *stream) finish() []Event {
	s.stop()
	<-s.done
	return s.events
}
