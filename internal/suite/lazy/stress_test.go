package lazy_test

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyStress calls all methods in random order from many goroutines, over all kinds of
// streams and with all kinds of peers. No call stays blocked, no linger is left, the state
// agrees with the outcome, and the race detector finds nothing.
func TestLazyStress(t *testing.T) {
	// Not net.Pipe and io.Pipe: a goroutine that waits for their mutex stops fake time.
	open := map[string]func() (a, b io.ReadWriteCloser){
		"buffered": func() (a, b io.ReadWriteCloser) { return apitest.Pipe(apitest.LargeBuffer) },
		"tight":    func() (a, b io.ReadWriteCloser) { return apitest.Pipe(50) },
		"rendezvous": func() (a, b io.ReadWriteCloser) {
			return streamtest.Config{Size: apitest.LargeBuffer, Lossy: true, Rendezvous: true}.Pipe()
		},
		"bare": func() (a, b io.ReadWriteCloser) {
			x, y := apitest.Pipe(apitest.LargeBuffer)
			return streamtest.Bare(x), y
		},
		"nested": func() (a, b io.ReadWriteCloser) {
			x, y := apitest.Pipe(apitest.LargeBuffer)
			return apitest.Lazy(t, x), y
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(300) {
				synctest.Test(t, func(t *testing.T) { stressLazy(t, seed, name == "rendezvous", open) })
			}
		})
	}
}

// stressLazy is one run of TestLazyStress, which seed determines as far as the scheduler
// allows.
func stressLazy(t *testing.T, seed uint64, unbuffered bool, open func() (a, b io.ReadWriteCloser)) {
	a, b := open()
	l := apitest.LazyOf(t, &multiselect.Client{Unbuffered: unbuffered}, a)
	random := rand.New(rand.NewPCG(seed, 1))
	var peer, callers sync.WaitGroup
	switch random.IntN(4) {
	case 0: // agrees
		peer.Go(func() { echoMuxer(t, unbuffered).ServeStream(context.Background(), b) })
	case 1: // refuses
		peer.Go(func() { new(multiselect.Muxer).ServeStream(context.Background(), b) })
	case 2: // sends nothing, and closes after 2 s
		peer.Go(func() {
			time.Sleep(2 * time.Second)
			b.Close()
		})
	case 3: // agrees late
		peer.Go(func() {
			time.Sleep(time.Second)
			echoMuxer(t, unbuffered).ServeStream(context.Background(), b)
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for range 6 {
		order := rand.New(rand.NewPCG(seed, random.Uint64()))
		callers.Go(func() {
			for range 5 {
				callAny(ctx, l, order)
			}
		})
	}
	defer time.AfterFunc(30*time.Second, func() { l.Close() }).Stop() // ends calls on streams without deadlines
	callers.Wait()
	l.Close()
	if err := l.Wait(context.Background()); (err == nil) != (l.State() == multiselect.LazyAgreed) || l.State() == multiselect.LazyPending {
		t.Errorf("Wait = %v, %v", err, l.State())
	}
	b.Close()
	peer.Wait()
	time.Sleep(20 * time.Second)
	synctest.Wait()
	if active := multiselect.LingerStats().Active; active != 0 {
		t.Errorf("%d streams linger", active)
	}
}

// echoMuxer is apitest.EchoMuxer for a stream that may be unbuffered.
func echoMuxer(t *testing.T, unbuffered bool) *multiselect.Muxer {
	m := apitest.EchoMuxer(t, apitest.NameA)
	m.Unbuffered = unbuffered
	return m
}

// callAny calls one method, chosen at random.
func callAny(ctx context.Context, l *multiselect.LazyStream, random *rand.Rand) {
	soon := func() time.Time { return time.Now().Add(time.Duration(random.IntN(3000)) * time.Millisecond) }
	switch random.IntN(24) {
	case 0, 1, 2, 3:
		l.SetWriteDeadline(soon())
		l.Write(apitest.EarlyData(random.IntN(200) + 1))
	case 4, 5:
		l.SetWriteDeadline(soon())
		l.Write([]byte("\x01\n"))
	case 6, 7, 8, 9:
		l.SetReadDeadline(soon())
		l.Read(make([]byte, 100))
	case 10:
		l.SetReadDeadline(time.Time{})
		by := soon()
		time.AfterFunc(time.Second, func() { l.SetReadDeadline(by) })
		l.Read(make([]byte, 100))
	case 11:
		l.Flush()
	case 12:
		l.SetDeadline(soon())
	case 13:
		l.SetWriteDeadline(soon())
	case 14:
		l.Wait(ctx)
	case 15:
		l.Detach(ctx)
	case 16:
		l.State()
		l.Protocol()
		l.LocalAddr()
	case 17:
		l.SetWriteDeadline(soon())
		l.ReadFrom(&io.LimitedReader{R: randomReader{random}, N: 10})
	case 18:
		l.SetReadDeadline(soon())
		l.WriteTo(io.Discard)
	case 19:
		if random.IntN(4) == 0 {
			l.CloseWrite()
		}
	case 20:
		if random.IntN(4) == 0 {
			l.CloseRead()
		}
	case 21:
		if random.IntN(4) == 0 {
			l.Close()
		}
	case 22:
		if random.IntN(8) == 0 {
			l.Reset()
		}
	case 23:
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
	}
}

// randomReader is an endless source of random bytes.
type randomReader struct{ *rand.Rand }

func (r randomReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}
