package lazy_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// blockingClose is a stream whose Close blocks until the channel is closed, as that of a TLS
// connection can.
type blockingClose struct {
	*streamtest.Stream
	proceed chan struct{}
}

func (s *blockingClose) Close() error {
	<-s.proceed
	return s.Stream.Close()
}

// TestDrainAwaitsClose checks that Drain returns after the Close of the stream: a program may then
// close the connection below it.
func TestDrainAwaitsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		s := &blockingClose{a, make(chan struct{})}
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		l := apitest.Lazy(t, s)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the linger closes the stream
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := multiselect.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain during Close = %v", err)
		}
		close(s.proceed)
		if err := multiselect.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite", "close"}) {
			t.Errorf("ended: %q", ends)
		}
	})
}

// TestLazyLingerBlockedCloseWrite has a peer that agrees and reads nothing more, and a CloseWrite
// that blocks until it does. The time limit of the linger ends the stream.
func TestLazyLingerBlockedCloseWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		start := time.Now()
		l := apitest.Lazy(t, awaitingCloseWrite{a})
		streamtest.MustWrite(t, l, "request")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		if err := l.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		apitest.AwaitLingers(t, start.Add(10*time.Second))
		if ends := a.Ended(); !slices.Contains(ends, "reset") {
			t.Errorf("ended: %q", ends)
		}
		b.Reset()
	})
}

// TestLazyLingerAfterHook closes a stream while the Done hook of its agreement runs, which has
// stopped the timer of the negotiation. The linger has its time limit nevertheless.
func TestLazyLingerAfterHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		began, proceed := make(chan struct{}), make(chan struct{})
		ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{Done: func(multiselect.Outcome) {
			close(began)
			<-proceed
		}})
		l, err := new(multiselect.Client).Lazy(ctx, awaitingCloseWrite{a}, apitest.NameA)
		if err != nil {
			t.Fatal(err)
		}
		streamtest.MustWrite(t, l, "request")
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		go l.Wait(context.Background())
		<-began
		start := time.Now()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		close(proceed)
		apitest.AwaitLingers(t, start.Add(10*time.Second))
		if ends := a.Ended(); !slices.Contains(ends, "reset") {
			t.Errorf("ended: %q", ends)
		}
		b.Reset()
	})
}

// TestLazyLingerBlockedWrite has a Write that the agreement does not end, because the peer reads
// nothing more, on a stream without deadlines. The time limit of the linger ends it.
func TestLazyLingerBlockedWrite(t *testing.T) {
	for name, agreesBefore := range map[string]bool{"agreed before Close": true, "agreed after Close": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(100)
				l := apitest.LazyOf(t, &multiselect.Client{Unguarded: true}, streamtest.Bare(a))
				wrote := make(chan error, 1)
				go func() {
					_, err := l.Write(make([]byte, 1000))
					wrote <- err
				}()
				time.Sleep(time.Second)
				if agreesBefore {
					streamtest.MustWrite(t, b, apitest.LazyFlight)
					synctest.Wait()
				}
				start := time.Now()
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				if !agreesBefore {
					streamtest.MustWrite(t, b, apitest.LazyFlight)
				}
				apitest.AwaitLingers(t, start.Add(10*time.Second))
				if err := <-wrote; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Write = %v", err)
				}
				b.Reset()
			})
		})
	}
}
