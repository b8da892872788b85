package streamtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Errors of a [Stream]. They wrap the errors of the system, as those of a
// connection do.
var (
	// ErrReset is returned by Read and Write of both ends after a reset.
	ErrReset = fmt.Errorf("streamtest: stream reset: %w", syscall.ECONNRESET)
	// ErrStopped is returned by Write after the peer has closed its reading half.
	ErrStopped = fmt.Errorf("streamtest: the peer has stopped reading: %w", syscall.EPIPE)
)

// Config describes the two directions of a [Pipe]. The zero value is a pair of
// buffers without bound, like those of [Pipe].
type Config struct {
	// Size is how many bytes a direction holds. Write blocks while it is full.
	// Zero: no limit.
	Size int
	// Rendezvous makes Write block until the peer has read all of it, as on
	// [net.Pipe].
	Rendezvous bool
	// Chunks makes Read return the bytes of only one Write.
	Chunks bool
	// Lossy makes Close discard the bytes that the peer has not read if this end
	// has left bytes unread, and reset the stream, as TCP does.
	Lossy bool
}

// Pipe returns both ends of a stream in memory whose buffers have no limit.
func Pipe() (a, b *Stream) { return Config{}.Pipe() }

// Pipe returns both ends of a stream in memory.
func (c Config) Pipe() (a, b *Stream) {
	x, y := newDirection(c), newDirection(c)
	return &Stream{in: x, out: y}, &Stream{in: y, out: x}
}

// Stream is one end of a [Pipe]. It has all that the stream of a multiplexer has,
// works in the fake time of testing/synctest, and records the calls. A test that
// needs less wraps it in [Bare].
type Stream struct {
	in, out *direction

	mu     sync.Mutex
	reads  int
	writes []string
	ended  []string
}

// Bare hides all methods of a stream except Read, Write and Close.
func Bare(stream io.ReadWriteCloser) io.ReadWriteCloser {
	return struct{ io.ReadWriteCloser }{stream}
}

// Read returns [io.EOF] after the bytes of a peer that has closed or half-closed
// its end, [net.ErrClosed] after Close, and [ErrReset] after a reset.
func (s *Stream) Read(p []byte) (int, error) {
	s.record(func() { s.reads++ })
	return s.in.read(p)
}

// Write returns [net.ErrClosed] after Close or CloseWrite, [ErrStopped] after the
// peer has stopped reading, and [ErrReset] after a reset.
func (s *Stream) Write(p []byte) (int, error) {
	s.record(func() { s.writes = append(s.writes, string(p)) })
	return s.out.write(p)
}

// Close ends both directions: the peer reads the remaining bytes and then
// [io.EOF]. See [Config] for unread bytes.
func (s *Stream) Close() error {
	s.recordEnd("close")
	lost := false
	s.in.update(func(d *direction) {
		lost = d.config.Lossy && d.buffered > 0
		d.fail(net.ErrClosed, ErrStopped)
	})
	s.out.update(func(d *direction) {
		d.fail(nil, net.ErrClosed)
		d.finished = true
		if lost {
			d.dead = ErrReset
		}
	})
	return nil
}

// CloseWrite ends the direction to the peer.
func (s *Stream) CloseWrite() error {
	s.recordEnd("closewrite")
	s.out.update(func(d *direction) {
		d.fail(nil, net.ErrClosed)
		d.finished = true
	})
	return nil
}

// CloseRead ends the direction from the peer, whose Writes fail with
// [ErrStopped]. Read returns [io.EOF].
func (s *Stream) CloseRead() error {
	s.recordEnd("closeread")
	s.in.update(func(d *direction) { d.fail(io.EOF, ErrStopped) })
	return nil
}

// Reset ends both directions and discards all bytes. Pending calls of both ends
// fail with [ErrReset].
func (s *Stream) Reset() error { return s.ResetAs("reset") }

// ResetAs is Reset under a name of its own in [Stream.Ended], for streams whose
// reset carries a code.
func (s *Stream) ResetAs(how string) error {
	s.recordEnd(how)
	for _, d := range []*direction{s.in, s.out} {
		d.update(func(d *direction) { d.dead = ErrReset })
	}
	return nil
}

// SetDeadline sets both deadlines.
func (s *Stream) SetDeadline(t time.Time) error {
	s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline also applies to a Read that is pending.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.in.update(func(d *direction) { d.readBy = t })
	return nil
}

// SetWriteDeadline also applies to a Write that is pending.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.out.update(func(d *direction) { d.writeBy = t })
	return nil
}

