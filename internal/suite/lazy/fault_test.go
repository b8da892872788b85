package lazy_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyFaults makes the first write fail after each number of bytes. Write returns the
// exact number of bytes of the payload that were written, and a caller that continues
// from there sends each byte once.
func TestLazyFaults(t *testing.T) {
	payload := string(apitest.EarlyData(20))
	long := string(apitest.EarlyData(5000)) // in two writes
	for _, tt := range []struct {
		name, payload string
		err, want     error
	}{
		{"an error", payload, errInjected, errInjected},
		{"a deadline", payload, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{"short, without an error", payload, nil, io.ErrShortWrite},
		{"two writes", long, errInjected, errInjected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := apitest.LazyFlight + tt.payload
			for accepts := range len(all) {
				if len(all) > 1000 && accepts > 50 && accepts < 4000 {
					continue
				}
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, &failingWriter{Stream: a, accepts: accepts, err: tt.err})
				n, err := io.WriteString(l, tt.payload)
				if want := max(0, accepts-len(apitest.LazyFlight)); n != want || !errors.Is(err, tt.want) {
					t.Fatalf("fails after %d: Write = %d, %v; want %d, %v", accepts, n, err, want, tt.want)
				}
				streamtest.MustWrite(t, l, tt.payload[n:])
				streamtest.MustRead(t, b, all)
				streamtest.MustWrite(t, b, apitest.LazyFlight+"hello")
				streamtest.MustRead(t, l, "hello")
				a.Close()
				if rest, err := io.ReadAll(b); len(rest) > 0 || err != nil {
					t.Fatalf("fails after %d: %q too many, %v", accepts, rest, err)
				}
			}
		})
	}
}

// TestLazyWriteFindsRefusal has a peer that refuses and resets the connection. A Write
// that fails because of the reset still finds the answer, and returns the refusal.
func TestLazyWriteFindsRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, reset := range []error{syscall.ECONNRESET, syscall.EPIPE} {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, &failingWriter{Stream: a, accepts: len(apitest.LazyFlight) + 2, err: reset})
			streamtest.MustWrite(t, l, "\x06D")
			streamtest.MustWrite(t, b, apitest.LazyRefusal)
			for range 2 {
				if n, err := io.WriteString(l, "ELETE"); n != 0 || !errors.Is(err, multiselect.ErrNotSupported) {
					t.Errorf("Write = %d, %v", n, err)
				}
			}
		}
	})
}

// TestLazyFaultsInHeader makes the first write of calls that send only the header and the
// proposal fail after each number of bytes. The negotiation stays pending, and the next
// call completes the flight.
func TestLazyFaultsInHeader(t *testing.T) {
	for name, call := range map[string]func(l *multiselect.LazyStream) error{
		"Flush": (*multiselect.LazyStream).Flush,
		"Read":  func(l *multiselect.LazyStream) error { return zeroCount(l.Read(make([]byte, 1))) },
		"Write": func(l *multiselect.LazyStream) error { return zeroCount(l.Write([]byte("\x01\n"))) },
		"Wait":  func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			for accepts := range len(apitest.LazyFlight) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, &failingWriter{Stream: a, accepts: accepts, err: errInjected})
				if err := call(l); err != errInjected || l.State() != multiselect.LazyPending {
					t.Fatalf("fails after %d: %v, %v", accepts, err, l.State())
				}
				apitest.Agree(t, l, b)
			}
		})
	}
}

// TestLazyRefusalAfterFailedWrite checks that a permanent write error while the outcome is
// pending does not hide a refusal which the peer has sent before. The error is none that
// the library takes for a reset.
func TestLazyRefusalAfterFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		s := &failingWriter{Stream: a, accepts: len(apitest.LazyFlight) + 1, err: errInjected}
		l := apitest.Lazy(t, s)
		streamtest.MustWrite(t, l, "\x05")
		streamtest.MustWrite(t, b, apitest.LazyRefusal)
		b.CloseRead()
		if n, err := l.Write([]byte("abcd")); n != 0 || err != errInjected {
			t.Errorf("Write = %d, %v", n, err)
		}
		if err := l.Wait(context.Background()); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
	})
}

// TestLazyRefusedWhileWriting has a Write that is blocked when the negotiation fails: it
// returns the failure and its exact count.
func TestLazyRefusedWhileWriting(t *testing.T) {
	for name, end := range map[string]struct {
		answer string
		want   error
	}{
		"refused": {apitest.LazyRefusal, multiselect.ErrNotSupported},
		"silent":  {"", os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(1000)
				l := apitest.Lazy(t, a)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if n, err := l.Write(apitest.EarlyData(3000)); n != 1000-len(apitest.LazyFlight) || !errors.Is(err, end.want) {
						t.Errorf("Write = %d, %v", n, err)
					}
				}()
				synctest.Wait()
				streamtest.MustWrite(t, b, end.answer)
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, end.want) {
					t.Errorf("Read = %v", err)
				}
				<-done
			})
		})
	}
}

// TestLazyPanics checks that a panic of the stream reaches the caller, and that later calls
// do not block: the lock is released.
func TestLazyPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		panicking := func(f func()) (p any) {
			defer func() { p = recover() }()
			f()
			return nil
		}
		a, b := apitest.Pipe(apitest.LargeBuffer)
		s := &panickingStream{Stream: a, inWrite: true}
		l := apitest.Lazy(t, s)
		for name, call := range map[string]func(){
			"Write": func() { l.Write([]byte("x")) },
			"Read":  func() { l.Read(make([]byte, 1)) }, // sends the header first
			"long":  func() { l.Write(make([]byte, 100)) },
		} {
			if p := panicking(call); p != "a stream" {
				t.Fatal(name, p)
			}
			if state := l.State(); state != multiselect.LazyPending { // in another state Wait would block
				t.Fatal(name, state)
			}
		}
		s.inWrite, s.inRead = false, true
		streamtest.MustWrite(t, l, "x")
		streamtest.MustRead(t, b, apitest.LazyFlight+"x")
		if p := panicking(func() { l.Read(make([]byte, 1)) }); p != "a stream" {
			t.Fatal(p)
		}
		if err := l.Wait(context.Background()); err == nil || !strings.Contains(err.Error(), "panic") || len(a.Ended()) != 1 {
			t.Error(err, a.Ended())
		}
	})
}
