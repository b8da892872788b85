package reliability

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
)

// rounds is how often a stream is written to and closed at once.
// MULTISELECT_LINGER_ROUNDS sets another number for slow suites.
func rounds(t testing.TB) int {
	t.Helper()
	set := os.Getenv("MULTISELECT_LINGER_ROUNDS")
	if set == "" {
		return 1000
	}
	n, err := strconv.Atoi(set)
	if err != nil || n <= 0 {
		t.Fatalf("MULTISELECT_LINGER_ROUNDS is %q", set)
	}
	return n
}

// responders take turns.
var responders = []func(stream io.ReadWriteCloser, serve handler) error{
	func(stream io.ReadWriteCloser, serve handler) error {
		_, err := ours.serve(stream, map[string]handler{"/a": serve})
		return err
	},
	func(stream io.ReadWriteCloser, serve handler) error {
		_, err := theirs.serve(stream, map[string]handler{"/a": serve})
		return err
	},
	insistent,
}

// insistent is a responder that gives up if its answer is not wanted, as
// rust-libp2p does.
func insistent(stream io.ReadWriteCloser, serve handler) error {
	said := make([]byte, len(proposal))
	if _, err := io.ReadFull(stream, said); err != nil {
		return err
	}
	runtime.Gosched() // whoever is about to say that it does not listen has time for it
	if _, err := io.WriteString(stream, proposal); err != nil {
		return err
	}
	serve(stream)
	return nil
}

// Write and Close, without a word from the peer in between: nothing that was
// written is lost, also when the peer says something that nobody reads, and
// nothing is left in the end.
func TestWriteAndClose(t *testing.T) {
	for _, transport := range []struct {
		name string
		open func(t testing.TB) *session
	}{{"TCP", openTCP}, {"yamux", openYamux}, {"QUIC", openQUIC}} {
		t.Run(transport.name, func(t *testing.T) {
			n := rounds(t)
			s := transport.open(t)
			goroutines := runtime.NumGoroutine()
			p := &parcels{t: t, got: make([]atomic.Bool, n)}
			received := make(chan struct{})
			go func() {
				defer close(received)
				p.receive(s, n)
			}()
			start := time.Now()
			closes := sendParcels(t, s, n)
			<-received
			for i := range p.got {
				if !p.got[i].Load() {
					t.Errorf("round %d is lost", i)
				}
			}
			awaitNothingLeft(t, goroutines)
			t.Logf("%d rounds in %v; Close: %v", n, time.Since(start).Round(time.Millisecond), percentiles(closes))
		})
	}
}

// The same without a lazy stream: who writes and closes a QUIC stream loses what
// was written to a responder that wants to be heard. If that were not so,
// TestWriteAndClose would prove nothing.
func TestWriteAndCloseControl(t *testing.T) {
	const n = 200
	s := openQUIC(t)
	lost := 0
	for range n {
		near, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		write(t, near, proposal+request)
		near.Close()
		far, err := s.accept()
		if err != nil {
			t.Fatal(err)
		}
		if insistent(far, func(io.ReadWriteCloser) {}) != nil {
			lost++
		}
		far.Close()
	}
	if t.Logf("%d of %d lost", lost, n); lost == 0 {
		t.Error("nothing is lost")
	}
}

// sendParcels writes and closes, n times. It returns how long each Close took.
func sendParcels(t *testing.T, s *session, n int) (closes []time.Duration) {
	for i := range n {
		stream, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		l := ours.open(t, stream)
		write(t, l, string(binary.BigEndian.AppendUint32([]byte("\xff\x7f"), uint32(i)))+string(make([]byte, i%3000)))
		start := time.Now()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		closes = append(closes, time.Since(start))
		if now := multiselect.LingerStats().Active; now > 500 {
			l.(*multiselect.LazyStream).Wait(ctx)
		}
	}
	return closes
}

// parcels is what the peer has got.
type parcels struct {
	t   *testing.T
	got []atomic.Bool
}

// receive returns when n streams have been served.
func (p *parcels) receive(s *session, n int) {
	var streams sync.WaitGroup
	defer streams.Wait()
	for i := range n {
		stream, err := s.accept()
		if err != nil {
			p.t.Error(err)
			return
		}
		streams.Go(func() {
			err := responders[i%len(responders)](stream, func(stream io.ReadWriteCloser) { p.take(stream, i%2 == 0) })
			if err != nil {
				p.t.Errorf("the responder of round %d says %v", i, err)
				stream.Close()
			}
		})
	}
}

func (p *parcels) take(stream io.ReadWriteCloser, replies bool) {
	defer stream.Close()
	if replies {
		io.WriteString(stream, "a reply that nobody reads")
	}
	request, err := io.ReadAll(stream)
	if err != nil || len(request) < 6 {
		p.t.Errorf("%d bytes of a request, %v", len(request), err)
		return
	}
	i := int(binary.BigEndian.Uint32(request[2:]))
	if len(request) != 6+i%3000 || !p.got[i].CompareAndSwap(false, true) {
		p.t.Errorf("%d bytes of round %d, or it comes twice", len(request), i)
	}
}

// awaitNothingLeft waits, for as long as a linger may take, until none is left.
func awaitNothingLeft(t *testing.T, goroutines int) {
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

func percentiles(d []time.Duration) string {
	slices.Sort(d)
	return fmt.Sprintf("p50 %v, p99 %v, max %v of %d", d[len(d)/2], d[len(d)*99/100], d[len(d)-1], len(d))
}
