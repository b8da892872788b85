package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// The names under which the tests of lazy streams and of rendezvous know what
// internal/streamtest and internal/apitest have. The file goes when they use those.

var (
	errReset  = streamtest.ErrReset
	errEnough = errors.New("enough of it")
)

type end struct{ *streamtest.Stream }

func (e end) ended() []string { return e.Ended() }

func pair() (a, b end) {
	x, y := streamtest.Pipe()
	return end{x}, end{y}
}

func serving(t testing.TB, names ...string) *multiselect.Muxer { return apitest.Muxer(t, names...) }

func noHandler(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
	apitest.NoHandler(ctx, protocol, stream)
}

func connected(t testing.TB, network string) (initiator, responder net.Conn) {
	return streamtest.Connect(t, network)
}

func skipUnderRace(t testing.TB) {
	t.Helper()
	if streamtest.Race {
		t.Skip("the race detector makes sync.Pool drop values; ./check runs this without it")
	}
}

type counted struct {
	net.Conn
	reads, writes, touched, expected, crowded atomic.Int64
}

func (c *counted) reset(goroutines int) {
	c.reads.Store(0)
	c.writes.Store(0)
	c.crowded.Store(0)
	c.expected.Store(int64(goroutines))
}

func (c *counted) Read(p []byte) (int, error) {
	c.reads.Add(1)
	c.watch()
	return c.Conn.Read(p)
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	c.watch()
	return c.Conn.Write(p)
}

func (c *counted) watch() {
	if expected := c.expected.Load(); expected > 0 && int64(runtime.NumGoroutine()) > expected {
		c.crowded.Add(1)
	}
}

func (c *counted) SetDeadline(t time.Time) error      { return c.touch(c.Conn.SetDeadline(t)) }
func (c *counted) SetReadDeadline(t time.Time) error  { return c.touch(c.Conn.SetReadDeadline(t)) }
func (c *counted) SetWriteDeadline(t time.Time) error { return c.touch(c.Conn.SetWriteDeadline(t)) }

func (c *counted) touch(err error) error {
	c.touched.Add(1)
	return err
}

func check(t *testing.T, what string, got int64, want int) {
	t.Helper()
	if got != int64(want) {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}
