package lazy_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyFirstWrite checks that the first Write of the stream has the header, the proposal
// and up to 4 KiB of data, and a second one the rest. The count is that of the data alone.
func TestLazyFirstWrite(t *testing.T) {
	for _, n := range []int{1, 100, 4096, 4097, 100_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, a)
			p := apitest.EarlyData(n)
			if n, err := l.Write(p); n != len(p) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			want := []string{apitest.LazyFlight + string(p[:min(n, 4096)])}
			if n > 4096 {
				want = append(want, string(p[4096:]))
			}
			if got := a.Writes(); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%d writes; want %d", len(got), len(want))
			}
			streamtest.MustRead(t, b, apitest.LazyFlight+string(p))
			if l.State() != multiselect.LazyPending || l.Protocol() != apitest.NameA {
				t.Errorf("%v, %q", l.State(), l.Protocol())
			}
			l.Reset()
		})
	}
}

// TestLazyGathered sends a large first flight over sockets that can gather buffers.
func TestLazyGathered(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a, b := streamtest.Connect(t, network)
		l := apitest.Lazy(t, a)
		p := apitest.EarlyData(50_000)
		if n, err := l.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		streamtest.MustRead(t, b, apitest.LazyFlight+string(p))
		l.Reset()
	}
}

// TestLazyWriteWaits checks that a Write of data which the guard does not allow sends
// nothing before the agreement, and then all of it.
func TestLazyWriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.Lazy(t, a)
		streamtest.MustWrite(t, l, "\x05")
		written := make(chan error, 1)
		go func() {
			n, err := l.Write([]byte("late\nand more"))
			if n != 13 {
				t.Errorf("wrote %d", n)
			}
			written <- err
		}()
		synctest.Wait()
		streamtest.MustRead(t, b, apitest.LazyFlight+"\x05")
		if wrote := a.Writes(); len(wrote) != 1 {
			t.Errorf("written before the agreement: %q", wrote)
		}
		streamtest.MustWrite(t, b, apitest.LazyFlight+"hello")
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		streamtest.MustRead(t, b, "late\nand more")
		streamtest.MustRead(t, l, "hello")
		l.Close()
	})
}

// TestLazyUnguarded checks that no data waits with Client.Unguarded.
func TestLazyUnguarded(t *testing.T) {
	a, b := apitest.Pipe(apitest.LargeBuffer)
	l := apitest.LazyOf(t, &multiselect.Client{Unguarded: true}, a)
	streamtest.MustWrite(t, l, "GET / HTTP/1.0\r\n")
	streamtest.MustWrite(t, l, "\r\n")
	streamtest.MustRead(t, b, apitest.LazyFlight+"GET / HTTP/1.0\r\n\r\n")
	l.Reset()
}

// TestLazyFlushAfter checks that FlushAfter sends the header and the proposal of an unused stream
// once, and never those of a stream in use: with a flush of the stream and a call that writes.
func TestLazyFlushAfter(t *testing.T) {
	const after = time.Second
	for _, tt := range []struct {
		name string
		use  func(l *multiselect.LazyStream)
		want int // writes before FlushAfter, and after it
		then int
	}{
		{"unused", func(*multiselect.LazyStream) {}, 0, 1},
		{"written", func(l *multiselect.LazyStream) { l.Write(apitest.EarlyData(1)) }, 1, 1},
		{"flushed", func(l *multiselect.LazyStream) { l.Flush() }, 1, 1},
		{"read", func(l *multiselect.LazyStream) { go l.Read(make([]byte, 1)) }, 1, 1},
		{"closed", func(l *multiselect.LazyStream) { l.Close() }, 1, 1},
		{"reset", func(l *multiselect.LazyStream) { l.Reset() }, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, a)
				before := runtime.NumGoroutine()
				l.FlushAfter(after)
				if more := runtime.NumGoroutine() - before; more > 0 {
					t.Errorf("FlushAfter starts %d goroutines", more)
				}
				tt.use(l)
				time.Sleep(after - time.Millisecond)
				synctest.Wait()
				if got := a.Writes(); len(got) != tt.want {
					t.Errorf("before: %q, want %d writes", got, tt.want)
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				if got := a.Writes(); len(got) != tt.then {
					t.Errorf("after: %q, want %d writes", got, tt.then)
				}
				l.Reset()
			})
		})
	}
}
