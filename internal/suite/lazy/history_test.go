package lazy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// histories returns the number of histories that TestLazyHistories plays: 20 000, a tenth of it
// with the race detector, or that of the environment variable MULTISELECT_HISTORIES.
func histories(t testing.TB) uint64 {
	set := os.Getenv("MULTISELECT_HISTORIES")
	switch {
	case set == "" && streamtest.Race:
		return 2000
	case set == "":
		return 20_000
	}
	n, err := strconv.ParseUint(set, 10, 64)
	if err != nil || n == 0 {
		t.Fatalf("MULTISELECT_HISTORIES is %q", set)
	}
	return n
}

// TestLazyHistories plays random histories of lazy streams in fake time: a goroutine that writes,
// one that reads and one that calls all other methods, on streams of six kinds, with peers that
// agree, refuse, stall, reset and trickle. A model follows each stream: counts are exact, what the
// peer reads is what was written, without a loss unless the stream was reset, no call exceeds its
// limit, and nothing lingers. In a tenth of the histories there is room for one linger only.
func TestLazyHistories(t *testing.T) {
	n := histories(t)
	play := func(t *testing.T, from, to uint64, streams int) {
		for seed := from; seed < to && !t.Failed(); seed++ {
			synctest.Test(t, func(t *testing.T) { playHistory(t, seed, streams) })
		}
	}
	t.Run("room", func(t *testing.T) { play(t, 0, n-n/10, 1) })
	t.Run("full", func(t *testing.T) {
		fillLingers(t, 1023)
		before := multiselect.LingerStats().Evicted
		play(t, n-n/10, n, 3)
		if n >= 1000 && multiselect.LingerStats().Evicted == before {
			t.Error("no linger was evicted")
		}
	})
}

// fillLingers starts lingers of distinct hosts, which last until the end of the test.
func fillLingers(t *testing.T, n int) {
	t.Cleanup(func() { // runs last
		streamtest.Await(t, "the end of all lingers", func() bool { return multiselect.LingerStats().Active == 0 })
	})
	client := &multiselect.Client{Limits: multiselect.Limits{Timeout: time.Hour}}
	for i := range n {
		a, _ := streamtest.Config{}.Pipe()
		l := apitest.LazyOf(t, client, &located{a, "host" + strconv.Itoa(i)})
		l.Close()
		t.Cleanup(func() { l.Reset() })
	}
	t.Cleanup(func() { // runs first
		if active := multiselect.LingerStats().Active; active != n {
			t.Errorf("%d streams linger, want %d", active, n)
		}
	})
}

const (
	historyHost    = "history"
	historyTimeout = 10 * time.Second
	// historyGrace is the time that does not count: 20 ms of each Write that blocks, and 1 ms of a
	// Read. A call can wait for several Writes.
	historyGrace = 6*20*time.Millisecond + time.Millisecond
)

var (
	historyRequest = apitest.EarlyData(4096)
	historyReply   = bytes.Repeat([]byte("reply "), 40)
)

// history is one stream with its peer, and what the model knows about it.
type history struct {
	t      *testing.T
	seed   uint64
	kind   int
	l      *multiselect.LazyStream
	peer   *streamtest.Stream
	random *rand.Rand // of the goroutine that plays the history

	mu       sync.Mutex
	wasReset bool // Reset was called
	ended    bool // Close or CloseRead was called
	closing  sync.Once
	closed   time.Time // of the first Close
	expired  bool      // the linger took its whole time limit, after which it resets the stream

	written  int    // bytes that Write and ReadFrom have counted
	received []byte // by Read and WriteTo
	sawEnd   bool   // Read has returned io.EOF

	got      []byte // what the handler of the peer has read
	gotEnd   bool   // it has read io.EOF
	replied  bool   // it has written the whole reply
	finished chan struct{}
}

// playHistory plays streams histories together; the seed determines them as far as the scheduler
// allows.
func playHistory(t *testing.T, seed uint64, streams int) {
	before := multiselect.LingerStats()
	var plays sync.WaitGroup
	all := make([]*history, streams)
	for i := range all {
		all[i] = newHistory(t, seed, rand.New(rand.NewPCG(seed, uint64(i))), streams == 1)
		plays.Go(all[i].play)
	}
	plays.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout+time.Second)
	defer cancel()
	if err := multiselect.Drain(ctx, historyHost, ""); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	drained := time.Now()
	lost := 0
	for _, h := range all {
		h.expired = drained.Sub(h.closed) >= historyTimeout
		<-h.finished
		if !h.check() {
			lost++
		}
	}
	synctest.Wait()
	after := multiselect.LingerStats()
	if evicted := after.Evicted - before.Evicted; lost > evicted {
		t.Errorf("seed %d: %d streams have lost data, %d were evicted", seed, lost, evicted)
	}
	if after.Active != before.Active || after.Panics != before.Panics {
		t.Errorf("seed %d: %+v, before %+v", seed, after, before)
	}
}

