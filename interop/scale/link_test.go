package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// distance is what is between the two ends: the delays of the two directions, and
// what each byte takes.
type distance struct{ there, back, perByte time.Duration }

func (x distance) rtt() time.Duration { return x.there + x.back }

// conn is one end of a simulated connection: what is written arrives at the
// other end after a delay, and a write waits for nobody. It counts.
type conn struct {
	in, out *path
}

var _ net.Conn = (*conn)(nil)

// connect returns the two ends of a connection.
func connect(x distance) (initiator, responder *conn) {
	out, in := newPath(x.there, x.perByte), newPath(x.back, x.perByte)
	return &conn{in, out}, &conn{out, in}
}

func (c *conn) Read(p []byte) (int, error)  { return c.in.receive(p) }
func (c *conn) Write(p []byte) (int, error) { return c.out.send(p) }

func (c *conn) Close() error {
	c.out.finish()
	c.in.abandon()
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return address{} }
func (c *conn) RemoteAddr() net.Addr { return address{} }

// The library promises not to touch deadlines.
func (c *conn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *conn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *conn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

type address struct{}

func (address) Network() string { return "simulated" }
func (address) String() string  { return "simulated" }

// path is one direction. One goroutine at a time receives.
type path struct {
	delay, perByte time.Duration
	changed        chan struct{} // wakes the receiver

	mu       sync.Mutex
	flying   []packet
	arrived  []byte
	ended    bool // the sender's end has arrived
	finished bool // nothing is sent any more
	gone     bool // nothing is received any more
	free     time.Time
	last     time.Time // when the last write was made

	sent  way
	waits []time.Time // when the receiver found nothing
}

// packet is one write, or the end of the stream.
type packet struct {
	lands time.Time
	bytes []byte
	end   bool
}

func newPath(delay, perByte time.Duration) *path {
	return &path{delay: delay, perByte: perByte, changed: make(chan struct{}, 1)}
}

func (p *path) send(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		return 0, net.ErrClosed
	}
	now := time.Now()
	before := p.sent.flights
	p.sent.flight(len(b))
	if now.Equal(p.last) {
		p.sent.flights = before
	}
	p.last = now
	p.launch(packet{bytes: bytes.Clone(b)})
	return len(b), nil
}

func (p *path) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.finished {
		p.finished = true
		p.launch(packet{end: true})
	}
}

// launch puts a packet behind those that are still being sent.
func (p *path) launch(x packet) {
	if now := time.Now(); p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(len(x.bytes)) * p.perByte)
	x.lands = p.free.Add(p.delay)
	p.flying = append(p.flying, x)
	p.change()
}

func (p *path) change() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *path) receive(b []byte) (int, error) {
	for waited := false; ; waited = true {
		n, lands, err := p.take(b, !waited)
		switch {
		case n > 0 || err != nil:
			return n, err
		case lands.IsZero():
			<-p.changed
		default:
			select {
			case <-p.changed:
			case <-time.After(time.Until(lands)):
			}
		}
	}
}

// take takes what has landed. If there is nothing it returns when the next packet
// lands, if one is flying.
func (p *path) take(b []byte, first bool) (n int, lands time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for len(p.flying) > 0 && !p.flying[0].lands.After(now) {
		p.arrived = append(p.arrived, p.flying[0].bytes...)
		p.ended = p.ended || p.flying[0].end
		p.flying = p.flying[1:]
	}
	switch {
	case p.gone:
		return 0, lands, net.ErrClosed
	case len(p.arrived) > 0:
		n = copy(b, p.arrived)
		p.arrived = p.arrived[n:]
		return n, lands, nil
	case p.ended:
		return 0, lands, io.EOF
	}
	if first {
		p.waits = append(p.waits, now)
	}
	if len(p.flying) > 0 {
		lands = p.flying[0].lands
	}
	return 0, lands, nil
}

func (p *path) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.change()
}

// lastSent is when the last write was made.
func (p *path) lastSent() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// count adds what was sent to w, and returns how often the receiver had begun to
// wait before a moment.
func (p *path) count(w *way, before time.Time) (waits int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.bytes += p.sent.bytes
	w.segments += p.sent.segments
	w.flights += p.sent.flights
	for _, at := range p.waits {
		if at.Before(before) {
			waits++
		}
	}
	return waits
}
