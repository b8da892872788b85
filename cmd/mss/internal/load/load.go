package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Config is what a load does.
type Config struct {
	Protocol    string
	Lazy        bool          // send the payload with the proposal
	Payload     int           // bytes that the protocol has to echo, or 0
	Timeout     time.Duration // of each negotiation, and of each connection; 0 for none
	Workers     int           // the most negotiations at a time
	Connections int           // to open, of addresses that carry many streams
	Duration    time.Duration // in which negotiations begin
	Count       int           // the most negotiations to begin, 0 for no limit
	Rate        float64       // negotiations due per second, 0 for a closed loop
}

// Load is a run of bench: workers that negotiate, and their measurements.
type Load struct {
	config   Config
	peer     string // in messages
	shared   bool   // whether one link carries many streams
	payload  []byte
	links    []transport.Link // workers use them in turn
	interval time.Duration    // between two negotiations that are due, 0 in a closed loop

	began time.Time
	next  atomic.Int64 // the number of the next negotiation

	mu       sync.Mutex
	took     time.Duration
	latency  *hdrhistogram.Histogram // from the time it was due, or began, to its end
	opening  *hdrhistogram.Histogram // of the stream, or the connection
	agreeing *hdrhistogram.Histogram // the negotiation alone, with the payload
	failures map[string]int
	failed   int
	moments  [moments]moment
}

// moments is into how many parts a run is divided to see how it went.
const moments = 60

// moment is one part of a run.
type moment struct {
	latency *hdrhistogram.Histogram
	failed  int
}

// The histograms count nanoseconds with three digits up to longestLatency.
const longestLatency = 10 * time.Minute

func newHistogram(digits int) *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(longestLatency), digits)
}

// New connects to a peer. The connections do not count.
func New(ctx context.Context, p *attempt.Peer, c Config) (*Load, error) {
	b := prepare(c)
	b.peer, b.shared = p.String(), p.Address.Form.IsMultiplexed()
	if p.IsEmbedded() {
		b.peer += " at " + p.Address.String()
	}
	for range c.Connections {
		limited, cancel := attempt.Within(ctx, c.Timeout)
		l, err := p.Connect(limited)
		cancel()
		if err != nil {
			b.Close()
			return nil, &exit.Error{Code: exit.Code(err), Err: fmt.Errorf("connection %d: %w", len(b.links)+1, err)}
		}
		b.links = append(b.links, l)
	}
	return b, nil
}

// prepare returns a load without links.
func prepare(c Config) *Load {
	b := &Load{
		config: c, payload: bytes.Repeat([]byte{'m'}, c.Payload),
		latency: newHistogram(3), opening: newHistogram(3), agreeing: newHistogram(3),
		failures: make(map[string]int),
	}
	if c.Rate > 0 {
		b.interval = max(time.Duration(float64(time.Second)/c.Rate), 1)
	}
	for i := range b.moments {
		b.moments[i].latency = newHistogram(2)
	}
	return b
}

// Close closes the connections.
func (b *Load) Close() {
	var closing sync.WaitGroup
	for _, l := range b.links {
		closing.Go(func() { l.Close() })
	}
	closing.Wait()
}

// Run negotiates until the duration has passed, the count is reached, or ctx ends.
func (b *Load) Run(ctx context.Context) {
	b.began = time.Now()
	var working sync.WaitGroup
	for worker := range b.config.Workers {
		working.Go(func() { b.work(ctx, b.links[worker%len(b.links)]) })
	}
	working.Wait()
	b.took = time.Since(b.began)
}

// work makes one negotiation after the other. In an open loop each number has its
// own due time, which does not depend on the duration of earlier ones; a worker
// that is late starts immediately, and the latency includes the delay.
func (b *Load) work(ctx context.Context, l transport.Link) {
	for {
		n := b.next.Add(1) - 1
		due := b.due(n)
		if b.config.Count > 0 && n >= int64(b.config.Count) || due.Sub(b.began) >= b.config.Duration || !wait(ctx, due) {
			return
		}
		began := time.Now()
		opened, err := b.negotiate(ctx, l)
		ended := time.Now()
		if ctx.Err() != nil {
			return // an interrupted negotiation has not failed
		}
		b.record(due, began, opened, ended, err)
	}
}

// due returns when a negotiation is to begin: now, in a closed loop.
func (b *Load) due(n int64) time.Time {
	if b.interval == 0 {
		return time.Now()
	}
	return b.began.Add(time.Duration(n) * b.interval)
}

// wait waits until a time, which may have passed. It returns false if ctx ends
// first.
func wait(ctx context.Context, until time.Time) bool {
	left := time.Until(until)
	if left <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// negotiate makes one negotiation. It returns the time at which the stream was
// open.
func (b *Load) negotiate(ctx context.Context, l transport.Link) (opened time.Time, err error) {
	cancel := context.CancelFunc(func() {})
	if b.config.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, b.config.Timeout)
	}
	defer cancel()
	conn, err := l.Open(ctx)
	if err != nil {
		return time.Now(), err
	}
	defer conn.Close()
	opened = time.Now()
	client := multiselect.Client{Limits: multiselect.Limits{Timeout: multiselect.NoLimit}} // ctx has one
	if !b.config.Lazy {
		if _, err := client.SelectOneOf(ctx, conn, b.config.Protocol); err != nil {
			return opened, err
		}
		return opened, b.echo(ctx, conn)
	}
	stream, err := client.Lazy(ctx, conn, b.config.Protocol)
	if err != nil {
		return opened, err
	}
	defer context.AfterFunc(ctx, func() { stream.Reset() })()
	if len(b.payload) > 0 {
		if err := b.echo(ctx, stream); err != nil {
			return opened, err
		}
	}
	return opened, stream.Wait(ctx)
}

// echo sends the payload and waits until it is back.
func (b *Load) echo(ctx context.Context, stream io.ReadWriteCloser) error {
	if len(b.payload) == 0 {
		return nil
	}
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	if _, err := stream.Write(b.payload); err != nil {
		return err
	}
	back := make([]byte, len(b.payload))
	if _, err := io.ReadFull(stream, back); err != nil {
		return err
	}
	if !bytes.Equal(back, b.payload) {
		return &exit.Error{Code: exit.Violation, Err: fmt.Errorf("%s does not echo: choose another PROTOCOL, or no --payload", terminal.QuoteName(b.config.Protocol))}
	}
	return nil
}

// maxFailures bounds the kinds of failures that are counted separately.
const maxFailures = 20

func (b *Load) record(due, began, opened, ended time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Negotiations that end after the duration belong to the last moment.
	m := &b.moments[min(int(ended.Sub(b.began)*moments/b.config.Duration), moments-1)]
	if err != nil {
		kind := attempt.DescribeEnd(err)
		if _, known := b.failures[kind]; !known && len(b.failures) >= maxFailures {
			kind = "other reasons"
		}
		b.failures[kind]++
		b.failed++
		m.failed++
		return
	}
	b.latency.RecordValue(int64(min(ended.Sub(due), longestLatency)))
	b.opening.RecordValue(int64(min(opened.Sub(began), longestLatency)))
	b.agreeing.RecordValue(int64(min(ended.Sub(opened), longestLatency)))
	m.latency.RecordValue(int64(min(ended.Sub(due), longestLatency)))
}
