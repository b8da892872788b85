package streamtest

import (
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// Transport connects two ends of a stream, and names the capabilities of the stream.
type Transport struct {
	Name       string
	Buffered   bool // a Write may return before the other end has read it
	Unbuffered bool // it does not, and the library cannot see that by itself
	HalfClose  bool // one direction can be closed alone, and both can be reset
	Open       func(t testing.TB) (ours, theirs io.ReadWriteCloser)
}

// The transports whose differences matter to a negotiation.
var (
	OverTCP     = Transport{Name: "TCP", Buffered: true, HalfClose: true, Open: openTCP}
	OverNetPipe = Transport{Name: "net.Pipe", Open: openNetPipe}
	OverIOPipes = Transport{Name: "io.Pipe", Unbuffered: true, HalfClose: true, Open: openIOPipes}
)

// Transports returns all of them.
func Transports() []Transport { return []Transport{OverTCP, OverNetPipe, OverIOPipes} }

func openTCP(t testing.TB) (ours, theirs io.ReadWriteCloser) {
	t.Helper()
	theirs, ours = TCP(t)
	return ours, theirs
}

func openNetPipe(testing.TB) (ours, theirs io.ReadWriteCloser) { return net.Pipe() }

func openIOPipes(testing.TB) (ours, theirs io.ReadWriteCloser) { return IOPipes() }

// Listen listens on a free port of the loopback, or on a socket in a folder of the
// test for "unix". The listener is closed when the test ends.
func Listen(t testing.TB, network string) net.Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Connect returns both ends of a connection through the kernel, which are closed
// when the test ends.
func Connect(t testing.TB, network string) (dialled, accepted net.Conn) {
	t.Helper()
	l := Listen(t, network)
	defer l.Close()
	dialled, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close() })
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return dialled, accepted
}

// TCP is Connect over the loopback.
func TCP(t testing.TB) (dialled, accepted *net.TCPConn) {
	t.Helper()
	a, b := Connect(t, "tcp")
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// Unix is Connect over a socket in the file system.
func Unix(t testing.TB) (dialled, accepted *net.UnixConn) {
	t.Helper()
	a, b := Connect(t, "unix")
	return a.(*net.UnixConn), b.(*net.UnixConn)
}

// IOPipe is one end of a stream that consists of two [io.Pipe]. A Write returns
// when the peer has read it, which the stream does not show: it has no address and
// no deadlines. A test that needs no half-close wraps it in [Bare].
type IOPipe struct {
	r *io.PipeReader
	w *io.PipeWriter
}

// IOPipes returns both ends.
func IOPipes() (a, b *IOPipe) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	return &IOPipe{r1, w2}, &IOPipe{r2, w1}
}

// Read blocks until the peer writes or ends its half.
func (p *IOPipe) Read(b []byte) (int, error) { return p.r.Read(b) }

// Write blocks until the peer has read all of b.
func (p *IOPipe) Write(b []byte) (int, error) { return p.w.Write(b) }

// CloseWrite ends the direction to the peer.
func (p *IOPipe) CloseWrite() error { return p.w.Close() }

// Close ends both directions.
func (p *IOPipe) Close() error {
	p.r.Close()
	return p.w.Close()
}

// Abort ends both directions with ECONNRESET for the peer. It is not called Reset,
// so that the stream has no reset that the party under test could find.
func (p *IOPipe) Abort() error {
	p.r.CloseWithError(syscall.ECONNRESET)
	return p.w.CloseWithError(syscall.ECONNRESET)
}
