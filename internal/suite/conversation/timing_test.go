package conversation_test

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
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Here peers take their time. It is fake time: it passes when everybody waits, so the
// durations are exact, and no goroutine may be left when a test ends.

const timeLimit = 10 * time.Second // the default of Limits.Timeout

// slow is a peer that is too slow.
type slow struct {
	name   string
	limits multiselect.Limits
	plays  func(p *streamtest.Peer) // in its own time
	after  time.Duration            // until the library gives up
	phase  multiselect.Phase
	// received is the beginning of a message.
	received string
}

func (s *slow) conversation(role multiselect.Role) *conversation {
	v := noCase(role)
	v.extra.limits = s.limits
	v.fails = &failure{
		cause: os.ErrDeadlineExceeded, phase: s.phase, blame: multiselect.BlameSlowPeer, received: s.received,
	}
	if role == multiselect.Initiator {
		v.elements = []string{wire.HeaderFrame, echoA}
	}
	return v
}

// drip sends one byte after the other.
func drip(p *streamtest.Peer, bytes string) {
	for i := range len(bytes) {
		time.Sleep(990 * time.Millisecond)
		if p.Write(bytes[i:i+1]) != nil {
			return
		}
	}
}

func silent(*streamtest.Peer) {}

func sends(bytes string) func(*streamtest.Peer) {
	return func(p *streamtest.Peer) { p.Write(bytes) }
}

var slowInitiators = []slow{
	{
		name: "silent after the header, with another limit", after: 300 * time.Millisecond,
		limits: multiselect.Limits{Timeout: 300 * time.Millisecond},
		plays:  sends(wire.HeaderFrame), phase: multiselect.PhaseProposal,
	},
	{
		name: "one byte of the header a second", after: timeLimit,
		plays:    func(p *streamtest.Peer) { drip(p, flightA) },
		received: "\x13/multistr",
	},
	{
		name: "one byte of a proposal a second", after: timeLimit,
		plays: func(p *streamtest.Peer) {
			p.Write(wire.HeaderFrame)
			drip(p, echoA)
		},
		phase: multiselect.PhaseProposal, received: "\x0b/foo/1.0.",
	},
	{
		name: "one refused proposal a second", after: timeLimit,
		plays: func(p *streamtest.Peer) {
			for bytes := wire.HeaderFrame; p.Write(bytes) == nil; bytes = messages("/nope") {
				time.Sleep(990 * time.Millisecond)
			}
		},
		phase: multiselect.PhaseProposal,
	},
}

var slowResponders = []slow{
	{
		name: "silent, with another limit", plays: silent, after: time.Minute,
		limits: multiselect.Limits{Timeout: time.Minute},
	},
	{
		name: "one byte a second", after: timeLimit,
		plays:    func(p *streamtest.Peer) { drip(p, flightA) },
		received: "\x13/multistr",
	},
}

// The time limit covers the whole negotiation, and not each read (R24).
func TestSlowPeers(t *testing.T) {
	for role, all := range map[multiselect.Role][]slow{multiselect.Responder: slowInitiators, multiselect.Initiator: slowResponders} {
		for _, s := range all {
			v := s.conversation(role)
			usages := responderUsages
			if role == multiselect.Initiator {
				usages = []usage{useSelectOneOf, useSelectOn, useTrySelect, useHandshake, useLazyWait}
			}
			for _, u := range usages {
				t.Run(strings.Join([]string{"slow " + role.Peer().String(), s.name, u.name}, "/"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := newExchange(t, v, u, streamtest.OverNetPipe)
						x.expectTimeout(s.after, s.plays)
					})
				})
			}
		}
	}
}

// The cases in which the peer stops are played to the end of the time limit.
func TestTimeLimit(t *testing.T) {
	played := 0
	for _, role := range []multiselect.Role{multiselect.Responder, multiselect.Initiator} {
		for _, v := range corpus(t, role) {
			if !isTimed(v) {
				continue
			}
			for _, u := range v.usages() {
				played++
				t.Run(label(v)+"/"+u.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := newExchange(t, v, u, streamtest.OverNetPipe)
						x.expectTimeout(timeLimit, x.act)
					})
				})
			}
		}
	}
	if played < 30 {
		t.Errorf("%d plays", played)
	}
}

// expectTimeout is a play in which the library must fail at a certain time.
func (x *exchange) expectTimeout(want time.Duration, plays func(*streamtest.Peer)) {
	x.t.Helper()
	ours, theirs := x.via.Open(x.t)
	x.tap = streamtest.NewTap(ours)
	x.stream = x.tap
	x.prepare()
	defer x.cancel()
	p := streamtest.NewPeer(theirs)
	var playing sync.WaitGroup
	playing.Go(func() { plays(p) })
	x.failsAfter(want)
	p.AwaitEnd()
	playing.Wait()
}

// failsAfter is the library's part, which must fail at a certain time.
func (x *exchange) failsAfter(want time.Duration) {
	x.t.Helper()
	start := time.Now()
	x.negotiate()
	if took := time.Since(start); took != want {
		x.errorf("it took %v, want %v", took, want)
	}
	if err := x.checkError(x.err, true); err != nil {
		x.errorf("%v", err)
	}
	if len(x.tap.Ended()) != 1 {
		x.errorf("ended %q", x.tap.Ended())
	}
}

