package streamtest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
)

func read(r io.Reader, n int) (string, error) {
	p := make([]byte, n)
	n, err := r.Read(p)
	return string(p[:n]), err
}

func TestPipeEnds(t *testing.T) {
	for _, tt := range []struct {
		name                                   string
		end                                    func(a *streamtest.Stream) error
		ownRead, ownWrite, peerRead, peerWrite error
		delivers                               bool // what was written before arrives
	}{
		{"close", (*streamtest.Stream).Close, net.ErrClosed, net.ErrClosed, io.EOF, streamtest.ErrStopped, true},
		{"closewrite", (*streamtest.Stream).CloseWrite, nil, net.ErrClosed, io.EOF, nil, true},
		{"closeread", (*streamtest.Stream).CloseRead, io.EOF, nil, nil, streamtest.ErrStopped, true},
		{"reset", (*streamtest.Stream).Reset, streamtest.ErrReset, streamtest.ErrReset, streamtest.ErrReset, streamtest.ErrReset, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := streamtest.Pipe()
			streamtest.MustWrite(t, a, "there")
			streamtest.MustWrite(t, b, "back")
			if err := tt.end(a); err != nil {
				t.Fatal(err)
			}
			if got := a.Ended(); !slices.Equal(got, []string{tt.name}) || len(b.Ended()) > 0 {
				t.Errorf("ended %q", got)
			}
			if tt.delivers {
				streamtest.MustRead(t, b, "there")
			}
			_, err := a.Write([]byte("x"))
			check(t, "Write here", err, tt.ownWrite)
			_, err = b.Write([]byte("x"))
			check(t, "Write there", err, tt.peerWrite)
			_, err = read(a, 9)
			check(t, "Read here", err, tt.ownRead)
			if tt.peerRead != nil {
				_, err = read(b, 9)
				check(t, "Read there", err, tt.peerRead)
			}
		})
	}
	for err, system := range map[error]error{streamtest.ErrReset: syscall.ECONNRESET, streamtest.ErrStopped: syscall.EPIPE} {
		if !errors.Is(err, system) {
			t.Errorf("%v is not the system's %v", err, system)
		}
	}
}

func check(t *testing.T, what string, got, want error) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// The first way to end a direction is the one that later calls report; a reset
// overrides all.
func TestPipeEndsTwice(t *testing.T) {
	a, b := streamtest.Pipe()
	a.CloseWrite()
	b.CloseRead()
	_, err := a.Write([]byte("x"))
	check(t, "Write after CloseWrite and the peer's CloseRead", err, net.ErrClosed)
	_, err = read(b, 1)
	check(t, "Read after CloseRead", err, io.EOF)
	a.Close()
	a.ResetAs("reset 0x1")
	_, err = a.Write([]byte("x"))
	check(t, "Write after a reset", err, streamtest.ErrReset)
	if got := a.Ended(); !slices.Equal(got, []string{"closewrite", "close", "reset 0x1"}) {
		t.Errorf("ended %q", got)
	}
}

func TestPipeLossy(t *testing.T) {
	for _, lossy := range []bool{false, true} {
		for _, unread := range []bool{false, true} {
			a, b := streamtest.Config{Lossy: lossy}.Pipe()
			streamtest.MustWrite(t, a, "answer")
			if unread {
				streamtest.MustWrite(t, b, "unread")
			}
			a.Close()
			got, err := read(b, 9)
			if lost := err == streamtest.ErrReset; lost != (lossy && unread) || !lost && got != "answer" {
				t.Errorf("lossy %v, unread %v: %q, %v", lossy, unread, got, err)
			}
		}
	}
}

// A full buffer blocks Write until the peer reads, and a deadline ends the wait
// with the count of what fitted.
func TestPipeSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Config{Size: 3}.Pipe()
		a.SetDeadline(time.Now().Add(time.Second))
		start := time.Now()
		if n, err := a.Write([]byte("12345")); n != 3 || err != os.ErrDeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("Write = %d, %v after %v", n, err, time.Since(start))
		}
		a.SetDeadline(time.Time{})
		written := make(chan error)
		go func() {
			_, err := a.Write([]byte("45"))
			written <- err
		}()
		synctest.Wait()
		select {
		case err := <-written:
			t.Error("Write into a full buffer returned", err)
		default:
		}
		streamtest.MustRead(t, b, "12345")
		if err := <-written; err != nil {
			t.Error(err)
		}
		if got := a.Writes(); !slices.Equal(got, []string{"12345", "45"}) {
			t.Errorf("Writes = %q", got)
		}
	})
}

