package lazy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// lazyClose is a Close while the outcome is pending. It is played in fake time, which does
// not pass while a goroutine runs, and must not pass in Close.
type lazyClose struct {
	name   string
	before func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) // before the Close
	peer   func(t *testing.T, b *streamtest.Stream)                            // after the Close
	takes  time.Duration                                                       // the linger
	ends   []string                                                            // calls that end the stream
	want   error                                                               // the outcome
}

// writeRequest is a lazyClose.before that sends early data.
func writeRequest(t *testing.T, l *multiselect.LazyStream, _ *streamtest.Stream) {
	streamtest.MustWrite(t, l, "\x09request")
}

var lazyCloses = []lazyClose{
	{
		name: "the peer is silent", before: writeRequest, takes: 10 * time.Second,
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "the peer is silent, nothing was written", takes: 10 * time.Second,
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "the peer is slow", before: writeRequest, takes: 5 * time.Second,
		peer: func(t *testing.T, b *streamtest.Stream) {
			time.Sleep(5 * time.Second)
			b.Write([]byte(apitest.LazyFlight))
			time.Sleep(4 * time.Second)
			b.CloseWrite()
		},
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer sends a byte a second", before: writeRequest, takes: 10 * time.Second,
		peer: func(t *testing.T, b *streamtest.Stream) {
			for i := range apitest.LazyFlight {
				time.Sleep(990 * time.Millisecond)
				b.Write([]byte(apitest.LazyFlight[i : i+1]))
			}
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "the peer agrees and sends no more", before: writeRequest, takes: 0,
		peer: func(t *testing.T, b *streamtest.Stream) { b.Write([]byte(apitest.LazyFlight)) },
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer agrees and continues to send", before: writeRequest, takes: 0,
		peer: func(t *testing.T, b *streamtest.Stream) {
			for data := apitest.LazyFlight; ; data = "more" {
				if _, err := b.Write([]byte(data)); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer agrees and sends 3 MiB", before: writeRequest, takes: 0,
		peer: func(t *testing.T, b *streamtest.Stream) {
			b.Write(append([]byte(apitest.LazyFlight), make([]byte, 3<<20)...))
		},
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer refuses", before: writeRequest, takes: 3 * time.Second,
		peer: func(t *testing.T, b *streamtest.Stream) {
			time.Sleep(3 * time.Second)
			b.Write([]byte(apitest.LazyRefusal))
		},
		ends: []string{"closewrite", "reset"}, want: multiselect.ErrNotSupported,
	},
	{
		name: "the peer has half-closed", before: func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			streamtest.MustWrite(t, l, "\x09request")
			b.CloseWrite()
		},
		ends: []string{"closewrite", "reset"}, want: io.EOF,
	},
	{
		name: "the peer has reset", before: func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			streamtest.MustWrite(t, l, "\x09request")
			b.Reset()
		},
		ends: []string{"closewrite", "reset"}, want: streamtest.ErrReset,
	},
	{
		name: "the peer has reset, nothing was written",
		before: func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			b.Reset()
		},
		ends: []string{"reset"}, want: streamtest.ErrReset,
	},
	{
		name: "a Read waits", takes: 10 * time.Second,
		before: func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			start := time.Now()
			go func() {
				n, err := l.Read(make([]byte, 1))
				if took := time.Since(start); n != 0 || err != net.ErrClosed || took != 6*time.Second {
					t.Errorf("Read = %d, %v after %v", n, err, took)
				}
			}()
			time.Sleep(6 * time.Second) // the linger has a time limit of its own
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "a Read with a deadline and a Write wait", takes: 10 * time.Second,
		before: func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			l.SetDeadline(time.Now().Add(time.Hour))
			for range 2 {
				go func() {
					if n, err := l.Read(make([]byte, 1)); n != 0 || err != net.ErrClosed {
						t.Errorf("Read = %d, %v", n, err)
					}
				}()
				go func() {
					if n, err := l.Write([]byte("\x01\n")); n != 0 || err != net.ErrClosed {
						t.Errorf("Write = %d, %v", n, err)
					}
				}()
			}
			synctest.Wait()
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "CloseWrite was called before", takes: 10 * time.Second,
		before: func(t *testing.T, l *multiselect.LazyStream, b *streamtest.Stream) {
			streamtest.MustWrite(t, l, "\x09request")
			if err := l.CloseWrite(); err != nil {
				t.Error(err)
			}
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
}

// errTimeout stands for any [*multiselect.Error] whose Timeout method returns true.
var errTimeout = errors.New("timeout")

func isWanted(err, want error) bool {
	if want == errTimeout {
		failed, ok := errors.AsType[*multiselect.Error](err)
		return ok && failed.Timeout()
	}
	return errors.Is(err, want)
}

// TestLazyClose plays lazyCloses. Close returns immediately; the linger takes the expected
// time, ends the stream in the expected way, and finds the expected outcome.
func TestLazyClose(t *testing.T) {
	for _, tt := range lazyCloses {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, a)
				if tt.before != nil {
					tt.before(t, l, b)
				}
				start := time.Now()
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("Close took %v", took)
				}
				var peer sync.WaitGroup
				if tt.peer != nil {
					peer.Go(func() { tt.peer(t, b) })
				}
				if err := l.Wait(context.Background()); !isWanted(err, tt.want) {
					t.Errorf("Wait = %v, want %v", err, tt.want)
				}
				apitest.AwaitLingers(t, start.Add(tt.takes))
				if ends := a.Ended(); !slices.Equal(ends, tt.ends) {
					t.Errorf("ended: %q, want %q", ends, tt.ends)
				}
				if got := strings.Join(a.Writes(), ""); !strings.HasPrefix(got, apitest.LazyFlight) {
					t.Errorf("on the wire: %q", got)
				}
				b.Reset()
				peer.Wait()
			})
		})
	}
}

