package multiselect

import (
	"os"
	"testing"
	"time"
)

// A pump that was interrupted stops only if nobody is about to end the stream:
// whoever does leaves it to the pump to decide, and waits for that. From outside
// the moment between the two cannot be held.
func TestStopWithCause(t *testing.T) {
	for _, cause := range []error{nil, os.ErrClosed} {
		l := &LazyStream{pump: pumpInline, interrupted: true, cause: cause, timed: new(noDeadlines)}
		l.change.L = &l.mu
		if stopped := l.stop(os.ErrDeadlineExceeded); stopped != (cause == nil) {
			t.Errorf("with the cause %v: stopped is %v", cause, stopped)
		}
	}
}

type noDeadlines struct{ timed }

func (noDeadlines) SetReadDeadline(time.Time) error { return nil }