// A deadline that is set while Read waits ends it, and one that is extended does
// not.
func TestPipeReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Pipe()
		start := time.Now()
		time.AfterFunc(time.Second, func() { a.SetReadDeadline(start.Add(2 * time.Second)) })
		time.AfterFunc(1500*time.Millisecond, func() { a.SetReadDeadline(start.Add(3 * time.Second)) })
		if _, err := read(a, 1); err != os.ErrDeadlineExceeded || time.Since(start) != 3*time.Second {
			t.Errorf("Read = %v after %v", err, time.Since(start))
		}
		if got := a.ReadDeadline(); !got.Equal(start.Add(3 * time.Second)) {
			t.Errorf("ReadDeadline = %v", got)
		}
		a.SetReadDeadline(time.Time{})
		go streamtest.MustWrite(t, b, "x")
		streamtest.MustRead(t, a, "x")
		if a.Reads() != 2 {
			t.Errorf("%d Reads", a.Reads())
		}
	})
}

// A pending call ends with whatever ends its direction.
func TestPipePending(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ends  func(a, b *streamtest.Stream) error
		read  error
		write error
	}{
		{"the peer closes", func(_, b *streamtest.Stream) error { return b.Close() }, io.EOF, streamtest.ErrStopped},
		{"the peer resets", func(_, b *streamtest.Stream) error { return b.Reset() }, streamtest.ErrReset, streamtest.ErrReset},
		{"this end closes", func(a, _ *streamtest.Stream) error { return a.Close() }, net.ErrClosed, net.ErrClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := streamtest.Config{Size: 1}.Pipe()
				reads, writes := make(chan error), make(chan error)
				go func() {
					_, err := read(a, 1)
					reads <- err
				}()
				go func() {
					n, err := a.Write([]byte("12"))
					if n != 1 {
						t.Errorf("Write = %d", n)
					}
					writes <- err
				}()
				synctest.Wait()
				tt.ends(a, b)
				check(t, "Read", <-reads, tt.read)
				check(t, "Write", <-writes, tt.write)
			})
		})
	}
}

func TestPipeRendezvous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Config{Rendezvous: true}.Pipe()
		a.SetWriteDeadline(time.Now().Add(time.Second))
		go streamtest.MustRead(t, b, "12")
		if n, err := a.Write([]byte("12345")); n != 2 || err != os.ErrDeadlineExceeded {
			t.Errorf("Write = %d, %v", n, err)
		}
		a.SetWriteDeadline(time.Time{})
		go streamtest.MustRead(t, b, "67") // 345 was not delivered
		streamtest.MustWrite(t, a, "67")
	})
}

func TestPipeChunks(t *testing.T) {
	for chunks, want := range map[bool]string{false: "1234", true: "12"} {
		a, b := streamtest.Config{Chunks: chunks}.Pipe()
		streamtest.MustWrite(t, a, "12")
		streamtest.MustWrite(t, a, "34")
		if got, err := read(b, 9); got != want || err != nil {
			t.Errorf("chunks %v: %q, %v", chunks, got, err)
		}
	}
}

func TestPipeAwaitRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Pipe()
		start := time.Now()
		streamtest.MustWrite(t, a, "x")
		time.AfterFunc(time.Second, func() { streamtest.MustRead(t, b, "x") })
		if err := a.AwaitRead(); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		streamtest.MustWrite(t, a, "y")
		a.SetWriteDeadline(time.Now().Add(time.Second))
		check(t, "AwaitRead", a.AwaitRead(), os.ErrDeadlineExceeded)
		b.Reset()
		check(t, "AwaitRead", a.AwaitRead(), streamtest.ErrReset)
	})
}

// Large writes arrive whole and in order on streams with any buffer.
func TestPipeCarries(t *testing.T) {
	sent := strings.Repeat("0123456789", 10_000)
	for _, c := range []streamtest.Config{{}, {Size: 7}, {Rendezvous: true}, {Size: 7, Rendezvous: true}, {Chunks: true}} {
		a, b := c.Pipe()
		go func() {
			streamtest.MustWrite(t, a, sent)
			a.CloseWrite()
		}()
		if got, err := io.ReadAll(b); string(got) != sent || err != nil {
			t.Errorf("%+v: %d bytes, %v", c, len(got), err)
		}
	}
}

func TestPipeAtEOF(t *testing.T) {
	a, b := streamtest.Pipe()
	streamtest.MustWrite(t, a, "x")
	a.CloseWrite()
	if b.AtEOF() {
		t.Error("AtEOF before the last byte was read")
	}
	streamtest.MustRead(t, b, "x")
	if !b.AtEOF() || a.AtEOF() {
		t.Error("AtEOF is not that of the direction that ended")
	}
	b.Close()
	if b.AtEOF() {
		t.Error("AtEOF after Close")
	}
}

// Bare has three methods.
func TestBare(t *testing.T) {
	a, _ := streamtest.Pipe()
	stream := streamtest.Bare(a)
	if _, ok := stream.(interface{ Reset() error }); ok {
		t.Error("Bare has a Reset")
	}
	if _, ok := stream.(interface{ SetReadDeadline(time.Time) error }); ok {
		t.Error("Bare has deadlines")
	}
}
