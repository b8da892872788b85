package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Many negotiations at the same time, and peers that announce very much.

// crowdMuxer serves five protocols of different lengths with a handler that names
// the protocol and then echoes.
func crowdMuxer(t testing.TB) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	for _, name := range []string{apitest.NameA, apitest.NameB, "/foo/bar1", "svc/raw", "/" + strings.Repeat("L", 200)} {
		if err := m.AddHandler(name, greetAndEcho); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func greetAndEcho(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	io.WriteString(stream, greeting(protocol))
	io.Copy(stream, struct{ io.Reader }{stream})
	stream.Close()
}

func greeting(protocol string) string { return "<APP:" + protocol + ">" }

// A thousand streams, one half of them bad or slow. The good ones are served
// immediately, each with its own bytes; the others end for their own reasons, each
// in its time; no goroutine is left.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := crowdMuxer(t)
		var crowd sync.WaitGroup
		for i := range 1000 {
			ours, theirs := net.Pipe()
			member := members[i%len(members)]
			crowd.Go(func() {
				start := time.Now()
				err := m.ServeStream(background, ours)
				if took := time.Since(start); !errors.Is(err, member.err) || took != member.after {
					t.Errorf("%s: served for %v, %v; want %v, %v", member.why, took, err, member.after, member.err)
				}
			})
			crowd.Go(func() { member.plays(t, i, theirs) })
		}
		crowd.Wait()
	})
}

var members = []struct {
	why   string
	plays func(t *testing.T, i int, stream io.ReadWriteCloser)
	err   error
	after time.Duration
}{
	{"good", good, nil, 0},
	{"silent", func(_ *testing.T, _ int, stream io.ReadWriteCloser) {
		io.Copy(io.Discard, stream)
	}, os.ErrDeadlineExceeded, 10 * time.Second},
	{"good", good, nil, 0},
	{"a stranger", func(_ *testing.T, _ int, stream io.ReadWriteCloser) {
		io.WriteString(stream, "GET / HTTP/1.1\r\n\r\n")
		io.Copy(io.Discard, stream)
	}, multiselect.ErrNotMultistream, 0},
	{"good", good, nil, 0},
	{"slow", func(_ *testing.T, _ int, stream io.ReadWriteCloser) {
		p := streamtest.NewPeer(stream)
		for _, b := range streamtest.Bytewise(messages(wire.Header, apitest.NameA)) {
			time.Sleep(990 * time.Millisecond) // of fake time
			if p.Write(b) != nil {
				break
			}
		}
		p.AwaitEnd()
	}, os.ErrDeadlineExceeded, 10 * time.Second},
	{"good", good, nil, 0},
	{"gone", func(_ *testing.T, _ int, stream io.ReadWriteCloser) {
		stream.Close()
	}, io.EOF, 0},
}

// good proposes an unknown name and then one of two protocols, and goes on with
// bytes of its own.
func good(t *testing.T, i int, stream io.ReadWriteCloser) {
	protocol := []string{apitest.NameA, apitest.NameB}[i%2]
	payload := fmt.Sprintf("this is the payload of %d", i)
	p := streamtest.NewPeer(stream)
	p.Write(messages(wire.Header, "/nope", protocol) + payload)
	want := wire.HeaderFrame + "\x03na\n" + messages(protocol) + greeting(protocol) + payload
	p.Await(len(want))
	p.CloseWrite()
	p.AwaitEnd()
	if got := p.Received(); got != want {
		t.Errorf("the good %d received %q, want %q", i, got, want)
	}
	stream.Close()
}

// The same crowd on 200 real connections.
func TestCrowdOverTCP(t *testing.T) {
	t.Parallel()
	m := crowdMuxer(t)
	var crowd sync.WaitGroup
	for i := range 200 {
		theirs, ours := streamtest.TCP(t)
		crowd.Go(func() {
			if err := m.ServeStream(background, ours); (err != nil) != (i%4 == 3) {
				t.Errorf("%d was served: %v", i, err)
			}
		})
		crowd.Go(func() {
			if i%4 != 3 {
				good(t, i, theirs)
				return
			}
			p := streamtest.NewPeer(theirs)
			p.Write(strings.Repeat("\x80", 64))
			p.AwaitEnd()
			p.Reset()
		})
	}
	crowd.Wait()
}

// Memory is used for bytes that a peer sends, and not for those that it announces,
// whether the announcement is refused or believed (R26).
func TestAnnouncements(t *testing.T) {
	for _, tt := range []struct {
		why, sent string
		limits    multiselect.Limits
	}{
		{"a huge length", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", multiselect.Limits{}},
		{"the largest length that is allowed", "\xff\x7f/", multiselect.Limits{MaxMessage: multiselect.NoLimit}},
	} {
		t.Run(tt.why, func(t *testing.T) {
			m := crowdMuxer(t)
			m.Limits = tt.limits
			// The peer's buffer has 4 KiB, and there are pipes and goroutines. Pools that
			// are emptied meanwhile add to some measurements, and announcements to each.
			const most = 12 << 10
			each := uint64(math.MaxUint64)
			for n := 0; n < 20 && each > most; n++ {
				each = min(each, announce(t, m, tt.sent))
			}
			if each > most {
				t.Errorf("%d bytes each", each)
			}
		})
	}
}

// announce returns how many bytes a negotiation with a peer that sends this allocates.
func announce(t *testing.T, m *multiselect.Muxer, sent string) (each uint64) {
	t.Helper()
	const rounds = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		ours, theirs := net.Pipe()
		p := streamtest.NewPeer(theirs)
		go func() {
			p.Write(wire.HeaderFrame + sent)
			p.Conn.Close()
		}()
		if _, _, err := m.Negotiate(background, ours); err == nil {
			t.Fatal("it was accepted")
		}
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / rounds
}
