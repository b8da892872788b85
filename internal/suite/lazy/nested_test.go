package lazy_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// openNested opens a lazy stream over below, one over that one, and so on.
func openNested(t testing.TB, below io.ReadWriteCloser, names []string) (top *multiselect.LazyStream) {
	t.Helper()
	for _, name := range names {
		var err error
		if top, err = new(multiselect.Client).Lazy(context.Background(), below, name); err != nil {
			t.Fatal(err)
		}
		below = top
	}
	return top
}

// TestLazyNested opens three lazy streams over each other. The proposal of one is early
// data of the one below. The guard holds it back, because a peer that refuses the lower
// protocol would take it for a second proposal (R29).
func TestLazyNested(t *testing.T) {
	names := []string{"/secure/1.0.0", "/muxer/1.0.0", apitest.NameA}
	for refused := range len(names) + 1 {
		synctest.Test(t, func(t *testing.T) {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			top := openNested(t, a, names)
			ran := make(chan string, len(names)+1)
			var m multiselect.Muxer
			for i, name := range names {
				if i == refused {
					continue // the names of the upper levels are known on every level
				}
				m.AddHandler(name, func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
					ran <- protocol
					if protocol == apitest.NameA {
						io.Copy(streamtest.Bare(stream), streamtest.Bare(stream))
						stream.Close()
						return
					}
					m.ServeStream(ctx, stream)
				})
			}
			go m.ServeStream(context.Background(), b)
			top.SetDeadline(time.Now().Add(time.Minute))
			_, err := io.WriteString(top, "\x09ping")
			if refused == len(names) {
				streamtest.MustRead(t, top, "\x09ping")
			} else {
				if err == nil {
					err = apitest.ErrOf(top.Read(make([]byte, 1)))
				}
				if !errors.Is(err, multiselect.ErrNotSupported) {
					t.Errorf("level %d refused: %v", refused, err)
				}
			}
			top.Close()
			synctest.Wait()
			close(ran)
			var got []string
			for name := range ran {
				got = append(got, name)
			}
			if want := names[:refused]; !slices.Equal(got, want) {
				t.Errorf("handlers of %q ran, want %q", got, want)
			}
			if len(a.Ended()) == 0 {
				t.Error("the stream is open")
			}
			b.Reset()
		})
	}
}

// TestLazyNestedClose checks that closing the top stream sends all that was written, and
// closes the streams below.
func TestLazyNestedClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		below := apitest.Lazy(t, a)
		top := apitest.Lazy(t, below)
		start := time.Now()
		go top.Write([]byte("\x04ping"))
		synctest.Wait()
		if err := top.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
		streamtest.MustRead(t, b, apitest.LazyFlight)
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		streamtest.MustRead(t, b, apitest.LazyFlight)
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		if _, err := b.Read(make([]byte, 10)); err != io.EOF {
			t.Error(err)
		}
		b.CloseWrite()
		apitest.AwaitLingers(t, time.Now())
	})
}

// TestLazyBelowEager negotiates eagerly over a lazy stream.
func TestLazyBelowEager(t *testing.T) {
	for _, tr := range streamtest.Transports() {
		a, b := tr.Open(t)
		l := apitest.LazyOf(t, &multiselect.Client{Unbuffered: tr.Unbuffered}, a)
		m := &multiselect.Muxer{Unbuffered: tr.Unbuffered}
		m.AddHandler(apitest.NameA, func(ctx context.Context, _ string, stream io.ReadWriteCloser) {
			m.ServeStream(ctx, stream)
		})
		m.AddHandler(apitest.NameB, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			io.WriteString(stream, "hello")
			stream.Close()
		})
		go m.ServeStream(context.Background(), b)
		got, err := (&multiselect.Client{Unbuffered: tr.Unbuffered}).SelectOneOf(context.Background(), l, apitest.NameB)
		if got != apitest.NameB || err != nil {
			t.Errorf("%s: %q, %v", tr.Name, got, err)
		}
		streamtest.MustRead(t, l, "hello")
		l.Close()
	}
}
