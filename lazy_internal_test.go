package multiselect

import (
	"io"
	"os"
	"reflect"
	"testing"
	"time"
)

// A pump that was interrupted stops only if nobody is about to end the stream:
// whoever does leaves it to the pump to decide, and waits for that. From outside
// the moment between the two cannot be held.
func TestStopWithCause(t *testing.T) {
	for _, cause := range []error{nil, os.ErrClosed} {
		l := &LazyStream{reader: readerCaller, interrupted: true, endCause: cause, hasDeadlines: true, stream: new(noDeadlines)}
		if stopped := l.pauseReader(os.ErrDeadlineExceeded); stopped != (cause == nil) {
			t.Errorf("with the cause %v: stopped is %v", cause, stopped)
		}
	}
}

// A lazy stream is kept for as long as its protocol uses it. What only its
// negotiation needs is not in it.
func TestLazyStreamIsSmall(t *testing.T) {
	const most = 288 // a size class
	if size := reflect.TypeFor[LazyStream]().Size(); size > most {
		t.Errorf("a LazyStream takes %d bytes, want at most %d", size, most)
	}
}

type noDeadlines struct {
	io.ReadWriteCloser
	deadliner
}

func (noDeadlines) SetReadDeadline(time.Time) error { return nil }
