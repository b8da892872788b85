package main

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestSample runs the 10^4 negotiations of each distribution, all at once, and
// compares each of them and their totals with the model: 100 times these are
// the figures of the document. Under the race detector it runs one of 20.
func TestSample(t *testing.T) {
	for _, s := range successes {
		for _, c := range callers {
			t.Run(s.name+"/"+c.name, func(t *testing.T) { compareSample(t, c, s.sample(false)) })
		}
		t.Run(s.name+"/no list", func(t *testing.T) { compareSample(t, callerOf(ls), s.sample(true)) })
	}
}

func compareSample(t *testing.T, c caller, cells []cell) {
	size := sampleSize
	if streamtest.Race {
		size = 0
		for i := range cells {
			cells[i].count = (cells[i].count + 19) / 20
			size += cells[i].count
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got totals
		var wg sync.WaitGroup
		for _, x := range cells {
			m := x.muxer(t)
			for range x.count {
				wg.Go(func() {
					o := compare(t, c, x.dial, m, distance{x.rtt / 2, x.rtt / 2, 0})
					mu.Lock()
					defer mu.Unlock()
					got.add(o.cost, o.time, c.lists && !x.noList, 1)
				})
			}
		}
		wg.Wait()
		want := totalsOf(c.strategy, cells)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("together\n got %+v\nwant %+v", got, want)
		}
		if got.count != size {
			t.Errorf("%d negotiations, want %d", got.count, size)
		}
	})
}

// compare runs one negotiation and compares it with the model, to the byte and
// to the nanosecond. It returns it without the payload.
func compare(t *testing.T, c caller, d dial, m *multiselect.Muxer, x distance) observed {
	o, err := c.negotiate(d, m, x)
	if err != nil {
		t.Errorf("%s, k = %d: %v", c.name, d.k(), err)
		return o
	}
	want, payload := c.cost(d), len(c.first(d))
	if x.perByte > 0 && c.lists {
		// What arrives in two writes arrives at two moments, and may be
		// waited for twice: then only flights tell round trips.
		o.roundTrips = o.out.flights
	}
	sent := want.out
	sent.bytes += want.lost
	switch {
	case payload == 0 || d.k() == 0:
	case want.behind > 0: // it was among what the model has counted the segments of
		sent.bytes += payload
	default:
		sent.flight(payload)
	}
	if o.roundTrips != want.roundTrips || o.out != sent || o.in != want.in {
		t.Errorf("%s, k = %d of %d:\n got %+v\nwant %+v, out with payload %+v", c.name, d.k(), len(d.names), o.cost, want, sent)
	}
	o.cost = want
	if took := want.time(x.rtt(), x.perByte); o.time != took {
		t.Errorf("%s, k = %d: took %v, want %v", c.name, d.k(), o.time, took)
	}
	compareKnowledge(t, c, d, x, o, payload)
	return o
}

// compareKnowledge compares when the two sides knew the outcome.
func compareKnowledge(t *testing.T, c caller, d dial, x distance, o observed, payload int) {
	knew := o.time
	if o.behind > 0 {
		knew += x.rtt() + time.Duration(payload+o.behind)*x.perByte
	}
	if o.knew != knew {
		t.Errorf("%s, k = %d: the initiator knew after %v, want %v", c.name, d.k(), o.knew, knew)
	}
	if x.perByte > 0 {
		return
	}
	// The responder knows when the proposal arrives. It knows that there is
	// nothing in common when what arrives is no proposal: the payload, which
	// came with the last name, or the end of the stream.
	responder := time.Duration(o.out.flights-1)*x.rtt() + x.there
	if d.k() == 0 && o.lost < o.out.flights*payload || d.k() == 0 && payload == 0 {
		responder += x.rtt()
	}
	if o.responder != responder {
		t.Errorf("%s, k = %d: the responder knew after %v, want %v", c.name, d.k(), o.responder, responder)
	}
}

// TestShapes compares negotiations of any shape: names of mixed lengths, lists
// that fill segments, memories of any kind, both ways of unequal length.
func TestShapes(t *testing.T) {
	rounds := 2000
	if streamtest.Race {
		rounds = 200
	}
	for _, rate := range []struct {
		name    string
		perByte time.Duration
	}{{"no bandwidth", 0}, {"1 MB/s", time.Microsecond}} {
		for _, c := range callers {
			t.Run(rate.name+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(1, 2))
					var wg sync.WaitGroup
					for range rounds {
						d := randomDial(random)
						m := d.muxer(t)
						there, back := randomDelay(random), randomDelay(random)
						wg.Go(func() { compare(t, c, d, m, distance{there, back, rate.perByte}) })
					}
					wg.Wait()
				})
			})
		}
	}
}

func randomDelay(random *rand.Rand) time.Duration { return 1 + time.Duration(random.Int64N(2e8)) }

// randomDial has at most 20 names, so that no budget is over.
func randomDial(random *rand.Rand) (d dial) {
	name := func(i int) string { // no two are equal
		return fmt.Sprintf("%c%s", 'A'+i, strings.Repeat("x", random.IntN(1<<random.IntN(9))))
	}
	for i := range 1 + random.IntN(20) {
		d.names = append(d.names, name(i))
		if random.IntN(8) == 0 {
			d.peer = append(d.peer, d.names[i])
		}
	}
	for i := range 1 + random.IntN(30) {
		d.peer = append(d.peer, name(30+i))
	}
	d.noList = random.IntN(4) == 0
	d.payload = 2 + random.IntN(3000)
	if random.IntN(2) == 0 {
		d.remembered = d.names[random.IntN(len(d.names))]
	}
	return d
}
