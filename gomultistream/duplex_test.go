package multistream

import (
	"bytes"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// The tests are inside the package: go mod tidy follows the tests of a module that
// replaces another one, and would not find this one under its own name. For the same
// reason the streams below are not those of internal/streamtest: under the path of
// go-multistream this package must not import an internal package of ours.

// side is one end of a stream in memory that has buffers, read deadlines, halves
// and a reset, as the streams of a multiplexer do. It counts what is done to it.
type side struct {
	in, out *flow
	mu      sync.Mutex
	reads   int
	writes  []string
}

// flow is one direction.
type flow struct {
	mu     sync.Mutex
	change sync.Cond
	bytes  bytes.Buffer
	over   error // behind the bytes
	refuse error // of a Write
	readBy time.Time
}

func newFlow() *flow {
	f := new(flow)
	f.change.L = &f.mu
	return f
}

func (f *flow) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.change.Broadcast()
}

func ends() (a, b *side) {
	x, y := newFlow(), newFlow()
	return &side{in: x, out: y}, &side{in: y, out: x}
}

func (e *side) Read(p []byte) (int, error) {
	e.mu.Lock()
	e.reads++
	e.mu.Unlock()
	f := e.in
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch by := f.readBy; {
		case f.bytes.Len() > 0:
			return f.bytes.Read(p)
		case f.over != nil:
			return 0, f.over
		case !by.IsZero() && time.Until(by) <= 0:
			return 0, os.ErrDeadlineExceeded
		case !by.IsZero():
			defer time.AfterFunc(time.Until(by), func() { f.do(func() {}) }).Stop()
		}
		f.change.Wait()
	}
}

func (e *side) Write(p []byte) (n int, err error) {
	e.mu.Lock()
	e.writes = append(e.writes, string(p))
	e.mu.Unlock()
	e.out.do(func() {
		if err = e.out.refuse; err == nil {
			n, _ = e.out.bytes.Write(p)
		}
	})
	return n, err
}

func (e *side) wrote() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.writes
}

func (e *side) finish(f *flow, over, refuse error) {
	f.do(func() {
		if f.over == nil {
			f.over = over
		}
		f.refuse = refuse
	})
}

func (e *side) CloseWrite() error {
	e.finish(e.out, io.EOF, net.ErrClosed)
	return nil
}

func (e *side) Close() error {
	e.CloseWrite()
	e.finish(e.in, net.ErrClosed, io.ErrClosedPipe)
	return nil
}

func (e *side) Reset() error {
	e.finish(e.in, errReset, errReset)
	e.finish(e.out, errReset, errReset)
	return nil
}

func (e *side) ended() error {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	return e.in.over
}

func (e *side) SetReadDeadline(t time.Time) error {
	e.in.do(func() { e.in.readBy = t })
	return nil
}

func (e *side) SetWriteDeadline(time.Time) error { return nil }
func (e *side) SetDeadline(t time.Time) error    { return e.SetReadDeadline(t) }

type resetError struct{}

func (resetError) Error() string { return "stream reset" }

var errReset = resetError{}

// pipes is two [io.Pipe]: a Write returns when the peer has read, and nothing says so.
type pipes struct {
	*io.PipeReader
	*io.PipeWriter
}

func (p pipes) Close() error {
	p.PipeReader.Close()
	return p.PipeWriter.Close()
}

func ioPipes() (a, b io.ReadWriteCloser) {
	ar, bw := io.Pipe()
	br, aw := io.Pipe()
	return pipes{ar, aw}, pipes{br, bw}
}

// say returns messages as they are on the wire.
func say(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = wire.AppendMessage(b, text)
	}
	return string(b)
}

func mustWrite(t testing.TB, w io.Writer, p string) {
	t.Helper()
	if n, err := io.WriteString(w, p); n != len(p) || err != nil {
		t.Fatalf("Write(%.80q) = %d, %v", p, n, err)
	}
}

func mustRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	p := make([]byte, len(want))
	if n, err := io.ReadFull(r, p); err != nil || string(p) != want {
		t.Fatalf("read %.80q, %v; want %.80q", p[:n], err, want)
	}
}

func joined(e *side) string { return strings.Join(e.wrote(), "|") }
