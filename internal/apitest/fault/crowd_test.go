package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Here many negotiate at once, or one announces very much.

// R78: a thousand streams at once, one half of them bad or slow. The good ones
// are served at once, each with its own words; the others end for their own
// reasons, each in its time; nothing stays behind.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFixture(t, echoOnce)
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

// echoOnce says which protocol it is, and echoes what it reads.
func echoOnce(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	io.WriteString(stream, greeting(protocol))
	io.Copy(stream, struct{ io.Reader }{stream})
	stream.Close()
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
		p := newPeer(stream)
		drip(p, flightA, 990*time.Millisecond)
		p.awaitEnd()
	}, os.ErrDeadlineExceeded, 10 * time.Second},
	{"good", good, nil, 0},
	{"gone", func(_ *testing.T, _ int, stream io.ReadWriteCloser) {
		stream.Close()
	}, io.EOF, 0},
}

// good proposes something unknown and then one of two protocols, and goes on
// with words of its own.
func good(t *testing.T, i int, stream io.ReadWriteCloser) {
	protocol := both[i%2]
	words := fmt.Sprintf("these are the words of %d", i)
	p := newPeer(stream)
	p.write(messages(wire.Header, "/nope", protocol) + words)
	want := wire.HeaderFrame + "\x03na\n" + messages(protocol) + greeting(protocol) + words
	p.await(len(want))
	p.closeWrite()
	p.awaitEnd()
	if got := p.received(); got != want {
		t.Errorf("the good %d received %q, want %q", i, got, want)
	}
	stream.Close()
}

// R78 on real connections: 200 at once, the good among the bad.
func TestCrowdOverTCP(t *testing.T) {
	t.Parallel()
	m := newFixture(t, echoOnce)
	var crowd sync.WaitGroup
	for i := range 200 {
		ours, theirs := openTCP(t)
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
			p := newPeer(theirs)
			p.write(strings.Repeat("\x80", 64))
			p.awaitEnd()
			p.reset()
		})
	}
	crowd.Wait()
}

// R60, R26: what a peer announces costs nothing, whether it is refused or
// believed; only what it sends does.
func TestAnnouncements(t *testing.T) {
	for _, tt := range []struct {
		id, why, said string
		limits        multiselect.Limits
	}{
		{"R60", "a huge length", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", multiselect.Limits{}},
		{"R60", "the largest length that is allowed", "\xff\x7f/", multiselect.Limits{MaxMessage: -1}},
	} {
		t.Run(tt.id+" "+tt.why, func(t *testing.T) {
			m := newFixture(t, echoOnce)
			m.Limits = tt.limits
			const rounds = 100
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				ours, theirs := net.Pipe()
				p := newPeer(theirs)
				go func() {
					p.write(wire.HeaderFrame + tt.said)
					p.conn.Close()
				}()
				if _, _, err := m.Negotiate(background, ours); err == nil {
					t.Fatal("it was accepted")
				}
			}
			runtime.ReadMemStats(&after)
			// The peer's buffer has 4 KiB, and there are pipes and goroutines.
			if each := (after.TotalAlloc - before.TotalAlloc) / rounds; each > 12<<10 {
				t.Errorf("%d bytes each", each)
			}
		})
	}
}
