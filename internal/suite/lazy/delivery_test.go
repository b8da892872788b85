package lazy_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// lingerRounds returns the number of streams that TestLazyWriteAndClose writes to and
// closes. MULTISELECT_LINGER_ROUNDS sets it for slow suites; the default is 1000.
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

// TestLazyWriteAndClose writes to a stream and closes it immediately, over kernel sockets.
// Each peer receives all data that was written, also if it sends a reply that is never
// read. The test logs how long Close takes, but has no bound on it.
func TestLazyWriteAndClose(t *testing.T) {
	rounds := lingerRounds(t)
	for _, network := range []string{"tcp", "unix"} {
		for _, replies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/the peer replies: %v", network, replies), func(t *testing.T) {
				goroutines := runtime.NumGoroutine()
				got := make([]atomic.Bool, rounds)
				var delivered atomic.Int64
				m := new(multiselect.Muxer)
				m.AddHandler(apitest.NameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
					defer stream.Close()
					if replies {
						io.WriteString(stream, "a reply that is never read")
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
				listener := streamtest.Listen(t, network)
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
				streamtest.Await(t, "the delivery of all requests", func() bool { return delivered.Load() == int64(rounds) })
				listener.Close()
				handlers.Wait()
				streamtest.Await(t, "the end of all lingers and their goroutines", func() bool {
					return multiselect.LingerStats().Active == 0 && runtime.NumGoroutine() <= goroutines
				})
				slices.Sort(closes)
				t.Logf("Close: p50 %v, p99 %v, of %d", closes[rounds/2], closes[rounds*99/100], rounds)
			})
		}
	}
}

// writeAndClose opens rounds streams, writes a numbered request to each and closes it. It
// returns how long each Close took.
func writeAndClose(t *testing.T, to net.Addr, rounds int) (closes []time.Duration) {
	for i := range rounds {
		conn, err := net.Dial(to.Network(), to.String())
		if err != nil {
			t.Fatal(err)
		}
		l := apitest.Lazy(t, conn)
		request := append(binary.BigEndian.AppendUint32([]byte("\xff\x7f"), uint32(i)), make([]byte, i%3000)...)
		if n, err := l.Write(request); n != len(request) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		start := time.Now()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		closes = append(closes, time.Since(start))
		if active := multiselect.LingerStats().Active; active > 500 {
			l.Wait(context.Background())
		}
	}
	return closes
}
