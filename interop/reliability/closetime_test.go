package reliability

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
)

// closeBudget is how long a Close that waits for its peer would take.
const closeBudget = time.Second

// peers are what a Close meets. They are called when all streams were written to.
var peers = []struct {
	name string
	does func(s *session, streams []io.ReadWriteCloser)
}{
	{"silent", func(*session, []io.ReadWriteCloser) {}},
	{"slow", func(_ *session, streams []io.ReadWriteCloser) {
		go func() {
			<-time.After(closeBudget / 4) // which is what makes it slow
			for _, stream := range streams {
				io.WriteString(stream, proposal)
				stream.Close()
			}
		}()
	}},
	{"vanished", func(s *session, streams []io.ReadWriteCloser) {
		if s.vanish != nil {
			s.vanish()
			return
		}
		for _, stream := range streams {
			stream.(*net.TCPConn).SetLinger(0)
			stream.Close()
		}
	}},
}

// Close in wall time. In fake time it takes none; here only what nobody could
// call prompt is an error, and the figures are for docs/reliability.md.
func TestCloseTime(t *testing.T) {
	for _, transport := range []struct {
		name string
		open func(t testing.TB) *session
	}{{"TCP", openTCP}, {"yamux", openYamux}, {"QUIC", openQUIC}} {
		for _, peer := range peers {
			t.Run(transport.name+"/"+peer.name, func(t *testing.T) {
				s := transport.open(t)
				goroutines := runtime.NumGoroutine()
				client := multiselect.Client{Limits: multiselect.Limits{Timeout: closeBudget}}
				lazies := make([]*multiselect.LazyStream, min(rounds(t), 1000))
				streams := make([]io.ReadWriteCloser, len(lazies))
				for i := range lazies {
					stream, err := s.open()
					if err != nil {
						t.Fatal(err)
					}
					if lazies[i], err = client.Lazy(ctx, stream, "/a"); err != nil {
						t.Fatal(err)
					}
					write(t, lazies[i], request)
					if streams[i], err = s.accept(); err != nil {
						t.Fatal(err)
					}
				}
				peer.does(s, streams)
				closes := make([]time.Duration, len(lazies))
				for i, l := range lazies {
					start := time.Now()
					l.Close()
					closes[i] = time.Since(start)
				}
				t.Logf("Close: %s", percentiles(closes))
				if p99 := closes[len(closes)*99/100]; p99 >= closeBudget {
					t.Errorf("p99 is %v", p99)
				}
				awaitNothingLeft(t, goroutines)
				for _, stream := range streams {
					stream.Close()
				}
			})
		}
	}
}