// newHistory returns a history on a stream of a random kind. Without bare, the stream has a remote
// address, so that all lingers of the histories are those of one host.
func newHistory(t *testing.T, seed uint64, random *rand.Rand, bare bool) *history {
	h := &history{t: t, seed: seed, random: random, kind: random.IntN(6), finished: make(chan struct{})}
	config := streamtest.Config{Size: apitest.LargeBuffer, Rendezvous: h.kind == 2}
	if h.kind == 1 {
		config.Size = 50
	}
	a, b := config.Pipe()
	h.peer = b
	var stream io.ReadWriteCloser = &located{a, historyHost}
	switch h.kind {
	case 3:
		if bare {
			stream = streamtest.Bare(a)
		}
	case 4:
		stream = apitest.Lazy(t, stream)
	case 5:
		stream = &kept{located: &located{a, historyHost}}
	}
	h.l = apitest.LazyOf(t, &multiselect.Client{Unbuffered: h.kind == 2}, stream)
	return h
}

// play plays the history until all calls have returned and the stream is closed.
func (h *history) play() {
	behave := h.random.IntN(7)
	seed := h.random.Uint64()
	go func() {
		defer close(h.finished)
		h.serve(behave, rand.New(rand.NewPCG(seed, 0)))
	}()
	var callers sync.WaitGroup
	for i, play := range []func(*rand.Rand){h.write, h.read, h.callOthers} {
		callers.Go(func() { play(rand.New(rand.NewPCG(seed, uint64(i+1)))) })
	}
	defer time.AfterFunc(30*time.Second, h.close).Stop() // ends calls on streams without deadlines
	callers.Wait()
	h.within("Close", 0, h.close)
	err := h.l.Wait(context.Background())
	if (err == nil) != (h.l.State() == multiselect.LazyAgreed) || h.l.State() == multiselect.LazyPending {
		h.t.Errorf("seed %d: Wait = %v, %v", h.seed, err, h.l.State())
	}
}

// within checks the time of a call: at most limit or, if that is negative, the time limit of the
// negotiation, unless the peer has agreed.
func (h *history) within(name string, limit time.Duration, call func()) {
	start := time.Now()
	call()
	took := time.Since(start)
	if limit < 0 {
		if h.l.State() == multiselect.LazyAgreed {
			return
		}
		limit = historyTimeout + historyGrace
	}
	if took > limit {
		h.t.Errorf("seed %d, kind %d: %s took %v, at most %v are allowed", h.seed, h.kind, name, took, limit)
	}
}

// write writes parts of the request.
func (h *history) write(random *rand.Rand) {
	for range random.IntN(5) {
		pause(random)
		part := historyRequest[h.written:][:random.IntN(200)+1]
		var n int
		var err error
		h.within("SetWriteDeadline", 0, func() { h.l.SetWriteDeadline(deadline(random)) })
		if random.IntN(4) == 0 {
			h.within("ReadFrom", -1, func() {
				var copied int64
				copied, err = h.l.ReadFrom(io.LimitReader(bytes.NewReader(part), int64(len(part))))
				n = int(copied)
			})
		} else {
			h.within("Write", -1, func() { n, err = h.l.Write(part) })
		}
		if n < 0 || n > len(part) || err == nil && n < len(part) {
			h.t.Errorf("seed %d: %d of %d bytes written, %v", h.seed, n, len(part), err)
			return
		}
		h.written += n
	}
}

// read reads parts of the reply.
func (h *history) read(random *rand.Rand) {
	for range random.IntN(5) {
		pause(random)
		h.within("SetReadDeadline", 0, func() { h.l.SetReadDeadline(deadline(random)) })
		var err error
		if random.IntN(4) == 0 {
			var b bytes.Buffer
			var n int64
			h.within("WriteTo", -1, func() { n, err = h.l.WriteTo(&b) })
			if n != int64(b.Len()) {
				h.t.Errorf("seed %d: WriteTo = %d, %d were written", h.seed, n, b.Len())
			}
			h.received = append(h.received, b.Bytes()...)
		} else {
			var n int
			p := make([]byte, random.IntN(100)+1)
			h.within("Read", -1, func() { n, err = h.l.Read(p) })
			h.received = append(h.received, p[:n]...)
			h.sawEnd = h.sawEnd || err == io.EOF
		}
	}
}

