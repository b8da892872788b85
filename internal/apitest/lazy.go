package apitest

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// LazyFlight is the first flight of a lazy stream for A without early data: the header
// and the proposal. The agreement of its peer has the same bytes.
var LazyFlight = streamtest.Messages(wire.Header, NameA)

// LazyRefusal is the refusal of a [LazyFlight].
var LazyRefusal = streamtest.Messages(wire.Header, wire.NA)

// LargeBuffer is a size for [Pipe] that takes all data of most tests.
const LargeBuffer = 1 << 20

// Pipe returns both ends of a stream in memory that behaves like TCP: each direction
// buffers size bytes, and a Close with unread bytes loses those that were written. It
// also has a Reset.
func Pipe(size int) (ours, theirs *streamtest.Stream) {
	return streamtest.Config{Size: size, Lossy: true}.Pipe()
}

// Lazy returns a lazy stream for A of a client without options.
func Lazy(t testing.TB, stream io.ReadWriteCloser) *multiselect.LazyStream {
	t.Helper()
	return LazyOf(t, new(multiselect.Client), stream)
}

// LazyOf returns a lazy stream for A of a client.
func LazyOf(t testing.TB, cl *multiselect.Client, stream io.ReadWriteCloser) *multiselect.LazyStream {
	t.Helper()
	l, err := cl.Lazy(context.Background(), stream, NameA)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Agree completes the negotiation of a lazy stream for A, as its peer.
func Agree(t testing.TB, l *multiselect.LazyStream, peer io.ReadWriter) {
	t.Helper()
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	streamtest.MustRead(t, peer, LazyFlight)
	streamtest.MustWrite(t, peer, LazyFlight)
	if err := l.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// EarlyData returns n bytes that may be sent early, whole or in parts: the beginning of a
// message that is longer.
func EarlyData(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i)
	}
	copy(p, "\xff\xff\xff\x7f")
	return p
}

// AwaitLingers sleeps until a moment of fake time, and fails the test if a lazy stream
// lingers then. If the moment is in the future, one must linger until shortly before.
func AwaitLingers(t testing.TB, until time.Time) {
	t.Helper()
	if d := time.Until(until); d > 0 {
		time.Sleep(d - time.Millisecond)
		synctest.Wait()
		if active := multiselect.LingerStats().Active; active != 1 {
			t.Errorf("%d streams linger shortly before the end", active)
		}
		time.Sleep(time.Millisecond)
	}
	synctest.Wait()
	if active := multiselect.LingerStats().Active; active != 0 {
		t.Errorf("%d streams linger", active)
	}
}

// EchoMuxer returns a muxer that serves the names with handlers that send all data back,
// and close the stream after it.
func EchoMuxer(t testing.TB, names ...string) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	for _, name := range names {
		err := m.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			bare := streamtest.Bare(stream) // no ReadFrom or WriteTo
			io.Copy(bare, bare)
			stream.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// ErrOf returns the error of a call that has another result.
func ErrOf[T any](_ T, err error) error { return err }
