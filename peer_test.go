package multiselect_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
)

// This file holds what a scripted conversation needs: transports, the peer
// that plays its part of the script, and a tap on the stream of the library.

// transport connects the library's end of a stream with the scripted peer's.
type transport struct {
	name       string
	buffered   bool // a Write may return before the other end has read it
	unbuffered bool // it does not, and the library has to be told so
	halves     bool // one direction can be closed alone, and both can be reset
	open       func(t testing.TB) (ours, theirs io.ReadWriteCloser)
}

var (
	overTCP     = transport{name: "TCP", buffered: true, halves: true, open: openTCP}
	overNetPipe = transport{name: "net.Pipe", open: openNetPipe}
	overIOPipes = transport{name: "io.Pipe", unbuffered: true, halves: true, open: openIOPipes}

	transports = []transport{overTCP, overNetPipe, overIOPipes}
)

func openTCP(t testing.TB) (ours, theirs io.ReadWriteCloser) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return accepted, dialled
}

func openNetPipe(testing.TB) (ours, theirs io.ReadWriteCloser) {
	a, b := net.Pipe()
	return a, b
}

// openIOPipes connects two pipes to a stream that does not buffer either, but
// can be closed in one direction. The library cannot recognise it.
func openIOPipes(testing.TB) (ours, theirs io.ReadWriteCloser) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	return &duplex{r1, w2}, &duplex{r2, w1}
}

type duplex struct {
	*io.PipeReader
	w *io.PipeWriter
}

func (d *duplex) Write(p []byte) (int, error) { return d.w.Write(p) }
func (d *duplex) CloseWrite() error           { return d.w.Close() }

func (d *duplex) Close() error {
	d.PipeReader.Close()
	return d.w.Close()
}

// peer plays the other side of a conversation. From the first moment on it
// reads whatever arrives, so that a stream without buffers never blocks the
// library because of the peer.
type peer struct {
	conn io.ReadWriteCloser

	mu     sync.Mutex
	change sync.Cond
	got    []byte
	ended  error // why reading ended
}

func newPeer(conn io.ReadWriteCloser) *peer {
	p := &peer{conn: conn}
	p.change.L = &p.mu
	go p.read()
	return p
}

func (p *peer) read() {
	buf := make([]byte, 4096)
	for {
		n, err := p.conn.Read(buf)
		p.mu.Lock()
		p.got = append(p.got, buf[:n]...)
		p.ended = err
		p.change.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits for n bytes, all in all, and reports whether they came.
func (p *peer) await(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.got) < n && p.ended == nil {
		p.change.Wait()
	}
	return len(p.got) >= n
}

// awaitEnd waits until the stream is over.
func (p *peer) awaitEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.ended == nil {
		p.change.Wait()
	}
}

func (p *peer) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.got)
}

func (p *peer) write(bytes string) error {
	_, err := io.WriteString(p.conn, bytes)
	return err
}

// closeWrite says that nothing more will come. Without half-close that is the
// end of both directions.
func (p *peer) closeWrite() {
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	p.conn.Close()
}

func (p *peer) reset() {
	switch conn := p.conn.(type) {
	case *net.TCPConn:
		conn.SetLinger(0)
	case *duplex:
		conn.CloseWithError(syscall.ECONNRESET)
		conn.w.CloseWithError(syscall.ECONNRESET)
	}
	p.conn.Close()
}

// pace says how a peer cuts what it writes.
type pace struct {
	name string
	// after reports whether a write ends behind the first n bytes of all.
	after func(n int) bool
}

// R07, I08: any cut, and every one at once, makes no difference.
var (
	whole    = pace{"as written", func(int) bool { return false }}
	byteWise = pace{"byte by byte", func(int) bool { return true }}
)

func splitAt(at int) pace {
	return pace{"split after " + strconv.Itoa(at), func(n int) bool { return n == at }}
}

