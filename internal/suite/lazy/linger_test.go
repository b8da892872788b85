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

// TestLazyLingerCap checks that Close resets a stream immediately if 1024 streams linger
// already, returns ErrLimit, and counts the stream.
func TestLazyLingerCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := multiselect.LingerStats().Refused
		for range 1024 {
			a, _ := apitest.Pipe(apitest.LargeBuffer)
			if err := apitest.Lazy(t, a).Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, reading := range []bool{false, true} {
			a, _ := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, a)
			if reading {
				go l.Read(make([]byte, 1))
				synctest.Wait()
			}
			if err := l.Close(); !errors.Is(err, multiselect.ErrLimit) || !errors.Is(l.Wait(context.Background()), multiselect.ErrLimit) {
				t.Errorf("Close = %v", err)
			}
			if ends := a.Ended(); !slices.Equal(ends, []string{"reset"}) {
				t.Errorf("ended: %q", ends)
			}
		}
		if got := multiselect.LingerStats(); got.Active != 1024 || got.Refused != refused+2 {
			t.Errorf("LingerStats() = %+v, want 1024 active and %d refused", got, refused+2)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if active := multiselect.LingerStats().Active; active != 0 {
			t.Errorf("%d streams linger", active)
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