// callOthers calls other methods, and ends the stream in some histories.
func (h *history) callOthers(random *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(5000))*time.Millisecond)
	defer cancel()
	for range random.IntN(6) {
		pause(random)
		switch random.IntN(11) {
		case 0, 1:
			h.within("Flush", -1, func() { h.l.Flush() })
		case 2:
			h.within("FlushAfter", 0, func() { h.l.FlushAfter(500 * time.Millisecond) })
		case 3:
			h.within("SetDeadline", 0, func() { h.l.SetDeadline(deadline(random)) })
		case 4:
			h.within("Wait", 5*time.Second, func() { h.l.Wait(ctx) })
		case 5:
			h.within("Drain", 5*time.Second, func() { multiselect.Drain(ctx, historyHost) })
		case 6:
			h.within("State", 0, func() { h.l.State() })
		case 7:
			h.within("CloseWrite", -1, func() { h.l.CloseWrite() })
		case 8:
			h.end(&h.ended)
			h.within("CloseRead", 0, func() { h.l.CloseRead() })
		case 9:
			h.end(&h.ended)
			h.within("Close", 0, h.close)
		case 10:
			if random.IntN(4) == 0 {
				h.end(&h.wasReset)
				h.within("Reset", 0, func() { h.l.Reset() })
			}
		}
	}
}

func (h *history) close() {
	h.closing.Do(func() { h.closed = time.Now() })
	h.l.Close()
}

func (h *history) end(how *bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*how = true
}

// serve is the peer.
func (h *history) serve(behave int, random *rand.Rand) {
	defer h.peer.Close()
	switch behave {
	case 0, 1: // agrees, in some histories late
		time.Sleep(time.Duration(behave) * time.Second)
		m := multiselect.Muxer{Unbuffered: h.kind == 2}
		m.AddHandler(apitest.NameA, h.handle)
		if h.kind == 4 { // the nested stream negotiates first
			below := &multiselect.Muxer{Unbuffered: h.kind == 2}
			below.AddHandler(apitest.NameA, func(ctx context.Context, _ string, s io.ReadWriteCloser) { m.ServeStream(ctx, s) })
			below.ServeStream(context.Background(), h.peer)
			return
		}
		m.ServeStream(context.Background(), h.peer)
	case 2: // refuses
		(&multiselect.Muxer{Unbuffered: h.kind == 2}).ServeStream(context.Background(), h.peer)
	case 3: // stalls
		time.Sleep(25 * time.Second)
	case 4: // resets, in some histories in the middle of the flight
		io.CopyN(io.Discard, h.peer, int64(random.IntN(60)))
		h.peer.Reset()
	case 5, 6: // trickles an agreement, in time or not
		if _, err := io.ReadFull(h.peer, make([]byte, len(apitest.LazyFlight))); err != nil {
			return
		}
		for _, b := range []byte(apitest.LazyFlight) {
			time.Sleep(time.Duration(behave-4) * 250 * time.Millisecond)
			h.peer.Write([]byte{b}) // may fail if the stream is closed meanwhile (R17)
		}
		if h.kind != 4 {
			h.handle(context.Background(), "", h.peer)
		}
	}
}

// handle is the handler of the peer: it sends the reply while it reads the request.
func (h *history) handle(_ context.Context, _ string, s io.ReadWriteCloser) {
	var replies sync.WaitGroup
	replies.Go(func() {
		_, err := s.Write(historyReply)
		h.replied = err == nil
	})
	got, err := io.ReadAll(s)
	h.got, h.gotEnd = got, err == nil
	if h.kind == 2 && h.gotEnd {
		h.peer.SetWriteDeadline(time.Now().Add(time.Minute)) // the reply may never be read
	}
	replies.Wait()
	s.Close()
}

// check compares the results with the model, and reports false if data was lost.
func (h *history) check() (delivered bool) {
	if !bytes.HasPrefix(historyRequest[:h.written], h.got) {
		h.t.Errorf("seed %d, kind %d: %d bytes written, the peer has read %d, or others", h.seed, h.kind, h.written, len(h.got))
	}
	if !bytes.HasPrefix(historyReply, h.received) {
		h.t.Errorf("seed %d, kind %d: read %q", h.seed, h.kind, h.received)
	}
	if h.sawEnd && h.replied && len(h.received) < len(historyReply) {
		h.t.Errorf("seed %d, kind %d: io.EOF after %d bytes of %d", h.seed, h.kind, len(h.received), len(historyReply))
	}
	err := h.l.Wait(context.Background())
	if errors.Is(err, multiselect.ErrMalformed) || errors.Is(err, multiselect.ErrUnexpectedAnswer) {
		h.t.Errorf("seed %d, kind %d: %v", h.seed, h.kind, err)
	}
	delivered = err != nil || h.wasReset || h.expired || h.gotEnd && len(h.got) == h.written
	if !delivered {
		h.t.Logf("seed %d, kind %d: %d bytes written, the peer has read %d, and io.EOF: %v", h.seed, h.kind, h.written, len(h.got), h.gotEnd)
	}
	return delivered
}

func pause(random *rand.Rand) {
	if random.IntN(2) == 0 {
		time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
	}
}

// deadline returns a time within 3 s, or none.
func deadline(random *rand.Rand) time.Time {
	if random.IntN(3) == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(random.IntN(3000)) * time.Millisecond)
}