// play says the peer's part of the script, each piece when everything that
// stands before it has arrived. taken, if not nil, waits until the library has
// read the first n bytes. play reports false if the library ended the stream
// while it still owed an answer.
func (p *peer) play(script []utterance, part multiselect.Role, pace pace, taken func(n int)) bool {
	said, owed := 0, 0
	for i, u := range script {
		if u.from != part {
			owed += len(u.bytes)
			if !p.await(owed) && i < len(script)-1 {
				return false
			}
			continue
		}
		for rest := u.bytes; rest != ""; {
			n := 1
			for n < len(rest) && !pace.after(said+n) {
				n++
			}
			if p.write(rest[:n]) != nil {
				return true // what became of it is for the caller to judge
			}
			said += n
			rest = rest[n:]
			if taken != nil {
				taken(said)
			}
		}
	}
	return true
}

// utterance is what one side puts on the wire in one go.
type utterance struct {
	from  multiselect.Role
	bytes string
	lines transcript.Transcript
}

// parseScript reads a transcript, indented by tabs. Lines of one side belong
// to one write, unless a blank line stands between them.
func parseScript(t testing.TB, notation string) (script []utterance) {
	t.Helper()
	lines, err := transcript.Parse([]byte(strings.ReplaceAll(notation, "\t", "")))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		last := len(script) - 1
		if last < 0 || script[last].from != l.From || l.Break {
			script = append(script, utterance{from: l.From})
			last++
		}
		u := &script[last]
		u.lines = append(u.lines, l)
		u.bytes = string(l.AppendBytes([]byte(u.bytes)))
	}
	return script
}

// saidBy returns all that one side puts on the wire.
func saidBy(script []utterance, part multiselect.Role) (bytes string) {
	for _, u := range script {
		if u.from == part {
			bytes += u.bytes
		}
	}
	return bytes
}

// tap lies between the library and its stream, and takes notes.
type tap struct {
	io.ReadWriteCloser

	mu        sync.Mutex
	change    sync.Cond
	taken     int // bytes read
	readErr   error
	writes    []string
	ends      []string // how the stream was ended
	deadlines int      // how often one was set
}

func newTap(stream io.ReadWriteCloser) *tap {
	tp := &tap{ReadWriteCloser: stream}
	tp.change.L = &tp.mu
	return tp
}

func (tp *tap) Read(b []byte) (int, error) {
	n, err := tp.ReadWriteCloser.Read(b)
	tp.note(func() { tp.taken, tp.readErr = tp.taken+n, err })
	return n, err
}

func (tp *tap) Write(b []byte) (int, error) {
	tp.note(func() { tp.writes = append(tp.writes, string(b)) })
	return tp.ReadWriteCloser.Write(b)
}

func (tp *tap) Close() error { return tp.end("close") }

func (tp *tap) end(how string) error {
	tp.note(func() { tp.ends = append(tp.ends, how) })
	return tp.ReadWriteCloser.Close()
}

// LocalAddr lets the library recognise a net.Pipe.
func (tp *tap) LocalAddr() net.Addr {
	if conn, ok := tp.ReadWriteCloser.(net.Conn); ok {
		return conn.LocalAddr()
	}
	return nil
}

func (tp *tap) SetDeadline(time.Time) error      { return tp.deadline() }
func (tp *tap) SetReadDeadline(time.Time) error  { return tp.deadline() }
func (tp *tap) SetWriteDeadline(time.Time) error { return tp.deadline() }

func (tp *tap) deadline() error {
	tp.note(func() { tp.deadlines++ })
	return errors.ErrUnsupported
}

func (tp *tap) note(what func()) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	what()
	tp.change.Broadcast()
}

// awaitTaken waits until n bytes have been read, or no more will be.
func (tp *tap) awaitTaken(n int) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	for tp.taken < n && tp.readErr == nil && len(tp.ends) == 0 {
		tp.change.Wait()
	}
}

// resetTap is a stream that can be reset, codeTap one that takes a code.
type (
	resetTap struct{ *tap }
	codeTap  struct{ *tap }
)

func (s resetTap) Reset() error { return s.end("reset") }

func (s codeTap) Reset() error { return s.end("reset without a code") }

func (s codeTap) ResetWithError(code uint32) error { return s.end(fmt.Sprintf("reset %#x", code)) }