// ReadDeadline returns the read deadline that is set.
func (s *Stream) ReadDeadline() time.Time {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.in.readBy
}

// AtEOF reports whether the peer has closed its half and all bytes have been read,
// so that the next Read returns [io.EOF].
func (s *Stream) AtEOF() bool {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.in.finished && s.in.buffered == 0 && s.in.dead == nil && s.in.readErr == nil
}

// AwaitRead blocks until the peer has read everything, until that has become
// impossible, or until the write deadline has expired.
func (s *Stream) AwaitRead() error {
	d := s.out
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wait(&d.writeBy, func() error { return nil }, func() bool { return d.buffered == 0 })
}

// Reads returns how often Read was called.
func (s *Stream) Reads() (n int) {
	s.record(func() { n = s.reads })
	return n
}

// Writes returns the bytes of each Write.
func (s *Stream) Writes() (all []string) {
	s.record(func() { all = slices.Clone(s.writes) })
	return all
}

// Ended returns how this end was closed, one word for each call: "close",
// "closewrite", "closeread" or "reset".
func (s *Stream) Ended() (all []string) {
	s.record(func() { all = slices.Clone(s.ended) })
	return all
}

func (s *Stream) recordEnd(how string) { s.record(func() { s.ended = append(s.ended, how) }) }

func (s *Stream) record(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// direction is one direction of a pipe.
type direction struct {
	config Config

	mu              sync.Mutex
	change          sync.Cond
	chunks          [][]byte // one for each Write, as far as it has not been read
	buffered        int      // bytes in chunks
	finished        bool     // the writer has closed: io.EOF after the chunks
	dead            error    // fails both ends immediately
	readErr         error    // of the reader's own closing
	writeErr        error
	readBy, writeBy time.Time
}

func newDirection(c Config) *direction {
	d := &direction{config: c}
	d.change.L = &d.mu
	return d
}

// update changes d and wakes the pending calls.
func (d *direction) update(change func(d *direction)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
	d.change.Broadcast()
}

// fail sets the errors of later calls. The first one of each kind stays.
func (d *direction) fail(read, write error) {
	if d.readErr == nil {
		d.readErr = read
	}
	if d.writeErr == nil {
		d.writeErr = write
	}
}

// wait blocks until the direction is ready, failed returns an error, or the
// deadline has expired.
func (d *direction) wait(by *time.Time, failed func() error, ready func() bool) error {
	for {
		if d.dead != nil {
			return d.dead
		}
		if err := failed(); err != nil {
			return err
		}
		if !by.IsZero() && !time.Now().Before(*by) {
			return os.ErrDeadlineExceeded
		}
		if ready() {
			return nil
		}
		var timer *time.Timer
		if !by.IsZero() {
			timer = time.AfterFunc(time.Until(*by), func() { d.update(func(*direction) {}) })
		}
		d.change.Wait()
		if timer != nil {
			timer.Stop()
		}
	}
}

func (d *direction) read(p []byte) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failed := func() error { return d.readErr }
	if err := d.wait(&d.readBy, failed, func() bool { return d.buffered > 0 || d.finished }); err != nil {
		return 0, err
	}
	if d.buffered == 0 {
		return 0, io.EOF
	}
	for n < len(p) && d.buffered > 0 {
		m := copy(p[n:], d.chunks[0])
		n += m
		d.buffered -= m
		if d.chunks[0] = d.chunks[0][m:]; len(d.chunks[0]) == 0 {
			d.chunks = d.chunks[1:]
		}
		if d.config.Chunks {
			break
		}
	}
	d.change.Broadcast()
	return n, nil
}

func (d *direction) write(p []byte) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failed := func() error { return d.writeErr }
	for first := true; first || n < len(p); first = false {
		hasRoom := func() bool { return len(p) == 0 || d.room() > 0 }
		if err := d.wait(&d.writeBy, failed, hasRoom); err != nil {
			return n, err
		}
		if m := min(len(p)-n, d.room()); m > 0 {
			d.chunks = append(d.chunks, slices.Clone(p[n:n+m]))
			d.buffered += m
			n += m
			d.change.Broadcast()
		}
	}
	if !d.config.Rendezvous {
		return n, nil
	}
	if err := d.wait(&d.writeBy, failed, func() bool { return d.buffered == 0 }); err != nil {
		n = max(0, n-d.buffered)
		d.chunks, d.buffered = nil, 0 // the peer does not get the rest
		return n, err
	}
	return n, nil
}

// room returns how many bytes fit.
func (d *direction) room() int {
	if d.config.Size == 0 {
		return int(^uint(0) >> 1)
	}
	return d.config.Size - d.buffered
}
