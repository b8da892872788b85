package main

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is one end of a simulated connection: what is written arrives at the
// other end after a delay, and a write waits for nobody. It counts.
type conn struct {
	in, out *path
}

var _ net.Conn = (*conn)(nil)

// connect returns the two ends of a connection with the delays of the two
// directions, over which each byte takes perByte.
func connect(there, back, perByte time.Duration) (initiator, responder *conn) {
	out, in := newPath(there, perByte), newPath(back, perByte)
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

// path is one direction.
type path struct {
	delay, perByte time.Duration

	mu       sync.Mutex
	landed   sync.Cond
	flying   []packet
	arrived  []byte
	ended    bool // the sender's end has arrived
	finished bool // nothing is sent any more
	gone     bool // nothing is received any more
	free     time.Time
	last     time.Time // when the last write was made

	sent  way
	waits int // how often the receiver found nothing
}

// packet is one write, or the end of the stream.
type packet struct {
	lands time.Time
	bytes []byte
	end   bool
}

func newPath(delay, perByte time.Duration) *path {
	p := &path{delay: delay, perByte: perByte}
	p.landed.L = &p.mu
	return p
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
	p.launch(packet{bytes: append([]byte(nil), b...)})
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
	time.AfterFunc(time.Until(x.lands), p.land)
}

// land takes all that is due, in order: timers of one moment fire in any order.
func (p *path) land() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.flying) > 0 && !p.flying[0].lands.After(time.Now()) {
		p.arrived = append(p.arrived, p.flying[0].bytes...)
		p.ended = p.ended || p.flying[0].end
		p.flying = p.flying[1:]
	}
	p.landed.Broadcast()
}

func (p *path) receive(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.arrived) == 0 && !p.ended && !p.gone {
		p.waits++
	}
	for len(p.arrived) == 0 && !p.ended && !p.gone {
		p.landed.Wait()
	}
	switch {
	case p.gone:
		return 0, net.ErrClosed
	case len(p.arrived) == 0:
		return 0, io.EOF
	}
	n := copy(b, p.arrived)
	p.arrived = p.arrived[n:]
	return n, nil
}

func (p *path) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.landed.Broadcast()
}

// counted returns what was sent and how often the receiver waited.
func (p *path) counted() (way, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.waits
}