// A responder that does not even read (R24, R28).
func TestSlowReader(t *testing.T) {
	for _, u := range []usage{useSelectOneOf, useSelectOn, useTrySelect, useHandshake, useLazyWait} {
		t.Run(u.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := slow{}
				x := newExchange(t, s.conversation(multiselect.Initiator), u, streamtest.OverNetPipe)
				ours, _ := x.via.Open(t)
				x.tap = streamtest.NewTap(ours)
				x.stream = x.tap
				x.prepare()
				defer x.cancel()
				x.failsAfter(timeLimit)
			})
		})
	}
}

// A responder answers without reading the question. The library waits until it has been
// read, up to the time limit (R14, R28).
func TestSlowReaderAnswers(t *testing.T) {
	usages := append([]usage{useSelectOneOf, useSelectOn, useTrySelect}, listUsages[:2]...)
	for _, answer := range []string{nameA, wire.NA} {
		for _, u := range usages {
			t.Run(answer+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := noCase(multiselect.Initiator)
					v.extra.names = []string{}
					x := newExchange(t, v, u, streamtest.OverNetPipe)
					ours, theirs := x.via.Open(t)
					x.stream = ours
					x.prepare()
					defer x.cancel()
					go io.WriteString(theirs, messages(wire.Header, answer))
					start := time.Now()
					x.negotiate()
					if took := time.Since(start); took != timeLimit || !errors.Is(x.err, os.ErrDeadlineExceeded) {
						t.Errorf("after %v: agreed on %q, %v; want the end of the time limit", took, x.got, x.err)
					}
				})
			})
		}
	}
}

// There is time between the proposals. After the agreement the time limit has no effect
// on the stream (R24, R25).
func TestPatience(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits multiselect.Limits
		pause  time.Duration
	}{
		{"2 s", multiselect.Limits{}, 2 * time.Second},
		{"nearly the time limit", multiselect.Limits{}, timeLimit - 1},
		{"an hour, without a time limit", multiselect.Limits{Timeout: -1}, time.Hour},
	} {
		for _, u := range responderUsages {
			t.Run(tt.name+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := noCase(multiselect.Responder)
					v.extra.limits, v.agreed = tt.limits, nameA
					x := newExchange(t, v, u, streamtest.OverNetPipe)
					ours, theirs := x.via.Open(t)
					x.tap = streamtest.NewTap(ours)
					x.stream = x.tap
					x.prepare()
					defer x.cancel()
					p := streamtest.NewPeer(theirs)
					go func() {
						defer p.Conn.Close()
						p.Write(messages(wire.Header, "/nope"))
						time.Sleep(tt.pause)
						p.Write(echoA)
						time.Sleep(time.Hour)
						p.Write("hello")
						p.Await(len(messages(wire.Header, wire.NA, nameA) + greeting(nameA) + "hello"))
					}()
					x.negotiate()
					if x.err != nil || x.served != nameA || x.appRead != "hello" {
						t.Errorf("served %q, read %q, %v", x.served, x.appRead, x.err)
					}
				})
			})
		}
	}
}

// The call returns when its context ends, with the cause, and the stream has been ended
// (R25).
func TestCancellation(t *testing.T) {
	boredom := errors.New("boredom")
	for _, phase := range []multiselect.Phase{multiselect.PhaseHeader, multiselect.PhaseProposal} {
		for _, u := range []usage{useSelectOneOf, useSelectOn, useTrySelect} {
			t.Run(phase.String()+"/"+u.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := slow{phase: phase}
					v := s.conversation(multiselect.Initiator)
					v.fails.cause, v.fails.blame = boredom, multiselect.BlameLocal
					x := newExchange(t, v, u, streamtest.OverNetPipe)
					ctx, cancel := context.WithCancelCause(background)
					x.ctx = ctx
					time.AfterFunc(3*time.Second, func() { cancel(boredom) })
					var received string
					x.expectTimeout(3*time.Second, func(p *streamtest.Peer) {
						if phase == multiselect.PhaseProposal {
							p.Write(wire.HeaderFrame)
						}
						p.AwaitEnd()
						received = p.Received()
					})
					if received != flightA {
						t.Errorf("the peer received %q", received)
					}
					if _, err := x.stream.Write([]byte("x")); err == nil {
						t.Error("the stream can be used")
					}
				})
			})
		}
	}
}

// The time limit over a message channel (R24).
func TestSlowChannels(t *testing.T) {
	initiator := []usage{useSelectOn, useTrySelect}
	for _, tt := range []struct {
		role   multiselect.Role
		usages []usage
		sends  []string
		phase  multiselect.Phase
	}{
		{multiselect.Responder, responderUsages[2:], nil, multiselect.PhaseHeader},
		{multiselect.Responder, responderUsages[2:], []string{wire.Header}, multiselect.PhaseProposal},
		{multiselect.Initiator, initiator, nil, multiselect.PhaseHeader},
		{multiselect.Initiator, initiator, []string{wire.Header}, multiselect.PhaseProposal},
	} {
		for _, u := range tt.usages {
			for _, ch := range channels {
				t.Run(strings.Join([]string{tt.role.String(), tt.phase.String(), u.name, ch.name}, "/"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := slow{phase: tt.phase}
						x := newExchange(t, s.conversation(tt.role), u, streamtest.Transport{})
						x.prepare()
						defer x.cancel()
						ours, theirs := ch.open()
						theirs.WriteMessages(tt.sends...)
						start := time.Now()
						x.negotiateOnChannel(ours)
						if took := time.Since(start); took != timeLimit || !ours.isClosed() {
							t.Errorf("it took %v; closed: %v", took, ours.isClosed())
						}
						if err := x.checkError(x.err, true); err != nil {
							t.Error(err)
						}
					})
				})
			}
		}
	}
}
