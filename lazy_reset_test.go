package multiselect_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
)

// Reset while anything goes on ends it at once.
func TestLazyReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := conns(100)
		l := lazy(t, new(multiselect.Client), a)
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() {
				if err := second(l.Read(make([]byte, 1))); err != net.ErrClosed {
					t.Error(err)
				}
			})
			calls.Go(func() {
				if err := second(l.Write(early(500))); err != net.ErrClosed {
					t.Error(err)
				}
			})
			calls.Go(func() {
				if err := l.Wait(context.Background()); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		l.Reset()
		l.Reset()
		calls.Wait()
		if took := time.Since(start); took != 0 || len(a.ended()) != 1 {
			t.Errorf("took %v, ended %q", took, a.ended())
		}
	})
}

// A Reset ends a linger.
func TestLazyResetLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		l := lazy(t, new(multiselect.Client), a)
		l.Close()
		synctest.Wait()
		l.Reset()
		awaitLingers(t, time.Now())
		if ends := a.ended(); !slices.Equal(ends, []string{"closewrite", "reset"}) {
			t.Errorf("ended: %q", ends)
		}
		_ = b
	})
}

// CloseRead reaches the stream when the peer has answered, and not before.
func TestLazyCloseRead(t *testing.T) {
	for _, read := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := conns(plenty)
			l := lazy(t, new(multiselect.Client), a)
			mustWrite(t, l, "\x09")
			if read {
				go func() {
					if err := second(l.Read(make([]byte, 1))); err != net.ErrClosed {
						t.Error(err)
					}
				}()
				synctest.Wait()
			}
			if err := l.CloseRead(); err != nil {
				t.Fatal(err)
			}
			if err := second(l.Read(make([]byte, 1))); err != net.ErrClosed {
				t.Error(err)
			}
			mustWrite(t, l, "request")
			time.Sleep(time.Second)
			if len(a.ended()) != 0 {
				t.Errorf("ended: %q", a.ended())
			}
			mustRead(t, b, flightLazy+"\x09request")
			mustWrite(t, b, flightLazy)
			synctest.Wait()
			if ends := a.ended(); !slices.Equal(ends, []string{"closeread"}) {
				t.Errorf("ended: %q", ends)
			}
			if err := second(l.Read(make([]byte, 1))); err != net.ErrClosed {
				t.Error(err)
			}
			mustWrite(t, l, "\nmore")
			awaitLingers(t, time.Now())
			l.Close()
		})
	}
}

// A Close while the outcome is on its way to be known does not wait for that: the
// hooks of a trace, and the stream's own Reset, may take their time.
func TestLazyCloseMeetsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		var l *multiselect.LazyStream
		closed := make(chan error, 1)
		ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{Done: func(multiselect.Outcome) {
			start := time.Now()
			closed <- l.Close()
			if took := time.Since(start); took != 0 {
				t.Errorf("Close took %v", took)
			}
		}})
		l, err := new(multiselect.Client).Lazy(ctx, a, nameA)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, b, say("/multistream/1.0.0", "na"))
		if err := l.Wait(context.Background()); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Errorf("Wait = %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
		awaitLingers(t, time.Now())
	})
}
