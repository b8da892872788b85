package multiselect_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Here peers take their time. It is fake time: it passes when everybody waits,
// so the durations are exact, and nobody may be left when a test ends.

// slowPeer is a peer that is too slow.
type slowPeer struct {
	id, why string
	limits  multiselect.Limits
	plays   func(p *peer) // in its own time
	after   time.Duration // until the library gives up
	phase   multiselect.Phase
	// received is what was no message, protocols what had been proposed.
	received  string
	protocols []string
}

func drip(p *peer, said string, every time.Duration) {
	for i := range len(said) {
		time.Sleep(every)
		if p.write(said[i:i+1]) != nil {
			return
		}
	}
}

func silent(*peer) {}

var slowInitiators = []slowPeer{
	{id: "R01", why: "it says nothing", plays: silent, after: 10 * time.Second},
	{
		id: "R68", why: "it says nothing after the header", after: 10 * time.Second,
		plays: func(p *peer) { p.write(wire.HeaderFrame) }, phase: multiselect.PhaseProposal,
	},
	{
		id: "R68", why: "it says nothing after the header, with another budget", after: 300 * time.Millisecond,
		limits: multiselect.Limits{Timeout: 300 * time.Millisecond},
		plays:  func(p *peer) { p.write(wire.HeaderFrame) }, phase: multiselect.PhaseProposal,
	},
	{
		id: "R68", why: "it says nothing after a refusal", after: 10 * time.Second,
		plays: func(p *peer) { p.write(wire.HeaderFrame + "\x06/nope\n") }, phase: multiselect.PhaseProposal,
	},
	{
		id: "R69", why: "one byte of the header a second", after: 10 * time.Second,
		plays:    func(p *peer) { drip(p, flightA, 990*time.Millisecond) },
		received: "\x13/multistr",
	},
	{
		id: "R69", why: "one byte of a proposal a second", after: 10 * time.Second,
		plays: func(p *peer) {
			p.write(wire.HeaderFrame)
			drip(p, "\x0b/foo/1.0.0\n", 990*time.Millisecond)
		},
		phase: multiselect.PhaseProposal, received: "\x0b/foo/1.0.",
	},
	{
		id: "R69", why: "one proposal a second that is refused", after: 10 * time.Second,
		plays: func(p *peer) {
			for said := wire.HeaderFrame; p.write(said) == nil; said = "\x06/nope\n" {
				time.Sleep(990 * time.Millisecond)
			}
		},
		phase: multiselect.PhaseProposal,
	},
}

var slowResponders = []slowPeer{
	{id: "I30", why: "it says nothing", plays: silent, after: 10 * time.Second, protocols: both[:1]},
	{
		id: "I30", why: "it says nothing, with another budget", plays: silent, after: time.Minute,
		limits: multiselect.Limits{Timeout: time.Minute}, protocols: both[:1],
	},
	{
		id: "I30", why: "it says nothing after the header", after: 10 * time.Second,
		plays: func(p *peer) { p.write(wire.HeaderFrame) },
		phase: multiselect.PhaseProposal, protocols: both[:1],
	},
	{
		id: "I30", why: "one byte a second", after: 10 * time.Second,
		plays:    func(p *peer) { drip(p, flightA, 990*time.Millisecond) },
		received: "\x13/multistr", protocols: both[:1],
	},
}

func TestSlowInitiators(t *testing.T) {
	slow(t, multiselect.Responder, responderUsages, slowInitiators)
}

func TestSlowResponders(t *testing.T) {
	slow(t, multiselect.Initiator, initiatorUsages, slowResponders)
}

func slow(t *testing.T, role multiselect.Role, usages []usage, cases []slowPeer) {
	for _, tt := range cases {
		for _, u := range usages {
			t.Run(tt.id+" "+tt.why+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tc := conversation{limits: tt.limits, fails: &failure{
						cause: os.ErrDeadlineExceeded, phase: tt.phase, blame: multiselect.BlameSlowPeer,
						received: tt.received, protocols: tt.protocols,
					}}
					x := newExchange(t, &tc, role, u, overNetPipe)
					p := x.begin()
					var playing sync.WaitGroup
					playing.Go(func() { tt.plays(p) })
					x.endsAfter(tt.after)
					p.awaitEnd()
					playing.Wait()
				})
			})
		}
	}
}

// endsAfter is the library's part, which fails at a certain time.
func (x *exchange) endsAfter(want time.Duration) {
	x.t.Helper()
	start := time.Now()
	x.speak()
	if took := time.Since(start); took != want {
		x.errorf("it took %v, want %v", took, want)
	}
	if err := x.fails.check(x.err, x.usage, x.role, true); err != nil {
		x.errorf("%v", err)
	}
	if len(x.tap.ends) != 1 {
		x.errorf("ended %q", x.tap.ends)
	}
}

// I30: a responder that does not even read.
func TestSlowReader(t *testing.T) {
	for _, u := range initiatorUsages {
		t.Run(u.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc := conversation{fails: &failure{
					cause: os.ErrDeadlineExceeded, blame: multiselect.BlameSlowPeer, protocols: both[:1],
				}}
				x := newExchange(t, &tc, multiselect.Initiator, u, overNetPipe)
				ours, _ := x.via.open(t)
				x.tap = newTap(ours)
				x.stream = x.tap
				x.prepare()
				x.endsAfter(10 * time.Second)
			})
		})
	}
}

