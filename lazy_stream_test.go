package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// flow is one direction between two conns: it holds up to room bytes.
type flow struct {
	mu              sync.Mutex
	change          sync.Cond
	bytes           []byte
	room            int
	rendezvous      bool  // Write returns when all was read
	ended           bool  // by who writes: EOF
	unwanted        bool  // by who reads: a Write fails
	dead            error // both fail at once
	readBy, writeBy time.Time
}

func newFlow(room int) *flow {
	f := &flow{room: room}
	f.change.L = &f.mu
	return f
}

// do changes the flow and tells those who wait.
func (f *flow) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.change.Broadcast()
}

// wait waits until ready, or until the deadline is over.
func (f *flow) wait(ready func() bool, by *time.Time) error {
	for {
		switch {
		case f.dead != nil:
			return f.dead
		case !by.IsZero() && !time.Now().Before(*by):
			return os.ErrDeadlineExceeded
		case ready():
			return nil
		}
		var timer *time.Timer
		if !by.IsZero() {
			timer = time.AfterFunc(time.Until(*by), func() { f.do(func() {}) })
		}
		f.change.Wait()
		if timer != nil {
			timer.Stop()
		}
	}
}

func (f *flow) read(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.wait(func() bool { return len(f.bytes) > 0 || f.ended || f.unwanted }, &f.readBy); err != nil {
		return 0, err
	}
	if len(f.bytes) == 0 || f.unwanted {
		return 0, io.EOF
	}
	n = copy(p, f.bytes)
	f.bytes = f.bytes[n:]
	f.change.Broadcast()
	return n, nil
}

var errUnwanted = errors.New("the peer has stopped reading")

func (f *flow) write(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(p) {
		if err := f.wait(func() bool { return len(f.bytes) < f.room || f.ended || f.unwanted }, &f.writeBy); err != nil {
			return n, err
		}
		switch {
		case f.ended:
			return n, net.ErrClosed
		case f.unwanted:
			return n, errUnwanted
		}
		m := min(len(p)-n, f.room-len(f.bytes))
		f.bytes = append(f.bytes, p[n:n+m]...)
		n += m
		f.change.Broadcast()
	}
	if !f.rendezvous {
		return n, nil
	}
	if err := f.wait(func() bool { return len(f.bytes) == 0 || f.unwanted }, &f.writeBy); err != nil {
		n = max(0, n-len(f.bytes))
		f.bytes = nil
		return n, err
	}
	return n, nil
}

// conn is one end of a stream in memory with all that a stream can have:
// buffers, deadlines, halves that close, a reset. It keeps what is done to it.
type conn struct {
	in, out *flow
	mu      sync.Mutex
	writes  []string
	reads   int
	ends    []string
}

// conns returns both ends of a stream whose buffers hold room bytes.
func conns(room int) (a, b *conn) {
	x, y := newFlow(room), newFlow(room)
	return &conn{in: x, out: y}, &conn{in: y, out: x}
}

func (c *conn) Read(p []byte) (int, error) {
	c.note(func() { c.reads++ })
	return c.in.read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	c.note(func() { c.writes = append(c.writes, string(p)) })
	return c.out.write(p)
}

func (c *conn) note(what func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what()
}

func (c *conn) end(how string) { c.note(func() { c.ends = append(c.ends, how) }) }

func (c *conn) ended() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ends)
}

func (c *conn) wrote() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.writes)
}

// Close is that of TCP: if there is something unread, what was sent is lost.
func (c *conn) Close() error {
	c.end("close")
	lost := false
	c.in.do(func() {
		lost = len(c.in.bytes) > 0
		c.in.unwanted, c.in.dead = true, net.ErrClosed
	})
	c.out.do(func() {
		c.out.ended = true
		if lost {
			c.out.dead = errReset
		}
	})
	return nil
}

func (c *conn) Reset() error {
	c.end("reset")
	for _, f := range []*flow{c.in, c.out} {
		f.do(func() { f.dead = errReset })
	}
	return nil
}

func (c *conn) CloseWrite() error {
	c.end("closewrite")
	c.out.do(func() { c.out.ended = true })
	return nil
}

func (c *conn) CloseRead() error {
	c.end("closeread")
	c.in.do(func() { c.in.unwanted = true })
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.do(func() { c.in.readBy = t })
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.do(func() { c.out.writeBy = t })
	return nil
}

// bare takes everything from a stream but what it has to have.
type bare struct{ io.ReadWriteCloser }

const plenty = 1 << 20

// flightLazy is what a lazy stream for nameA begins with.
var flightLazy = say(wire.Header, nameA)

// lazy returns a lazy stream for nameA.
func lazy(t testing.TB, cl *multiselect.Client, stream io.ReadWriteCloser) *multiselect.LazyStream {
	t.Helper()
	l, err := cl.Lazy(context.Background(), stream, nameA)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// early is a payload of n bytes that may travel: a frame that is not complete.
func early(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i)
	}
	copy(p, "\xff\xff\xff\x7f")
	return p
}

func mustWrite(t testing.TB, w io.Writer, p string) {
	t.Helper()
	if n, err := io.WriteString(w, p); err != nil || n != len(p) {
		t.Fatalf("Write(%.80q) = %d, %v", p, n, err)
	}
}

func mustRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %.80q, %v; want %.80q", got[:n], err, want)
	}
}

// echo answers what it is sent, and closes behind it.
func echo(t testing.TB) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	for _, name := range []string{nameA, nameB} {
		err := m.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			io.Copy(bare{stream}, bare{stream})
			stream.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}
