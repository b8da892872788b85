package multiselect

import (
	"io"
	"os"
	"reflect"
	"testing"
	"time"
)

// TestPauseWithCause checks that an interrupted reader pauses only if no other goroutine is
// about to end the stream. Such a goroutine relies on the reader to conclude the
// negotiation, and waits for that. The moment between the two is not observable through
// the exported API.
func TestPauseWithCause(t *testing.T) {
	for _, cause := range []error{nil, os.ErrClosed} {
		l := &LazyStream{reader: readerCaller, interrupted: true, endCause: cause, hasDeadlines: true, stream: new(nopDeadlines)}
		if paused := l.pauseReader(os.ErrDeadlineExceeded); paused != (cause == nil) {
			t.Errorf("with the cause %v: paused is %v", cause, paused)
		}
	}
}

// TestLazyStreamIsSmall bounds the size of a LazyStream, which is kept for as long as its
// protocol uses it. State that only the negotiation needs is kept elsewhere.
func TestLazyStreamIsSmall(t *testing.T) {
	const maxSize = 288 // a size class
	if size := reflect.TypeFor[LazyStream]().Size(); size > maxSize {
		t.Errorf("a LazyStream takes %d bytes, want at most %d", size, maxSize)
	}
}

// nopDeadlines is a stream of which only SetReadDeadline may be called.
type nopDeadlines struct {
	io.ReadWriteCloser
	deadliner
}

func (nopDeadlines) SetReadDeadline(time.Time) error { return nil }