// A responder that answers without reading the question: what has not been
// read is waited for, and not for ever.
func TestSlowReaderAnswers(t *testing.T) {
	usages := append(initiatorUsages[:len(initiatorUsages):len(initiatorUsages)], listUsages...)
	for _, answer := range []string{"\x0b/foo/1.0.0\n", "\x03na\n"} {
		for _, u := range usages {
			t.Run(strings.TrimSpace(answer[1:])+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					x := newExchange(t, &conversation{names: []string{}}, multiselect.Initiator, u, overNetPipe)
					ours, theirs := x.via.open(t)
					x.stream = ours
					x.prepare()
					go io.WriteString(theirs, wire.HeaderFrame+answer)
					start := time.Now()
					x.speak()
					if took := time.Since(start); took != 10*time.Second || !errors.Is(x.err, os.ErrDeadlineExceeded) {
						t.Errorf("after %v: agreed on %q, %v; want the end of the budget", took, x.got, x.err)
					}
				})
			})
		}
	}
}

// R19: there is time between the proposals, and as much as anybody likes after
// the agreement: the budget is over then, and nothing happens to the stream.
func TestPatience(t *testing.T) {
	for _, tt := range []struct {
		id, why string
		limits  multiselect.Limits
		pause   time.Duration
	}{
		{"R19", "2 s", multiselect.Limits{}, 2 * time.Second},
		{"R19", "nearly all of the budget", multiselect.Limits{}, 10*time.Second - 1},
		{"R19", "an hour, without a budget", multiselect.Limits{Timeout: -1}, time.Hour},
	} {
		for _, u := range responderUsages {
			t.Run(tt.id+" "+tt.why+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tc := conversation{limits: tt.limits, agreed: protocolA}
					x := newExchange(t, &tc, multiselect.Responder, u, overNetPipe)
					p := x.begin()
					go func() {
						defer p.conn.Close()
						p.write(wire.HeaderFrame + "\x06/nope\n")
						time.Sleep(tt.pause)
						p.write("\x0b/foo/1.0.0\n")
						time.Sleep(time.Hour)
						p.write("hello")
						p.await(len(wire.HeaderFrame + "\x03na\n\x0b/foo/1.0.0\n" + greeting(protocolA) + "hello"))
					}()
					x.speak()
					if x.err != nil || x.served != protocolA || x.heard != "hello" {
						t.Errorf("served %q, heard %q, %v", x.served, x.heard, x.err)
					}
				})
			})
		}
	}
}

// I31: the call returns at the moment when its context ends, with the cause,
// and the stream is over.
func TestCancellation(t *testing.T) {
	boredom := errors.New("boredom")
	for _, phase := range []multiselect.Phase{multiselect.PhaseHeader, multiselect.PhaseProposal} {
		for _, u := range initiatorUsages {
			t.Run(phase.String()+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tc := conversation{fails: &failure{cause: boredom, phase: phase, blame: multiselect.BlameLocal, protocols: both[:1]}}
					x := newExchange(t, &tc, multiselect.Initiator, u, overNetPipe)
					p := x.begin()
					if phase == multiselect.PhaseProposal {
						go p.write(wire.HeaderFrame)
					}
					ctx, cancel := context.WithCancelCause(background)
					x.ctx = ctx
					time.AfterFunc(3*time.Second, func() { cancel(boredom) })
					x.endsAfter(3 * time.Second)
					p.awaitEnd()
					if got := p.received(); got != flightA {
						t.Errorf("the peer received %q", got)
					}
					if _, err := x.stream.Write([]byte("x")); err == nil {
						t.Error("the stream can be used")
					}
				})
			})
		}
	}
}

// R68, I30, I31 over a message channel.
func TestSlowChannels(t *testing.T) {
	for _, tt := range []struct {
		role   multiselect.Role
		usages []usage
		says   []string
		phase  multiselect.Phase
	}{
		{multiselect.Responder, responderUsages[2:], nil, multiselect.PhaseHeader},
		{multiselect.Responder, responderUsages[2:], []string{wire.Header}, multiselect.PhaseProposal},
		{multiselect.Initiator, initiatorUsages[1:], nil, multiselect.PhaseHeader},
		{multiselect.Initiator, initiatorUsages[1:], []string{wire.Header}, multiselect.PhaseProposal},
	} {
		for _, u := range tt.usages {
			for _, ch := range channels {
				t.Run(strings.Join([]string{tt.role.String(), tt.phase.String(), u.name, ch.name}, "/"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						fails := &failure{cause: os.ErrDeadlineExceeded, phase: tt.phase, blame: multiselect.BlameSlowPeer}
						if tt.role == multiselect.Initiator {
							fails.protocols = both[:1]
						}
						x := newExchange(t, &conversation{}, tt.role, u, transport{})
						x.prepare()
						ours, theirs := ch.open()
						theirs.WriteMessages(tt.says...)
						start := time.Now()
						x.speakOver(ours)
						if took := time.Since(start); took != 10*time.Second || !ours.isClosed() {
							t.Errorf("it took %v; closed: %v", took, ours.isClosed())
						}
						if err := fails.check(x.err, u, tt.role, true); err != nil {
							t.Error(err)
						}
					})
				})
			}
		}
	}
}
