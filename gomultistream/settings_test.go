package multistream

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/dropin"
)

// Each kind of negotiation has its own limit, and each begins with a context of its own.
func TestSettings(t *testing.T) {
	var agreed, failed, contexts atomic.Int32
	c := dropin.Default()
	c.Initiator.Timeout, c.Lazy.Timeout, c.Responder.Timeout = time.Second, 2*time.Second, 3*time.Second
	c.CloseWait = 0
	c.Context = func(ctx context.Context) context.Context {
		contexts.Add(1)
		ctx, cancel := context.WithCancel(multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) {
			if o.Err == nil {
				agreed.Add(1)
			} else {
				failed.Add(1)
			}
		}}))
		cancel() // has no effect
		return ctx
	}
	dropin.Set(c)
	defer dropin.Set(dropin.Default())
	silent := map[string]struct {
		call  func(s *side) error
		takes time.Duration
	}{
		"initiator": {func(s *side) error { return SelectProtoOrFail("/a", s) }, time.Second},
		"lazy": {func(s *side) error {
			_, err := NewMSSelect(s, "/a").Read(make([]byte, 1))
			return err
		}, 2 * time.Second},
		"responder": {func(s *side) error {
			var m MultistreamMuxer[string]
			_, _, err := m.Negotiate(s)
			return err
		}, 3 * time.Second},
	}
	for kind, want := range silent {
		synctest.Test(t, func(t *testing.T) {
			a, _ := ends()
			start := time.Now()
			err := want.call(a)
			if took := time.Since(start).Truncate(time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) || took != want.takes {
				t.Errorf("%s: %v after %v", kind, err, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a, b := ends()
		l := NewMSSelect(a, "/a")
		mustWrite(t, l, "data")
		start := time.Now()
		if err := l.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
		mustRead(t, b, flight+"data")
		mustWrite(t, b, flight)
		synctest.Wait()
	})
	if agreed.Load() != 1 || failed.Load() != 3 || contexts.Load() != 4 {
		t.Errorf("%d agreed, %d failed, %d contexts", agreed.Load(), failed.Load(), contexts.Load())
	}
}
