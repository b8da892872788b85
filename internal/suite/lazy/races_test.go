package lazy_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// This file brings about moments that two events share.

// TestLazyInterruptedTooLate sets a deadline when the answer has just been read. That
// comes too late to interrupt the reader, and leaves no deadline on the stream.
func TestLazyInterruptedTooLate(t *testing.T) {
	for answer, want := range map[string]error{
		apitest.LazyFlight:  nil,
		apitest.LazyRefusal: multiselect.ErrNotSupported,
		streamtest.Messages(wire.Header, apitest.NameB): multiselect.ErrUnexpectedAnswer,
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			s := &hookedStream{Stream: a}
			l := apitest.Lazy(t, s)
			s.afterRead = func(n int, err error) (int, error) {
				if n == 0 {
					return n, err
				}
				s.afterRead = nil
				l.SetReadDeadline(time.Now().Add(time.Hour))
				l.SetReadDeadline(time.Time{})
				return n, err
			}
			streamtest.MustWrite(t, b, answer)
			time.AfterFunc(time.Second, func() { b.Write([]byte("x")) })
			if _, err := l.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if want == nil && !a.ReadDeadline().IsZero() {
				t.Error("a deadline is left on the stream")
			}
		})
	}
}

// TestLazyReadTakesOver has a Read that waits while a Write sends the header. The Write
// fails, and the Read sends the rest.
func TestLazyReadTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		proceed := make(chan struct{})
		s := &hookedStream{Stream: a, firstWrite: func(p []byte) (int, error) {
			<-proceed
			n, _ := a.Write(p[:5])
			return n, errInjected
		}}
		l := apitest.Lazy(t, s)
		go func() {
			if n, err := l.Write([]byte("x")); n != 0 || err != errInjected {
				t.Errorf("Write = %d, %v", n, err)
			}
		}()
		synctest.Wait()
		go func() {
			if _, err := l.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		close(proceed)
		streamtest.MustRead(t, b, apitest.LazyFlight)
		streamtest.MustWrite(t, b, apitest.LazyFlight+"y")
		synctest.Wait()
		if got := strings.Join(a.Writes(), ""); got != apitest.LazyFlight {
			t.Errorf("on the wire: %q", got)
		}
	})
}

// TestLazyDeadlineAndBudget has a deadline and the timeout of the negotiation expire in
// one moment.
func TestLazyDeadlineAndBudget(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			a, _ := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, a)
			l.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read = %v", err)
			}
			if err := l.Wait(context.Background()); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Wait = %v", err)
			}
		})
	}
}
