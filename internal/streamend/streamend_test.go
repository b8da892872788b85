package streamend_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

type lingerer struct{ timed }

func (r lingerer) SetLinger(sec int) error { return r.record(fmt.Sprint("linger ", sec)) }

// layered is a connection above another one, as TLS is.
type layered struct {
	timed
	below net.Conn
}

func (r layered) NetConn() net.Conn { return r.below }

func TestMethod(t *testing.T) {
	const code = 0x1001
	for _, tt := range []struct {
		name   string
		stream func(timed) io.Closer
		reset  []string
		abort  []string // if it differs
	}{
		{name: "Close", stream: func(s timed) io.Closer { return s.recorder }, reset: []string{"close"}},
		{name: "SetDeadline", stream: func(s timed) io.Closer { return s }, reset: []string{"deadline 1", "close"}},
		{name: "Reset", stream: func(s timed) io.Closer { return resetter{s} }, reset: []string{"reset"}},
		{
			name: "ResetWithError", stream: func(s timed) io.Closer { return codeResetter{resetter{s}} },
			reset: []string{"reset 0x1001"},
		},
		{
			name: "SetLinger", stream: func(s timed) io.Closer { return lingerer{s} },
			reset: []string{"deadline 1", "close"},
			abort: []string{"linger 0", "deadline 1", "close"},
		},
		{
			name: "NetConn nil", stream: func(s timed) io.Closer { return layered{s, nil} },
			reset: []string{"deadline 1", "close"},
		},
		{
			name: "NetConn", stream: func(s timed) io.Closer { return layered{s, lowest{codeResetter: codeResetter{resetter{s}}}} },
			reset: []string{"deadline 1", "close"},
			abort: []string{"reset 0x1001", "deadline 1", "close"},
		},
		{
			name: "NetConn and Reset", stream: func(s timed) io.Closer { return layeredResetter{resetter{s}} },
			reset: []string{"reset"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r recorder
				streamend.Reset(tt.stream(timed{&r}), code)
				if got := r.take(); !slices.Equal(got, tt.reset) {
					t.Errorf("Reset calls %q, want %q", got, tt.reset)
				}
				if tt.abort == nil {
					tt.abort = tt.reset
				}
				streamend.Abort(tt.stream(timed{&r}), code)
				synctest.Wait()
				if got := r.take(); !slices.Equal(got, tt.abort) {
					t.Errorf("Abort calls %q, want %q", got, tt.abort)
				}
			})
		})
	}
}

// lowest is a connection with a reset.
type lowest struct {
	net.Conn
	codeResetter
}

func (l lowest) Close() error                  { return l.codeResetter.Close() }
func (l lowest) SetDeadline(t time.Time) error { return l.codeResetter.SetDeadline(t) }

// layeredResetter is a layer with a Reset, which is trusted with all below it.
type layeredResetter struct{ resetter }

func (layeredResetter) NetConn() net.Conn { panic("the connection below is none of ours") }

// blocking is a stream whose Close, Reset and SetDeadline block until released.
type blocking struct {
	io.Closer
	released chan struct{}
}

func (b blocking) Close() error                { <-b.released; return nil }
func (b blocking) SetDeadline(time.Time) error { <-b.released; return nil }

type blockingResetter struct{ blocking }

func (b blockingResetter) Reset() error { <-b.released; return nil }

type blockingCodeResetter struct{ blocking }

func (b blockingCodeResetter) ResetWithError(uint32) error { <-b.released; return nil }

// Abort returns immediately, also where Reset waits for the stream's methods.
func TestAbortNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := blocking{released: make(chan struct{})}
		var returned atomic.Int32
		for _, stream := range []io.Closer{b, blockingResetter{b}, blockingCodeResetter{b}} {
			streamend.Abort(stream, 0)
			go func() {
				streamend.Reset(stream, 0)
				returned.Add(1)
			}()
			synctest.Wait()
		}
		if got := returned.Load(); got != 0 {
			t.Errorf("Reset has returned %d times before the stream's methods", got)
		}
		close(b.released)
		synctest.Wait()
		if got := returned.Load(); got != 3 {
			t.Errorf("Reset has returned %d times after the stream's methods, want 3", got)
		}
	})
}
