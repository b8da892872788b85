package streamtest

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Tap passes the calls of a stream on and records them. It has deadlines, none of
// which it passes on: a test counts them with [Tap.Deadlines].
type Tap struct {
	io.ReadWriteCloser

	mu        sync.Mutex
	change    sync.Cond
	taken     int // bytes read
	readErr   error
	writes    []string
	ended     []string
	deadlines int
}

// NewTap returns a Tap on the stream.
func NewTap(stream io.ReadWriteCloser) *Tap {
	tap := &Tap{ReadWriteCloser: stream}
	tap.change.L = &tap.mu
	return tap
}

// Read records how many bytes were read.
func (tap *Tap) Read(b []byte) (int, error) {
	n, err := tap.ReadWriteCloser.Read(b)
	tap.record(func() { tap.taken, tap.readErr = tap.taken+n, err })
	return n, err
}

// Write records the bytes before it passes them on.
func (tap *Tap) Write(b []byte) (int, error) {
	tap.record(func() { tap.writes = append(tap.writes, string(b)) })
	return tap.ReadWriteCloser.Write(b)
}

// Close records "close".
func (tap *Tap) Close() error { return tap.CloseAs("close") }

// CloseAs closes the stream and records a word for it in [Tap.Ended]. A test adds
// a reset to a Tap with it.
func (tap *Tap) CloseAs(how string) error {
	tap.record(func() { tap.ended = append(tap.ended, how) })
	return tap.ReadWriteCloser.Close()
}

// LocalAddr returns that of the stream, or nil if it has none, so that a tapped
// net.Pipe is still recognised as one.
func (tap *Tap) LocalAddr() net.Addr {
	if conn, ok := tap.ReadWriteCloser.(net.Conn); ok {
		return conn.LocalAddr()
	}
	return nil
}

// SetDeadline counts the call and fails.
func (tap *Tap) SetDeadline(time.Time) error { return tap.setDeadline() }

// SetReadDeadline counts the call and fails.
func (tap *Tap) SetReadDeadline(time.Time) error { return tap.setDeadline() }

// SetWriteDeadline counts the call and fails.
func (tap *Tap) SetWriteDeadline(time.Time) error { return tap.setDeadline() }

func (tap *Tap) setDeadline() error {
	tap.record(func() { tap.deadlines++ })
	return errors.ErrUnsupported
}

func (tap *Tap) record(f func()) {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	f()
	tap.change.Broadcast()
}

// AwaitTaken blocks until n bytes have been read in all, or no more can be.
func (tap *Tap) AwaitTaken(n int) {
	tap.mu.Lock()
	defer tap.mu.Unlock()
	for tap.taken < n && tap.readErr == nil && len(tap.ended) == 0 {
		tap.change.Wait()
	}
}

// Taken returns how many bytes have been read.
func (tap *Tap) Taken() (n int) {
	tap.record(func() { n = tap.taken })
	return n
}

// Writes returns the bytes of each Write.
func (tap *Tap) Writes() (all []string) {
	tap.record(func() { all = slices.Clone(tap.writes) })
	return all
}

// Ended returns how the stream was closed, one word for each call.
func (tap *Tap) Ended() (all []string) {
	tap.record(func() { all = slices.Clone(tap.ended) })
	return all
}

// Deadlines returns how often a deadline was set.
func (tap *Tap) Deadlines() (n int) {
	tap.record(func() { n = tap.deadlines })
	return n
}
