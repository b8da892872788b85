package lazy_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyDeadlineInAnswer lets a read deadline expire after each number of bytes of the
// answer. When the deadline is removed, the negotiation continues, and no byte is lost.
func TestLazyDeadlineInAnswer(t *testing.T) {
	for _, before := range []bool{true, false} {
		for cut := range len(apitest.LazyFlight) + 1 {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, a)
				streamtest.MustWrite(t, l, "x")
				start := time.Now()
				if before { // otherwise the deadline interrupts a Read that reads the answer itself
					l.SetReadDeadline(start.Add(time.Second))
				}
				time.AfterFunc(time.Second/2, func() {
					b.Write([]byte(apitest.LazyFlight[:cut]))
					l.SetReadDeadline(start.Add(time.Second))
				})
				for range 2 {
					n, err := l.Read(make([]byte, 10))
					if n != 0 || err != os.ErrDeadlineExceeded && !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
						t.Fatalf("Read = %d, %v after %v", n, err, time.Since(start))
					}
				}
				streamtest.MustWrite(t, b, apitest.LazyFlight[cut:]+"payload")
				time.Sleep(time.Minute)
				l.SetReadDeadline(time.Time{})
				streamtest.MustRead(t, l, "payload")
				l.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				if got := strings.Join(a.Writes(), ""); got != apitest.LazyFlight+"x" {
					t.Errorf("on the wire: %q", got)
				}
				l.Close()
			})
		}
	}
}

// TestLazyDeadlineIsHandedOn checks that a read deadline that was set while the outcome was
// pending applies to the stream after the agreement.
func TestLazyDeadlineIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.Lazy(t, a)
		start := time.Now()
		l.SetReadDeadline(start.Add(time.Second))
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if l.State() != multiselect.LazyAgreed {
			t.Error(l.State())
		}
	})
}

// TestLazyOwnersDeadline sets a read deadline on the stream itself, as go-libp2p does. Calls
// that wait return its error, the outcome stays pending, and calls may wait again.
func TestLazyOwnersDeadline(t *testing.T) {
	for name, wait := range map[string]func(l *multiselect.LazyStream) error{
		"Read":  func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
		"Write": func(l *multiselect.LazyStream) error { _, err := l.Write([]byte("\x02a\n")); return err },
		"Wait":  func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
	} {
		for cut := range len(apitest.LazyFlight) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, a)
				streamtest.MustWrite(t, b, apitest.LazyFlight[:cut])
				start := time.Now()
				a.SetReadDeadline(start.Add(time.Second))
				for range 2 {
					if err := wait(l); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
						t.Fatalf("%s = %v after %v", name, err, time.Since(start))
					}
				}
				if got := l.State(); got != multiselect.LazyPending {
					t.Fatal(got)
				}
				a.SetReadDeadline(time.Time{})
				streamtest.MustWrite(t, b, apitest.LazyFlight[cut:]+"payload")
				if err := wait(l); err != nil {
					t.Errorf("%s = %v", name, err)
				}
				l.Close()
			})
		}
	}
}

// TestLazyForeignDeadline passes a stream with a read deadline to Lazy. The deadline applies
// until the lazy stream sets one, or lingers.
func TestLazyForeignDeadline(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(l *multiselect.LazyStream)
		want error
	}{
		"it applies":    {func(*multiselect.LazyStream) {}, os.ErrDeadlineExceeded},
		"another":       {func(l *multiselect.LazyStream) { l.SetReadDeadline(time.Now().Add(time.Hour)) }, nil},
		"none":          {func(l *multiselect.LazyStream) { l.SetReadDeadline(time.Time{}) }, nil},
		"in the linger": {func(l *multiselect.LazyStream) { l.Close() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				a.SetReadDeadline(time.Now().Add(time.Second))
				l := apitest.Lazy(t, a)
				tt.do(l)
				time.AfterFunc(2*time.Second, func() {
					b.Write([]byte(apitest.LazyFlight))
					b.CloseWrite()
				})
				if err := l.Wait(context.Background()); !errors.Is(err, tt.want) {
					t.Errorf("Wait = %v, want %v", err, tt.want)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// TestLazyWriteDeadline lets the deadline of a Write that waits for the answer expire. The
// outcome stays pending.
func TestLazyWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.Lazy(t, a)
		start := time.Now()
		l.SetWriteDeadline(start.Add(time.Second))
		if n, err := l.Write([]byte("\x02a\n")); n != 0 || err != os.ErrDeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("Write = %d, %v after %v", n, err, time.Since(start))
		}
		l.SetWriteDeadline(time.Time{})
		streamtest.MustRead(t, b, apitest.LazyFlight)
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		streamtest.MustWrite(t, l, "\x02a\n")
		streamtest.MustRead(t, b, "\x02a\n")
		l.Close()
	})
}

// TestLazyBlockedWriteDeadline lets the deadline of a Write that is blocked in the stream
// expire. Its count is exact.
func TestLazyBlockedWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(100)
		l := apitest.Lazy(t, a)
		p := string(apitest.EarlyData(500))
		l.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := io.WriteString(l, p)
		if n != 100-len(apitest.LazyFlight) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %d, %v", n, err)
		}
		l.SetWriteDeadline(time.Time{})
		go io.WriteString(l, p[n:])
		streamtest.MustRead(t, b, apitest.LazyFlight+p)
		l.Reset()
	})
}

// TestLazyBlockedProposal has a peer that does not read, so that the write of the header and the
// proposal blocks: a context ends Wait, and a deadline ends Read, while the write continues. When
// the peer reads, nothing is missing or sent twice.
func TestLazyBlockedProposal(t *testing.T) {
	for name, call := range map[string]func(l *multiselect.LazyStream) error{
		"Wait": func(l *multiselect.LazyStream) error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			return l.Wait(ctx)
		},
		"Read": func(l *multiselect.LazyStream) error {
			l.SetReadDeadline(time.Now().Add(time.Second))
			defer l.SetReadDeadline(time.Time{})
			return apitest.ErrOf(l.Read(make([]byte, 1)))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := apitest.Pipe(10) // less than the header
			l := apitest.Lazy(t, a)
			for range 2 {
				start := time.Now()
				err := call(l)
				if took := time.Since(start); took != time.Second || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: %v after %v", name, err, took)
				}
			}
			go streamtest.MustWrite(t, b, apitest.LazyFlight)
			streamtest.MustRead(t, b, apitest.LazyFlight)
			if err := l.Wait(context.Background()); err != nil {
				t.Errorf("%s, and then Wait: %v", name, err)
			}
			l.Close()
			if more, err := io.ReadAll(b); len(more) > 0 || err != nil {
				t.Errorf("%s: the peer reads %q, %v after the proposal", name, more, err)
			}
		})
	}
}

// TestLazyUnbufferedWriteDeadline lets a write deadline expire on an unbuffered stream, whose
// proposal is written while the answer is read: the negotiation fails, since a later read could
// take data of the protocol for the answer.
func TestLazyUnbufferedWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Config{Rendezvous: true}.Pipe()
		l := apitest.LazyOf(t, &multiselect.Client{Unbuffered: true}, a)
		l.SetWriteDeadline(time.Now().Add(time.Second))
		time.AfterFunc(2*time.Second, func() { b.Write([]byte(apitest.LazyFlight + "\x07request\n")) })
		_, err := l.Read(make([]byte, 1))
		if e, ok := errors.AsType[*multiselect.Error](err); !ok || !e.Timeout() || l.State() != multiselect.LazyFailed {
			t.Errorf("Read = %v, %v", err, l.State())
		}
		l.Reset()
	})
}