// TestLazyCloseWhileWriting closes a lazy stream while a Write is blocked. The Write returns
// its count. A peer that reads on receives the bytes counted, and then EOF.
func TestLazyCloseWhileWriting(t *testing.T) {
	for _, size := range []int{10, 100} { // the Write is blocked in the header, or after it
		for _, reads := range []bool{false, true} {
			t.Run(fmt.Sprintf("buffer of %d bytes/the peer reads: %v", size, reads), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := apitest.Pipe(size)
					l := apitest.Lazy(t, a)
					payload := apitest.EarlyData(500)
					counted := make(chan int, 1)
					go func() {
						n, err := l.Write(payload)
						if err != net.ErrClosed {
							t.Errorf("Write = %d, %v", n, err)
						}
						counted <- n
					}()
					synctest.Wait()
					start := time.Now()
					if err := l.Close(); err != nil {
						t.Error(err)
					}
					n := <-counted
					if took := time.Since(start); took != 0 || n != max(0, size-len(apitest.LazyFlight)) {
						t.Errorf("after %v, %d bytes", took, n)
					}
					if !reads {
						apitest.AwaitLingers(t, start.Add(10*time.Second))
						return
					}
					got, err := io.ReadAll(b)
					if string(got) != apitest.LazyFlight+string(payload[:n]) || err != nil {
						t.Errorf("the peer got %q, %v", got, err)
					}
					streamtest.MustWrite(t, b, apitest.LazyFlight)
					b.CloseWrite()
					apitest.AwaitLingers(t, start)
				})
			})
		}
	}
}

// TestLazyCloseMeetsOutcome calls Close while the negotiation is being concluded. Close does
// not wait for that, since hooks of a trace and the stream's own Reset may block.
func TestLazyCloseMeetsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		var l *multiselect.LazyStream
		closed := make(chan error, 1)
		ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{Done: func(multiselect.Outcome) {
			start := time.Now()
			closed <- l.Close()
			if took := time.Since(start); took != 0 {
				t.Errorf("Close took %v", took)
			}
		}})
		l, err := new(multiselect.Client).Lazy(ctx, a, apitest.NameA)
		if err != nil {
			t.Fatal(err)
		}
		streamtest.MustWrite(t, b, apitest.LazyRefusal)
		if err := l.Wait(context.Background()); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Errorf("Wait = %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
		apitest.AwaitLingers(t, time.Now())
	})
}

// TestLazyReset resets a lazy stream on which all kinds of calls are blocked. They return
// immediately.
func TestLazyReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := apitest.Pipe(100)
		l := apitest.Lazy(t, a)
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() {
				if err := apitest.ErrOf(l.Read(make([]byte, 1))); err != net.ErrClosed {
					t.Error(err)
				}
			})
			calls.Go(func() {
				if err := apitest.ErrOf(l.Write(apitest.EarlyData(500))); err != net.ErrClosed {
					t.Error(err)
				}
			})
			calls.Go(func() {
				if err := l.Wait(context.Background()); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		l.Reset()
		l.Reset()
		calls.Wait()
		if took := time.Since(start); took != 0 || len(a.Ended()) != 1 {
			t.Errorf("took %v, ended %q", took, a.Ended())
		}
	})
}

// TestLazyResetLinger checks that Reset ends a linger.
func TestLazyResetLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.Lazy(t, a)
		l.Close()
		synctest.Wait()
		l.Reset()
		apitest.AwaitLingers(t, time.Now())
		if ends := a.Ended(); !slices.Equal(ends, []string{"closewrite", "reset"}) {
			t.Errorf("ended: %q", ends)
		}
	})
}

// TestLazyCloseRead checks that CloseRead ends reading immediately, and calls the stream's
// CloseRead only after the peer has answered.
func TestLazyCloseRead(t *testing.T) {
	for _, read := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, a)
			streamtest.MustWrite(t, l, "\x09")
			if read {
				go func() {
					if err := apitest.ErrOf(l.Read(make([]byte, 1))); err != net.ErrClosed {
						t.Error(err)
					}
				}()
				synctest.Wait()
			}
			if err := l.CloseRead(); err != nil {
				t.Fatal(err)
			}
			if err := apitest.ErrOf(l.Read(make([]byte, 1))); err != net.ErrClosed {
				t.Error(err)
			}
			streamtest.MustWrite(t, l, "request")
			time.Sleep(time.Second)
			if len(a.Ended()) != 0 {
				t.Errorf("ended: %q", a.Ended())
			}
			streamtest.MustRead(t, b, apitest.LazyFlight+"\x09request")
			streamtest.MustWrite(t, b, apitest.LazyFlight)
			synctest.Wait()
			if ends := a.Ended(); !slices.Equal(ends, []string{"closeread"}) {
				t.Errorf("ended: %q", ends)
			}
			if err := apitest.ErrOf(l.Read(make([]byte, 1))); err != net.ErrClosed {
				t.Error(err)
			}
			streamtest.MustWrite(t, l, "\nmore")
			apitest.AwaitLingers(t, time.Now())
			l.Close()
		})
	}
}
