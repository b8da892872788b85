package main

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/multiselect/multiselect"
)

// latency is how long everything travels.
const latency = 50 * time.Millisecond

// tape records what two sides do and send, and when.
type tape struct {
	mu     sync.Mutex
	start  time.Time
	events []event
}

type event struct {
	at    time.Duration
	kind  stepKind
	from  multiselect.Role
	bytes []byte // of a flight
	text  string
	lost  bool
}

func (t *tape) record(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.at = time.Since(t.start)
	t.events = append(t.events, e)
}

// all returns what was recorded, in the order of time. What the two sides do at
// the same moment has no order: nobody can have heard of the other.
func (t *tape) all() []event {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.events, func(a, b event) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return int(a.from) - int(b.from)
	})
	return t.events
}

// end is one end of a simulated stream that can be closed in one direction and
// reset: the stream of a multiplexer. What is written arrives after the latency,
// in order, and a write waits for nobody.
type end struct {
	role multiselect.Role
	tape *tape
	peer *end

	mu      sync.Mutex
	landed  sync.Cond
	flying  []packet
	arrived []byte
	readBy  time.Time
	in, out state
}

// state is what has become of one direction.
type state struct{ ended, reset, unread bool }

// packet is what travels: bytes, or the news that a direction ended.
type packet struct {
	lands time.Time
	bytes []byte
	news  func(*end)
}

func connect(t *tape) (initiator, responder *end) {
	initiator, responder = &end{role: multiselect.Initiator, tape: t}, &end{role: multiselect.Responder, tape: t}
	initiator.peer, responder.peer = responder, initiator
	initiator.landed.L, responder.landed.L = &initiator.mu, &responder.mu
	return initiator, responder
}

func (e *end) launch(p packet) {
	to := e.peer
	to.mu.Lock()
	defer to.mu.Unlock()
	p.lands = time.Now().Add(latency)
	to.flying = append(to.flying, p)
	time.AfterFunc(latency, to.land)
}

// land takes all that is due, in order: timers of one moment fire in any order.
func (e *end) land() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.flying) > 0 && !e.flying[0].lands.After(time.Now()) {
		p := e.flying[0]
		e.flying = e.flying[1:]
		e.arrived = append(e.arrived, p.bytes...)
		if p.news != nil {
			p.news(e)
		}
	}
	e.landed.Broadcast()
}

func (e *end) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.arrived) == 0 && e.in == (state{}) && !e.late() {
		e.landed.Wait()
	}
	switch {
	case e.late():
		return 0, os.ErrDeadlineExceeded
	case e.in.unread:
		return 0, net.ErrClosed
	case len(e.arrived) > 0:
		n := copy(p, e.arrived)
		e.arrived = e.arrived[n:]
		return n, nil
	case e.in.reset:
		return 0, syscall.ECONNRESET
	}
	return 0, io.EOF
}

// SetReadDeadline is what a responder needs to drop early data for a moment.
func (e *end) SetReadDeadline(t time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.readBy = t
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), e.land)
	}
	return nil
}

func (e *end) late() bool { return !e.readBy.IsZero() && !e.readBy.After(time.Now()) }

func (e *end) Write(p []byte) (int, error) {
	e.mu.Lock()
	out := e.out
	e.mu.Unlock()
	if out.ended {
		return 0, net.ErrClosed
	}
	lost := out.unread || out.reset
	e.tape.record(event{kind: flight, from: e.role, bytes: slices.Clone(p), lost: lost})
	if lost {
		return 0, syscall.EPIPE
	}
	e.launch(packet{bytes: slices.Clone(p)})
	return len(p), nil
}

// change sets the state of both directions, and reports whether it was another.
func (e *end) change(in, out state) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.in.reset || e.in == in && e.out == out {
		return false
	}
	e.in, e.out = in, out
	e.landed.Broadcast()
	return true
}

func (e *end) states() (in, out state) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.in, e.out
}

func (e *end) CloseWrite() error {
	in, out := e.states()
	if out.unread {
		return nil
	}
	out.ended = true
	if e.change(in, out) {
		e.tape.record(event{kind: fin, from: e.role, text: "FIN"})
		e.launch(packet{news: func(p *end) { p.in.ended = true }})
	}
	return nil
}

func (e *end) CloseRead() error {
	in, out := e.states()
	in.unread = true
	if e.change(in, out) {
		e.launch(packet{news: func(p *end) { p.out.unread = true }})
	}
	return nil
}

func (e *end) Close() error {
	e.CloseWrite()
	return e.CloseRead()
}

func (e *end) ResetWithError(code uint32) error {
	if e.change(state{unread: true, reset: true}, state{ended: true, reset: true}) {
		e.tape.record(event{kind: reset, from: e.role, text: resetText(code)})
		e.launch(packet{news: func(p *end) { p.in.reset, p.out.reset = true, true }})
	}
	return nil
}
