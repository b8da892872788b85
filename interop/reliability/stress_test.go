package reliability

import (
	"context"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
)

// Any method from any goroutine, over the streams of a real muxer: no race, no
// call that is left waiting, no goroutine. The root module has the same over
// streams in memory.
func TestStress(t *testing.T) {
	t.Run("yamux", func(t *testing.T) {
		for seed := range uint64(200) {
			synctest.Test(t, func(t *testing.T) {
				a, b := pipe(t)
				stress(t, yamuxSession(t, hidden{a}, hidden{b}), seed, time.Second)
			})
		}
	})
	t.Run("QUIC", func(t *testing.T) {
		s := openQUIC(t)
		goroutines := runtime.NumGoroutine()
		for seed := range uint64(60) {
			stress(t, s, seed, 5*time.Millisecond)
		}
		awaitNothingLeft(t, goroutines)
	})
}

// stress plays one history. All that takes time takes a few units of it.
func stress(t *testing.T, s *session, seed uint64, unit time.Duration) {
	near, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	client := multiselect.Client{Limits: multiselect.Limits{Timeout: 10 * unit}}
	l, err := client.Lazy(ctx, near, "/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil { // or the peer never hears of the stream
		t.Fatal(err)
	}
	far, err := s.accept()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(seed, 1))
	var peer, callers sync.WaitGroup
	behave := random.IntN(4)
	peer.Go(func() { peerOf(behave, far, unit) })
	for i := range 4 {
		order := rand.New(rand.NewPCG(seed, random.Uint64()))
		callers.Go(func() {
			for range 6 {
				if i == 0 { // the Close of a yamux stream wakes only one of two Reads
					readAny(l, order, unit)
				} else {
					callAny(l, order, unit)
				}
			}
		})
	}
	callers.Wait()
	l.Close()
	if err := l.Wait(ctx); (err == nil) != (l.State() == multiselect.LazyAgreed) || l.State() == multiselect.LazyPending {
		t.Errorf("seed %d: Wait says %v, State %v", seed, err, l.State())
	}
	peer.Wait()
	far.(interface{ ResetWithError(uint32) error }).ResetWithError(0)
}

func peerOf(kind int, far io.ReadWriteCloser, unit time.Duration) {
	echo := map[string]handler{"/a": func(stream io.ReadWriteCloser) {
		io.Copy(stream, stream)
		stream.Close()
	}}
	switch kind {
	case 0: // agrees
		ours.serve(far, echo)
	case 1: // refuses
		theirs.serve(far, nil)
	case 2: // is silent, and leaves
		<-time.After(2 * unit)
	case 3: // agrees late
		<-time.After(unit)
		theirs.serve(far, echo)
	}
	far.Close()
}

func soon(random *rand.Rand, unit time.Duration) time.Time {
	return time.Now().Add(time.Duration(random.Int64N(3 * int64(unit))))
}

func readAny(l *multiselect.LazyStream, random *rand.Rand, unit time.Duration) {
	by := soon(random, unit)
	if random.IntN(4) == 0 { // the deadline comes when it waits
		l.SetReadDeadline(time.Time{})
		defer time.AfterFunc(unit, func() { l.SetReadDeadline(by) }).Stop()
	} else {
		l.SetReadDeadline(by)
	}
	l.Read(make([]byte, 100))
}

func callAny(l *multiselect.LazyStream, random *rand.Rand, unit time.Duration) {
	rare := random.IntN(4) == 0
	switch random.IntN(9) {
	case 0, 1, 2:
		l.SetWriteDeadline(soon(random, unit))
		io.WriteString(l, request)
	case 3:
		l.SetWriteDeadline(soon(random, unit))
		io.WriteString(l, "\x01\n") // waits for the agreement
	case 4:
		l.Flush()
	case 5:
		ctx, cancel := context.WithTimeout(ctx, unit)
		defer cancel()
		l.Wait(ctx)
	case 6:
		if rare {
			l.CloseRead()
		}
	case 7:
		if rare {
			l.Close()
		}
	case 8:
		if rare {
			l.Reset()
		}
	}
}
