package multiselect_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
)

// lingerRounds is how often a stream is written to and closed at once.
// MULTISELECT_LINGER_ROUNDS sets another number for slow suites.
func lingerRounds(t testing.TB) int {
	t.Helper()
	set := os.Getenv("MULTISELECT_LINGER_ROUNDS")
	if set == "" {
		return 1000
	}
	rounds, err := strconv.Atoi(set)
	if err != nil || rounds <= 0 {
		t.Fatalf("MULTISELECT_LINGER_ROUNDS is %q", set)
	}
	return rounds
}

// Write and Close, without a word from the peer in between: nothing that was
// written is lost, also when the peer says something that nobody reads. Close
// is timed, which is reported and no gate.
func TestLazyWriteAndClose(t *testing.T) {
	rounds := lingerRounds(t)
	for _, network := range []string{"tcp", "unix"} {
		for _, replies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/the peer replies: %v", network, replies), func(t *testing.T) {
				goroutines := runtime.NumGoroutine()
				got := make([]atomic.Bool, rounds)
				var delivered atomic.Int64
				m := new(multiselect.Muxer)
				m.AddHandler(nameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
					defer stream.Close()
					if replies {
						io.WriteString(stream, "a reply that nobody reads")
					}
					request, err := io.ReadAll(stream)
					if err != nil || len(request) < 6 {
						t.Errorf("got %d bytes, %v", len(request), err)
						return
					}
					if got[binary.BigEndian.Uint32(request[2:])].CompareAndSwap(false, true) {
						delivered.Add(1)
					}
				})
				listener := listen(t, network)
				var handlers sync.WaitGroup
				handlers.Go(func() {
					for {
						conn, err := listener.Accept()
						if err != nil {
							return
						}
						handlers.Go(func() {
							if err := m.ServeStream(context.Background(), conn); err != nil {
								t.Error(err)
							}
						})
					}
				})
				closes := writeAndClose(t, listener.Addr(), rounds)
				for until := time.Now().Add(time.Minute); delivered.Load() < int64(rounds) && time.Now().Before(until); {
					runtime.Gosched()
				}
				listener.Close()
				handlers.Wait()
				if n := delivered.Load(); n != int64(rounds) {
					t.Errorf("%d of %d delivered", n, rounds)
				}
				awaitNoLinger(t, goroutines)
				slices.Sort(closes)
				t.Logf("Close: p50 %v, p99 %v, of %d", closes[rounds/2], closes[rounds*99/100], rounds)
			})
		}
	}
}

func listen(t *testing.T, network string) net.Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func writeAndClose(t *testing.T, to net.Addr, rounds int) (closes []time.Duration) {
	for i := range rounds {
		conn, err := net.Dial(to.Network(), to.String())
		if err != nil {
			t.Fatal(err)
		}
		l := lazy(t, new(multiselect.Client), conn)
		request := append(binary.BigEndian.AppendUint32([]byte("\xff\x7f"), uint32(i)), make([]byte, i%3000)...)
		if n, err := l.Write(request); n != len(request) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		start := time.Now()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		closes = append(closes, time.Since(start))
		if now := multiselect.LingerStats().Active; now > 500 {
			l.Wait(context.Background())
		}
	}
	return closes
}

// awaitNoLinger waits, for as long as a linger may take, until none is left.
func awaitNoLinger(t *testing.T, goroutines int) {
	t.Helper()
	until := time.Now().Add(15 * time.Second)
	for {
		now := multiselect.LingerStats().Active
		if now == 0 && runtime.NumGoroutine() <= goroutines {
			return
		}
		if time.Now().After(until) {
			t.Errorf("%d streams linger, %d goroutines, %d before", now, runtime.NumGoroutine(), goroutines)
			return
		}
		runtime.Gosched()
	}
}

// Every method, from many goroutines, over every kind of stream: the detector
// finds no race, no call is left waiting, and the peer finds either nothing but
// the header and the proposal or what a Write has counted.
func TestLazyStress(t *testing.T) {
	// net.Pipe and io.Pipe wait for a mutex, in which fake time stands still.
	open := map[string]func() (a, b io.ReadWriteCloser){
		"buffered": func() (a, b io.ReadWriteCloser) { return conns(plenty) },
		"tight":    func() (a, b io.ReadWriteCloser) { return conns(50) },
		"rendezvous": func() (a, b io.ReadWriteCloser) {
			x, y := conns(plenty)
			x.in.rendezvous, x.out.rendezvous = true, true
			return x, y
		},
		"bare": func() (a, b io.ReadWriteCloser) {
			x, y := conns(plenty)
			return bare{x}, y
		},
		"nested": func() (a, b io.ReadWriteCloser) {
			x, y := conns(plenty)
			return lazy(t, new(multiselect.Client), x), y
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

func stressLazy(t *testing.T, seed uint64, unbuffered bool, open func() (a, b io.ReadWriteCloser)) {
	a, b := open()
	l := lazy(t, &multiselect.Client{Unbuffered: unbuffered}, a)
	random := rand.New(rand.NewPCG(seed, 1))
	var peer, callers sync.WaitGroup
	switch random.IntN(4) {
	case 0: // agrees
		peer.Go(func() { anyEcho(unbuffered).ServeStream(context.Background(), b) })
	case 1: // refuses
		peer.Go(func() { new(multiselect.Muxer).ServeStream(context.Background(), b) })
	case 2: // is silent, and then leaves
		peer.Go(func() {
			time.Sleep(2 * time.Second)
			b.Close()
		})
	case 3: // agrees late
		peer.Go(func() {
			time.Sleep(time.Second)
			anyEcho(unbuffered).ServeStream(context.Background(), b)
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
	defer time.AfterFunc(30*time.Second, func() { l.Close() }).Stop() // where there are no deadlines
	callers.Wait()
	l.Close()
	if err := l.Wait(context.Background()); (err == nil) != (l.State() == multiselect.LazyAgreed) || l.State() == multiselect.LazyPending {
		t.Errorf("Wait = %v, %v", err, l.State())
	}
	b.Close()
	peer.Wait()
	time.Sleep(20 * time.Second)
	synctest.Wait()
	if now := multiselect.LingerStats().Active; now != 0 {
		t.Errorf("%d linger", now)
	}
}

func anyEcho(unbuffered bool) *multiselect.Muxer {
	m := &multiselect.Muxer{Unbuffered: unbuffered}
	m.AddHandler(nameA, func(ctx context.Context, _ string, stream io.ReadWriteCloser) {
		io.Copy(bare{stream}, bare{stream})
		stream.Close()
	})
	return m
}

func callAny(ctx context.Context, l *multiselect.LazyStream, random *rand.Rand) {
	soon := func() time.Time { return time.Now().Add(time.Duration(random.IntN(3000)) * time.Millisecond) }
	switch random.IntN(24) {
	case 0, 1, 2, 3:
		l.SetWriteDeadline(soon())
		l.Write(early(random.IntN(200) + 1))
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
		l.ReadFrom(&io.LimitedReader{R: random2{random}, N: 10})
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

// random2 reads anything.
type random2 struct{ *rand.Rand }

func (r random2) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}
