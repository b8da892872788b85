package lazy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// conversations are first exchanges after the negotiation, whose sides write in different
// orders.
var conversations = []struct {
	name      string
	initiator func(l *multiselect.LazyStream) error
	handler   func(stream io.ReadWriteCloser)
}{
	{"request", func(l *multiselect.LazyStream) error {
		return errors.Join(apitest.ErrOf(l.Write([]byte("\x04ping"))), readExactly(l, "pong"))
	}, func(stream io.ReadWriteCloser) {
		readExactly(stream, "\x04ping")
		io.WriteString(stream, "pong")
	}},
	{"the responder writes first", func(l *multiselect.LazyStream) error {
		return errors.Join(readExactly(l, "hello"), apitest.ErrOf(l.Write([]byte("\x02x\n"))))
	}, func(stream io.ReadWriteCloser) {
		io.WriteString(stream, "hello")
		readExactly(stream, "\x02x\n")
	}},
	{"Flush", func(l *multiselect.LazyStream) error {
		return errors.Join(l.Flush(), apitest.ErrOf(l.Write(nil)), readExactly(l, "hello"), apitest.ErrOf(l.Write([]byte("x"))))
	}, func(stream io.ReadWriteCloser) {
		io.WriteString(stream, "hello")
		readExactly(stream, "x")
	}},
	{"both write first", func(l *multiselect.LazyStream) error {
		written := make(chan error)
		go func() { written <- apitest.ErrOf(l.Write(apitest.EarlyData(100_000))) }()
		return errors.Join(readExactly(l, strings.Repeat("y", 100_000)), <-written)
	}, func(stream io.ReadWriteCloser) {
		io.WriteString(stream, strings.Repeat("y", 100_000))
		readExactly(stream, string(apitest.EarlyData(100_000)))
	}},
}

// TestLazyRendezvous plays the conversations over all transports. On pipes, where a Write
// blocks until the peer reads, the two sides must not block each other, during the
// negotiation and after it (R28).
func TestLazyRendezvous(t *testing.T) {
	for _, tr := range streamtest.Transports() {
		for _, tt := range conversations {
			for _, late := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/late responder %v", tr.Name, tt.name, late), func(t *testing.T) {
					a, b := tr.Open(t)
					l := apitest.LazyOf(t, &multiselect.Client{Unbuffered: tr.Unbuffered}, a)
					m := &multiselect.Muxer{Unbuffered: tr.Unbuffered}
					err := m.AddHandler(apitest.NameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
						tt.handler(stream)
						stream.Close()
					})
					if err != nil {
						t.Fatal(err)
					}
					var responder sync.WaitGroup
					serve := func() { responder.Go(func() { m.ServeStream(context.Background(), b) }) }
					if late {
						time.AfterFunc(10*time.Millisecond, serve)
					} else {
						serve()
					}
					if err := tt.initiator(l); err != nil {
						t.Error(err)
					}
					l.Close()
					responder.Wait()
				})
			}
		}
	}
}

// readExactly reads as many bytes as want has, and returns an error unless they are equal.
func readExactly(r io.Reader, want string) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if string(got) != want {
		return fmt.Errorf("read %.80q, want %.80q", got, want)
	}
	return nil
}

// TestLazyRendezvousClose closes lazy streams over pipes with a peer that does nothing, or
// reads and answers after the Close. Close does not block, and the linger ends in time.
func TestLazyRendezvousClose(t *testing.T) {
	for name, before := range map[string]func(l *multiselect.LazyStream){
		"no call":    func(l *multiselect.LazyStream) {},
		"Flush":      func(l *multiselect.LazyStream) { l.Flush() },
		"Write":      func(l *multiselect.LazyStream) { go l.Write([]byte("x")) },
		"Read":       func(l *multiselect.LazyStream) { go l.Read(make([]byte, 1)) },
		"CloseWrite": func(l *multiselect.LazyStream) { go l.CloseWrite() },
		"CloseRead":  func(l *multiselect.LazyStream) { go l.CloseRead() },
	} {
		for _, tr := range []streamtest.Transport{streamtest.OverNetPipe, streamtest.OverIOPipes} {
			for _, answers := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/answers %v", tr.Name, name, answers), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						a, b := tr.Open(t)
						l := apitest.LazyOf(t, &multiselect.Client{Unbuffered: tr.Unbuffered}, a)
						before(l)
						synctest.Wait()
						start := time.Now()
						l.Close()
						if took := time.Since(start); took != 0 {
							t.Errorf("Close took %v", took)
						}
						if answers {
							streamtest.MustRead(t, b, apitest.LazyFlight)
							if _, err := io.WriteString(b, apitest.LazyFlight); err != nil {
								t.Error(err)
							}
							if _, err := b.Read(make([]byte, 1)); err != io.EOF {
								t.Error(err)
							}
						}
						if err := l.Wait(context.Background()); (err == nil) != answers {
							t.Error(err)
						}
						if took := time.Since(start); took > 10*time.Second {
							t.Errorf("the linger took %v", took)
						}
						b.Close()
					})
				})
			}
		}
	}
}
