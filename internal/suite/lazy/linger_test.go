package lazy_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyCloseBare closes a lazy stream over one that has only Read, Write and Close. The
// linger waits for the answer, and then closes the stream.
func TestLazyCloseBare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Pipe()
		l := apitest.Lazy(t, streamtest.Bare(a))
		streamtest.MustWrite(t, l, "\x09request")
		go l.Read(make([]byte, 1))
		synctest.Wait()
		start := time.Now()
		l.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		streamtest.MustRead(t, b, apitest.LazyFlight+"\x09request")
		time.Sleep(time.Second)
		if len(a.Ended()) != 0 {
			t.Error("closed before the answer")
		}
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		synctest.Wait()
		if ends := a.Ended(); !slices.Equal(ends, []string{"close"}) {
			t.Errorf("ended: %q", ends)
		}
	})
}

// remoteStream is a stream with a remote address.
type remoteStream struct {
	*streamtest.Stream
	remote net.Addr
}

func (s remoteStream) RemoteAddr() net.Addr { return s.remote }

// lazyTo returns a lazy stream to a port of a host, and the stream below it.
func lazyTo(t *testing.T, host string, port int) (*multiselect.LazyStream, *streamtest.Stream) {
	t.Helper()
	a, b := apitest.Pipe(apitest.LargeBuffer)
	t.Cleanup(func() { b.Reset() })
	return apitest.Lazy(t, remoteStream{a, &net.TCPAddr{IP: net.ParseIP(host), Port: port}}), a
}

// TestLazyLingerCap checks that a host with 1024 lingering streams costs another host
// nothing: its own oldest streams are reset, and counted.
func TestLazyLingerCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const silent, honest = "192.0.2.1", "192.0.2.2"
		before := multiselect.LingerStats().Evicted
		lazies := make([]*multiselect.LazyStream, 1024)
		streams := make([]*streamtest.Stream, len(lazies))
		for i := range lazies {
			lazies[i], streams[i] = lazyTo(t, silent, i)
			if err := lazies[i].Close(); err != nil {
				t.Fatal(err)
			}
		}
		for i, reading := range []bool{false, true} {
			l, a := lazyTo(t, honest, i)
			if reading {
				go l.Read(make([]byte, 1))
				synctest.Wait()
			}
			if err := l.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			synctest.Wait()
			if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite"}) {
				t.Errorf("ended: %q", ends)
			}
			if err := lazies[i].Wait(context.Background()); !errors.Is(err, multiselect.ErrLimit) {
				t.Errorf("Wait of the oldest = %v", err)
			}
			if ends := streams[i].Ended(); !slices.Equal(ends, []string{"closewrite", "reset"}) {
				t.Errorf("ended: %q", ends)
			}
		}
		if ends := streams[2].Ended(); !slices.Equal(ends, []string{"closewrite"}) {
			t.Errorf("ended: %q", ends)
		}
		if got := multiselect.LingerStats(); got.Active != 1024 || got.Evicted != before+2 {
			t.Errorf("LingerStats() = %+v, want 1024 active and %d evicted", got, before+2)
		}
		time.Sleep(10 * time.Second)
		apitest.AwaitLingers(t, time.Now())
	})
}

// TestLazyEvictAgreed evicts a linger that has read the answer and discards incoming data.
func TestLazyEvictAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		oldest := apitest.Lazy(t, withoutReset{a})
		oldest.Close()
		if err := oldest.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		for range 1024 {
			a, _ := apitest.Pipe(apitest.LargeBuffer)
			apitest.Lazy(t, a).Close()
		}
		synctest.Wait()
		if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite", "close"}) {
			t.Errorf("ended: %q", ends)
		}
		time.Sleep(10 * time.Second)
		apitest.AwaitLingers(t, time.Now())
	})
}

// TestLazyEvictBlocked closes streams whose Reset blocks. The number of goroutines that end
// them is bounded, and only beyond that does Close fail.
func TestLazyEvictBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		closeNext := func() error {
			a, _ := apitest.Pipe(apitest.LargeBuffer)
			return apitest.Lazy(t, &blockingReset{a, proceed}).Close()
		}
		for i := range 2048 {
			if err := closeNext(); err != nil {
				t.Fatalf("Close of stream %d = %v", i, err)
			}
		}
		if err := closeNext(); !errors.Is(err, multiselect.ErrLimit) {
			t.Errorf("Close = %v", err)
		}
		close(proceed)
		time.Sleep(10 * time.Second)
		apitest.AwaitLingers(t, time.Now())
	})
}

// TestDrain waits for lingering streams: for all, for those of a host and of a connection.
func TestDrain(t *testing.T) {
	const here, there = "192.0.2.1", "192.0.2.2"
	synctest.Test(t, func(t *testing.T) {
		if err := multiselect.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		start := time.Now()
		for i, host := range []string{here, here, there} {
			l, _ := lazyTo(t, host, i)
			l.Close()
			time.Sleep(time.Second)
		}
		for i, remotes := range [][]string{{here + ":0"}, {here}, nil, nil} {
			if err := multiselect.Drain(context.Background(), remotes...); err != nil {
				t.Error(err)
			}
			want := []time.Duration{10, 11, 12, 12}[i] * time.Second
			if took := time.Since(start); took != want {
				t.Errorf("Drain(%q) returns after %v, want %v", remotes, took, want)
			}
		}
	})
}

