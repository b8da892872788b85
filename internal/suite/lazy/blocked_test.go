package lazy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyBlockedWrite has Writes of early data that block: the peer reads nothing. The time
// limit ends them, unless the peer has agreed.
func TestLazyBlockedWrite(t *testing.T) {
	for _, tt := range []struct {
		name   string
		buffer int
		sent   string // by the peer, before the Write
		agrees bool
	}{
		{"a large Write, silent peer", apitest.LargeBuffer, "", false},
		{"a small Write, silent peer", 4, "", false},
		{"the peer sends the header", apitest.LargeBuffer, streamtest.Messages("/multistream/1.0.0"), false},
		{"the peer agrees", apitest.LargeBuffer, apitest.LazyFlight, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(tt.buffer)
				streamtest.MustWrite(t, b, tt.sent)
				l := apitest.Lazy(t, a)
				start := time.Now()
				type result struct {
					n   int
					err error
				}
				written := make(chan result, 1)
				size := min(2*tt.buffer, 2*apitest.LargeBuffer)
				go func() {
					n, err := l.Write(apitest.EarlyData(size))
					written <- result{n, err}
				}()
				if tt.agrees {
					time.Sleep(time.Hour)
					synctest.Wait()
					if l.State() != multiselect.LazyAgreed || len(written) > 0 {
						t.Errorf("after an hour the state is %v, and %d Writes have returned", l.State(), len(written))
					}
					l.Reset()
					<-written
					return
				}
				got := <-written
				if took, limit := time.Since(start), 10*time.Second; took < limit || took > limit+time.Second {
					t.Errorf("Write returns after %v", took)
				}
				failed, ok := errors.AsType[*multiselect.Error](got.err)
				if !ok || !failed.Timeout() || failed.Blame() != multiselect.BlameSlowPeer {
					t.Errorf("Write = %d, %v", got.n, got.err)
				}
				if want := max(0, tt.buffer-len(apitest.LazyFlight)); got.n != want {
					t.Errorf("Write = %d, want %d", got.n, want)
				}
			})
		})
	}
}

// TestLazyBlockedWriteReturns has a Write that blocks for less than the time limit. Its time
// counts, and the next call has the rest.
func TestLazyBlockedWriteReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(100)
		l := apitest.Lazy(t, a)
		start := time.Now()
		go func() {
			time.Sleep(6 * time.Second)
			io.ReadFull(b, make([]byte, 500))
		}()
		if n, err := l.Write(apitest.EarlyData(500)); n != 500 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
		time.Sleep(time.Hour)
		if l.State() != multiselect.LazyPending {
			t.Errorf("the time limit runs while no call waits: %v", l.Wait(context.Background()))
		}
		start = start.Add(time.Hour)
		if _, err := l.Read(make([]byte, 1)); !isWanted(err, errTimeout) {
			t.Errorf("Read: %v", err)
		}
		if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("the calls block for %v in all", took)
		}
	})
}

// TestLazyCloseUnobserved closes a stream whose peer has agreed, and sent data, without a
// call that has waited for that. The written data must arrive, as with a Close that comes
// before the answer: the linger discards what the peer sends.
func TestLazyCloseUnobserved(t *testing.T) {
	// In each case a background goroutine reads the answer, although no call waits any longer.
	for name, prepare := range map[string]func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream){
		"a Write that has blocked": func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			go func() {
				time.Sleep(time.Second)
				streamtest.MustRead(t, b, apitest.LazyFlight+string(apitest.EarlyData(500)))
			}()
			streamtest.MustWrite(t, l, string(apitest.EarlyData(500)))
		},
		"a Read whose deadline has expired": func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			streamtest.MustWrite(t, l, "\x09request")
			l.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := l.Read(make([]byte, 1)); err == nil {
				t.Error("the Read does not meet its deadline")
			}
			streamtest.MustRead(t, b, apitest.LazyFlight+"\x09request")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(100)
				l := apitest.Lazy(t, withoutReset{a})
				prepare(t, l, b)
				streamtest.MustWrite(t, b, apitest.LazyFlight+"a reply")
				synctest.Wait()
				if l.State() != multiselect.LazyAgreed {
					t.Fatal("the answer was not read")
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite"}) {
					t.Errorf("ended: %q", ends)
				}
				streamtest.MustWrite(t, b, "and more")
				b.CloseWrite()
				apitest.AwaitLingers(t, time.Now())
				if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite", "close"}) {
					t.Errorf("ended: %q", ends)
				}
			})
		})
	}
}

// TestLazyCloseAfterWait closes a stream whose owner knows the outcome: Close is that of the
// stream.
func TestLazyCloseAfterWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.Lazy(t, withoutReset{a})
		l.SetReadDeadline(time.Now().Add(time.Second))
		l.Read(make([]byte, 1))
		streamtest.MustWrite(t, b, apitest.LazyFlight)
		if err := l.Wait(context.Background()); err != nil {
			t.Error(err)
		}
		l.Close()
		if ends := a.Ended(); !slices.Equal(ends, []string{"close"}) {
			t.Errorf("ended: %q", ends)
		}
	})
}

// TestLazyCloseWriteEndsWrite calls CloseWrite while a Write of early data is blocked on a
// socket. As on the socket itself, the Write ends, and the peer receives what it has counted.
func TestLazyCloseWriteEndsWrite(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			ours, theirs := streamtest.Connect(t, network)
			l := apitest.Lazy(t, ours)
			counted := make(chan int)
			go func() {
				n, err := l.Write(apitest.EarlyData(64 << 20)) // no socket buffers so much
				if err != net.ErrClosed {
					t.Errorf("Write = %d, %v", n, err)
				}
				counted <- n
			}()
			first := make([]byte, len(apitest.LazyFlight)+1) // the Write has begun
			if _, err := io.ReadFull(theirs, first); err != nil {
				t.Fatal(err)
			}
			if err := l.CloseWrite(); err != nil {
				t.Error(err)
			}
			n := <-counted
			rest, err := io.ReadAll(theirs)
			if got := len(rest) + 1; got != n || err != nil {
				t.Errorf("the peer receives %d bytes of %d, %v", got, n, err)
			}
			streamtest.MustWrite(t, theirs, apitest.LazyFlight+"reply")
			streamtest.MustRead(t, l, "reply")
			l.Close()
		})
	}
}
