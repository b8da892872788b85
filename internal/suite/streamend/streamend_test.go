package streamend_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamend"
)

// recorder is a stream that records how it was ended.
type recorder struct {
	mu    sync.Mutex
	calls []string
}

func (r *recorder) record(call string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
	return errors.New("an error that is dropped")
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

func (r *recorder) Close() error { return r.record("close") }

type timed struct{ *recorder }

func (r timed) SetDeadline(t time.Time) error { return r.record(fmt.Sprint("deadline ", t.Unix())) }

type resetter struct{ timed }

func (r resetter) Reset() error { return r.record("reset") }

type codeResetter struct{ resetter }

func (r codeResetter) ResetWithError(code uint32) error {
	return r.record(fmt.Sprintf("reset %#x", code))
}

// Reset calls one method, the best of those that the stream has.
func TestMethod(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stream func(timed) io.Closer
		want   []string
	}{
		{"Close", func(s timed) io.Closer { return s.recorder }, []string{"close"}},
		{"SetDeadline", func(s timed) io.Closer { return s }, []string{"deadline 1", "close"}},
		{"Reset", func(s timed) io.Closer { return resetter{s} }, []string{"reset"}},
		{"ResetWithError", func(s timed) io.Closer { return codeResetter{resetter{s}} }, []string{"reset 0x1001"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			streamend.Reset(tt.stream(timed{&r}), 0x1001)
			if got := r.take(); !slices.Equal(got, tt.want) {
				t.Errorf("Reset calls %q, want %q", got, tt.want)
			}
		})
	}
}