// TestDrainError has a Drain whose context ends first.
func TestDrainError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i := range 9 {
			l, _ := lazyTo(t, "192.0.2.1", i)
			l.Close()
		}
		a, _ := apitest.Pipe(apitest.LargeBuffer)
		apitest.Lazy(t, a).Close()
		cause := errors.New("the program ends")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		err := multiselect.Drain(ctx)
		failed, ok := errors.AsType[*multiselect.DrainError](err)
		if !ok || failed.Lingering != 10 || len(failed.Remotes) != 10 || !errors.Is(err, cause) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Drain = %#v", err)
		}
		const want = `multiselect: 10 streams linger, to ["" "192.0.2.1:0" "192.0.2.1:1" "192.0.2.1:2" ` +
			`"192.0.2.1:3" "192.0.2.1:4" "192.0.2.1:5" "192.0.2.1:6"] and 2 more: context deadline exceeded: the program ends`
		if err.Error() != want {
			t.Errorf("text: %s\nwant: %s", err, want)
		}
		if err := multiselect.Drain(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestLazyLingerWithoutBudget checks that a linger has a time limit also if the negotiation
// has none.
func TestLazyLingerWithoutBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := apitest.Pipe(apitest.LargeBuffer)
		apitest.LazyOf(t, &multiselect.Client{Limits: multiselect.Limits{Timeout: -1}}, a).Close()
		apitest.AwaitLingers(t, time.Now().Add(10*time.Second))
	})
}

// blockingReset is a stream whose Reset blocks until the channel is closed, as that of a
// multiplexer can while its connection is blocked.
type blockingReset struct {
	*streamtest.Stream
	proceed chan struct{}
}

func (s *blockingReset) Reset() error {
	<-s.proceed
	return s.Stream.Reset()
}

// TestLazyCloseWhileReset checks that Close does not wait for a Reset of the stream.
func TestLazyCloseWhileReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		s := &blockingReset{a, make(chan struct{})}
		l := apitest.Lazy(t, s)
		streamtest.MustWrite(t, l, "\x07request")
		streamtest.MustWrite(t, b, apitest.LazyRefusal)
		failed := make(chan error, 1)
		go func() {
			_, err := l.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait() // the Read has received the refusal, and resets the stream
		start := time.Now()
		if err := l.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		close(s.proceed)
		if err := <-failed; !errors.Is(err, net.ErrClosed) && !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
		if err := l.Wait(context.Background()); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
	})
}

// awaitingCloseWrite is a stream whose CloseWrite blocks until the peer has read all data,
// as on go-libp2p's mocknet.
type awaitingCloseWrite struct{ *streamtest.Stream }

func (s awaitingCloseWrite) CloseWrite() error {
	if err := s.AwaitRead(); err != nil {
		return err
	}
	return s.Stream.CloseWrite()
}

// TestLazyCloseDrains has a peer that does not read on before its answer is read, and a
// CloseWrite that blocks until the peer has read on. The linger must read the answer
// concurrently with its CloseWrite.
func TestLazyCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(10)
		start := time.Now()
		go func() {
			streamtest.MustRead(t, b, apitest.LazyFlight)
			streamtest.MustWrite(t, b, apitest.LazyFlight) // more than the buffer holds
			streamtest.MustRead(t, b, "request")
			b.Close()
		}()
		l := apitest.Lazy(t, awaitingCloseWrite{a})
		streamtest.MustWrite(t, l, "request")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		apitest.AwaitLingers(t, start)
		if err := l.Wait(context.Background()); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// withoutReset is a stream without a Reset, like a TCP connection: its Close loses data
// that the peer has not read if data has arrived here unread.
type withoutReset struct{ *streamtest.Stream }

// Reset hides that of Stream: it does not have the signature of a Reset.
func (withoutReset) Reset(struct{}) {}

// TestLazyCloseOfConnection checks that the linger discards data until EOF before it closes
// such a stream, for at most the time limit.
func TestLazyCloseOfConnection(t *testing.T) {
	for takes, peer := range map[time.Duration]func(b *streamtest.Stream){
		4 * time.Second: func(b *streamtest.Stream) {
			b.Write([]byte(apitest.LazyFlight))
			time.Sleep(4 * time.Second)
			b.CloseWrite()
		},
		10 * time.Second: func(b *streamtest.Stream) { b.Write([]byte(apitest.LazyFlight)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, withoutReset{a})
			streamtest.MustWrite(t, l, "\x09request")
			start := time.Now()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			go peer(b)
			if err := l.Wait(context.Background()); err != nil {
				t.Error(err)
			}
			apitest.AwaitLingers(t, start.Add(takes))
			if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite", "close"}) {
				t.Errorf("after %v: ended %q", takes, ends)
			}
			b.Reset()
		})
	}
}
