package multiselect_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// buffered is a stream that sends what is written to it only when it is flushed, as that of
// golang.org/x/net/quic does.
type buffered struct {
	*streamtest.Stream
	w *bufio.Writer
}

func newBuffered(s *streamtest.Stream) buffered { return buffered{s, bufio.NewWriter(s)} }

func (b buffered) Write(p []byte) (int, error) { return b.w.Write(p) }

func (b buffered) Flush() error { return b.w.Flush() }

// TestFlush negotiates on streams that must be flushed, in both roles and in several rounds.
func TestFlush(t *testing.T) {
	ctx := context.Background()
	for _, protocols := range [][]string{{apitest.NameA}, {apitest.NameB, "/third/1.0.0", apitest.NameA}} {
		a, b := streamtest.Pipe()
		served := make(chan error, 1)
		go func() { served <- apitest.EchoMuxer(t, apitest.NameA).ServeStream(ctx, newBuffered(b)) }()
		ours := newBuffered(a)
		got, err := new(multiselect.Client).SelectOneOf(ctx, ours, protocols...)
		if got != apitest.NameA || err != nil {
			t.Fatalf("SelectOneOf(%q) = %q, %v", protocols, got, err)
		}
		ours.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// TestFlushLazy does so with a lazy stream. Its Flush flushes the stream, too.
func TestFlushLazy(t *testing.T) {
	a, b := streamtest.Pipe()
	l := apitest.Lazy(t, newBuffered(a))
	streamtest.MustWrite(t, l, "\x09request")
	streamtest.MustRead(t, b, apitest.LazyFlight+"\x09request")
	streamtest.MustWrite(t, b, apitest.LazyFlight)
	if err := l.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	streamtest.MustWrite(t, l, "after the agreement")
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	streamtest.MustRead(t, b, "after the agreement")
}

// failingFlush is a stream whose Flush fails.
type failingFlush struct{ *streamtest.Stream }

var errFlush = errors.New("flush failed")

func (failingFlush) Flush() error { return errFlush }

func TestFlushFails(t *testing.T) {
	ctx := context.Background()
	a, _ := streamtest.Pipe()
	if _, err := new(multiselect.Client).SelectOneOf(ctx, failingFlush{a}, apitest.NameA); !errors.Is(err, errFlush) {
		t.Errorf("SelectOneOf: %v", err)
	}
	a, _ = streamtest.Pipe()
	l := apitest.Lazy(t, failingFlush{a})
	if err := l.Flush(); !errors.Is(err, errFlush) {
		t.Errorf("Flush: %v", err)
	}
	l.Reset()
}

// TestMessages uses a socket whose Reads return messages. Each call fails immediately, and the
// error says why: later, part of a message would be lost.
func TestMessages(t *testing.T) {
	ctx := context.Background()
	for name, call := range map[string]func(net.Conn) error{
		"SelectOneOf": func(conn net.Conn) error {
			_, err := new(multiselect.Client).SelectOneOf(ctx, conn, apitest.NameA)
			return err
		},
		"Negotiate": func(conn net.Conn) error {
			_, _, err := apitest.EchoMuxer(t, apitest.NameA).Negotiate(ctx, conn)
			return err
		},
		"Lazy": func(conn net.Conn) error {
			_, err := new(multiselect.Client).Lazy(ctx, conn, apitest.NameA)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("unixpacket", filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Skip("no such sockets on this system; CI has them: ", err)
			}
			defer l.Close()
			conn, err := net.Dial("unixpacket", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			err = call(conn)
			failed, ok := errors.AsType[*multiselect.Error](err)
			if !ok || !errors.Is(err, errors.ErrUnsupported) || failed.Blame() != multiselect.BlameLocal {
				t.Errorf("error: %v", err)
			}
			if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the socket is not closed: %v", err)
			}
		})
	}
}

// shortReads is a stream whose Read needs room for a whole message, as a data channel does.
type shortReads struct{ *streamtest.Stream }

func (shortReads) Read(p []byte) (int, error) { return 0, io.ErrShortBuffer }

func TestShortBuffer(t *testing.T) {
	a, _ := streamtest.Pipe()
	_, _, err := apitest.EchoMuxer(t, apitest.NameA).Negotiate(context.Background(), shortReads{a})
	if !errors.Is(err, io.ErrShortBuffer) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Negotiate: %v", err)
	}
}

// TestFlushBelowLazy negotiates on a lazy stream that has agreed, over a stream that must be
// flushed: the flights of the second negotiation are flushed, too.
func TestFlushBelowLazy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Pipe()
		l := apitest.Lazy(t, newBuffered(a))
		apitest.Agree(t, l, b)
		go apitest.EchoMuxer(t, apitest.NameB).ServeStream(context.Background(), b)
		if _, err := new(multiselect.Client).SelectOneOf(context.Background(), l, apitest.NameB); err != nil {
			t.Error(err)
		}
		top := apitest.Lazy(t, l)
		defer top.Reset()
		streamtest.MustWrite(t, top, "\x09request")
		synctest.Wait()
		echoed := make([]byte, len(apitest.LazyFlight+"\x09request"))
		a.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := io.ReadFull(a, echoed); err != nil || string(echoed) != apitest.LazyFlight+"\x09request" {
			t.Errorf("the first flight of a lazy stream on it: %q, %v", echoed, err)
		}
	})
}
