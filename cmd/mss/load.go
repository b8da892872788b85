package main

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
)

// loadConfig is what a load does.
type loadConfig struct {
	protocol    string
	lazy        bool          // send the payload with the proposal
	payload     int           // bytes that the protocol has to echo, or 0
	timeout     time.Duration // of each negotiation, and of each connection; 0 for none
	workers     int           // the most negotiations at a time
	connections int           // to open, of addresses that carry many streams
	duration    time.Duration // in which negotiations begin
	count       int           // the most negotiations to begin, 0 for no limit
	rate        float64       // negotiations due per second, 0 for a closed loop
}

// load is a run of bench: workers that negotiate, and their measurements.
type load struct {
	config   loadConfig
	peer     string // in messages
	shared   bool   // whether one link carries many streams
	payload  []byte
	links    []link        // workers use them in turn
	interval time.Duration // between two negotiations that are due, 0 in a closed loop

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

// newLoad connects to a peer. The connections do not count.
func newLoad(ctx context.Context, p *peer, c loadConfig) (*load, error) {
	b := prepare(c)
	b.peer, b.shared = p.String(), p.address.form.multiplexed()
	if p.embedded() {
		b.peer += " at " + p.address.String()
	}
	for range c.connections {
		limited, cancel := within(ctx, c.timeout)
		l, err := p.connection(limited)
		cancel()
		if err != nil {
			b.close()
			return nil, &failure{code: exitCode(err), err: fmt.Errorf("connection %d: %w", len(b.links)+1, err)}
		}
		b.links = append(b.links, l)
	}
	return b, nil
}

// prepare returns a load without links.
func prepare(c loadConfig) *load {
	b := &load{
		config: c, payload: bytes.Repeat([]byte{'m'}, c.payload),
		latency: newHistogram(3), opening: newHistogram(3), agreeing: newHistogram(3),
		failures: make(map[string]int),
	}
	if c.rate > 0 {
		b.interval = max(time.Duration(float64(time.Second)/c.rate), 1)
	}
	for i := range b.moments {
		b.moments[i].latency = newHistogram(2)
	}
	return b
}

// close closes the connections.
func (b *load) close() {
	var closing sync.WaitGroup
	for _, l := range b.links {
		closing.Go(l.close)
	}
	closing.Wait()
}

// run negotiates until the duration has passed, the count is reached, or ctx ends.
func (b *load) run(ctx context.Context) {
	b.began = time.Now()
	var working sync.WaitGroup
	for worker := range b.config.workers {
		working.Go(func() { b.work(ctx, b.links[worker%len(b.links)]) })
	}
	working.Wait()
	b.took = time.Since(b.began)
}

// work makes one negotiation after the other. In an open loop each number has its
// own due time, which does not depend on the duration of earlier ones; a worker
// that is late starts immediately, and the latency includes the delay.
func (b *load) work(ctx context.Context, l link) {
	for {
		n := b.next.Add(1) - 1
		due := b.due(n)
		if b.config.count > 0 && n >= int64(b.config.count) || due.Sub(b.began) >= b.config.duration || !wait(ctx, due) {
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
func (b *load) due(n int64) time.Time {
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
func (b *load) negotiate(ctx context.Context, l link) (opened time.Time, err error) {
	cancel := context.CancelFunc(func() {})
	if b.config.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, b.config.timeout)
	}
	defer cancel()
	conn, err := l.open(ctx)
	if err != nil {
		return time.Now(), err
	}
	defer conn.Close()
	opened = time.Now()
	client := multiselect.Client{Limits: multiselect.Limits{Timeout: multiselect.NoLimit}} // ctx has one
	if !b.config.lazy {
		if _, err := client.SelectOneOf(ctx, conn, b.config.protocol); err != nil {
			return opened, err
		}
		return opened, b.echo(ctx, conn)
	}
	stream, err := client.Lazy(ctx, conn, b.config.protocol)
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
func (b *load) echo(ctx context.Context, stream io.ReadWriteCloser) error {
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
		return &failure{code: exitViolation, err: fmt.Errorf("%s does not echo: choose another PROTOCOL, or no --payload", display(b.config.protocol))}
	}
	return nil
}

// maxFailures bounds the kinds of failures that are counted separately.
const maxFailures = 20

func (b *load) record(due, began, opened, ended time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Negotiations that end after the duration belong to the last moment.
	m := &b.moments[min(int(ended.Sub(b.began)*moments/b.config.duration), moments-1)]
	if err != nil {
		kind := endOf(err)
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
