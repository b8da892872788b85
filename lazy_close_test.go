package multiselect_test

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
	"github.com/multiselect/multiselect/wire"
)

// All tests of this kind run in fake time, which stands still while anybody runs
// and must not pass in Close.
type lazyClose struct {
	name string
	// before is what has happened, peer what the peer does from there on.
	before func(t *testing.T, l *multiselect.LazyStream, b *conn)
	peer   func(t *testing.T, b *conn)
	takes  time.Duration // the linger
	ends   []string      // what is done to the stream
	want   error         // the outcome
}

func wrote(t *testing.T, l *multiselect.LazyStream, _ *conn) { mustWrite(t, l, "\x09request") }

var lazyCloses = []lazyClose{
	{
		name: "the peer is silent", before: wrote, takes: 10 * time.Second,
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "silent, and nothing was written", takes: 10 * time.Second,
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "the peer is slow", before: wrote, takes: 5 * time.Second,
		peer: func(t *testing.T, b *conn) {
			time.Sleep(5 * time.Second)
			b.Write([]byte(flightLazy))
			time.Sleep(4 * time.Second)
			b.CloseWrite()
		},
		ends: []string{"closewrite", "close"},
	},
	{
		name: "a byte a second", before: wrote, takes: 10 * time.Second,
		peer: func(t *testing.T, b *conn) {
			for i := range flightLazy {
				time.Sleep(990 * time.Millisecond)
				b.Write([]byte(flightLazy[i : i+1]))
			}
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "the peer agrees and says no more", before: wrote, takes: 0,
		peer: func(t *testing.T, b *conn) { b.Write([]byte(flightLazy)) },
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer agrees and talks on", before: wrote, takes: 0,
		peer: func(t *testing.T, b *conn) {
			for said := flightLazy; ; said = "more" {
				if _, err := b.Write([]byte(said)); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer sends very much", before: wrote, takes: 0,
		peer: func(t *testing.T, b *conn) { b.Write(append([]byte(flightLazy), make([]byte, 3<<20)...)) },
		ends: []string{"closewrite", "close"},
	},
	{
		name: "the peer refuses", before: wrote, takes: 3 * time.Second,
		peer: func(t *testing.T, b *conn) {
			time.Sleep(3 * time.Second)
			b.Write([]byte(say(wire.Header, "na")))
		},
		ends: []string{"closewrite", "reset"}, want: multiselect.ErrNotSupported,
	},
	{
		name: "the peer has left", before: func(t *testing.T, l *multiselect.LazyStream, b *conn) {
			mustWrite(t, l, "\x09request")
			b.CloseWrite()
		},
		ends: []string{"closewrite", "reset"}, want: io.EOF,
	},
	{
		name: "the peer has reset", before: func(t *testing.T, l *multiselect.LazyStream, b *conn) {
			mustWrite(t, l, "\x09request")
			b.Reset()
		},
		ends: []string{"closewrite", "reset"}, want: errReset,
	},
	{
		name: "the peer has reset, and nothing was written",
		before: func(t *testing.T, l *multiselect.LazyStream, b *conn) {
			b.Reset()
		},
		ends: []string{"reset"}, want: errReset,
	},
	{
		name: "a Read waits", takes: 10 * time.Second,
		before: func(t *testing.T, l *multiselect.LazyStream, b *conn) {
			start := time.Now()
			go func() {
				n, err := l.Read(make([]byte, 1))
				if took := time.Since(start); n != 0 || err != net.ErrClosed || took != 6*time.Second {
					t.Errorf("Read = %d, %v after %v", n, err, took)
				}
			}()
			time.Sleep(6 * time.Second) // the linger has a budget of its own
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
	{
		name: "a Read with a deadline and a Write wait", takes: 10 * time.Second,
		before: func(t *testing.T, l *multiselect.LazyStream, b *conn) {
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
		name: "writing was finished before", takes: 10 * time.Second,
		before: func(t *testing.T, l *multiselect.LazyStream, b *conn) {
			mustWrite(t, l, "\x09request")
			if err := l.CloseWrite(); err != nil {
				t.Error(err)
			}
		},
		ends: []string{"closewrite", "reset"}, want: errTimeout,
	},
}

// errTimeout stands for the end of a budget.
var errTimeout = errors.New("timeout")

func isWanted(err, want error) bool {
	if want == errTimeout {
		failed, ok := errors.AsType[*multiselect.Error](err)
		return ok && failed.Timeout()
	}
	return errors.Is(err, want)
}

func TestLazyClose(t *testing.T) {
	for _, tt := range lazyCloses {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), a)
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
				var playing sync.WaitGroup
				if tt.peer != nil {
					playing.Go(func() { tt.peer(t, b) })
				}
				if err := l.Wait(context.Background()); !isWanted(err, tt.want) {
					t.Errorf("Wait = %v, want %v", err, tt.want)
				}
				awaitLingers(t, start.Add(tt.takes))
				if ends := a.ended(); !slices.Equal(ends, tt.ends) {
					t.Errorf("ended: %q, want %q", ends, tt.ends)
				}
				if got := strings.Join(a.wrote(), ""); !strings.HasPrefix(got, flightLazy) {
					t.Errorf("on the wire: %q", got)
				}
				b.Reset()
				playing.Wait()
			})
		})
	}
}

// awaitLingers waits until a moment, by when no stream may linger any more; a
// little before that one must, unless the moment is now.
func awaitLingers(t testing.TB, until time.Time) {
	t.Helper()
	if d := time.Until(until); d > 0 {
		time.Sleep(d - time.Millisecond)
		synctest.Wait()
		if now := multiselect.LingerStats().Active; now != 1 {
			t.Errorf("%d streams linger shortly before the end", now)
		}
		time.Sleep(time.Millisecond)
	}
	synctest.Wait()
	if now := multiselect.LingerStats().Active; now != 0 {
		t.Errorf("%d streams linger", now)
	}
}

// A Write that is blocked because the peer does not read returns with its count.
// If the peer reads on it gets all that was counted, and then the end.
func TestLazyCloseWhileWriting(t *testing.T) {
	for _, room := range []int{10, 100} { // in the header, behind it
		for _, reads := range []bool{false, true} {
			t.Run(fmt.Sprint(room, reads), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := conns(room)
					l := lazy(t, new(multiselect.Client), a)
					payload := early(500)
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
					if took := time.Since(start); took != 0 || n != max(0, room-len(flightLazy)) {
						t.Errorf("after %v, %d bytes", took, n)
					}
					if !reads {
						awaitLingers(t, start.Add(10*time.Second))
						return
					}
					got, err := io.ReadAll(b)
					if string(got) != flightLazy+string(payload[:n]) || err != nil {
						t.Errorf("the peer got %q, %v", got, err)
					}
					mustWrite(t, b, flightLazy)
					b.CloseWrite()
					awaitLingers(t, start)
				})
			})
		}
	}
}

// Streams without deadlines, halves and reset: the linger waits for the answer,
// and then closes.
func TestLazyCloseBare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair()
		l := lazy(t, new(multiselect.Client), bare{a})
		mustWrite(t, l, "\x09request")
		go l.Read(make([]byte, 1))
		synctest.Wait()
		start := time.Now()
		l.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v", took)
		}
		mustRead(t, b, flightLazy+"\x09request")
		time.Sleep(time.Second)
		if len(a.ended()) != 0 {
			t.Error("closed before the answer")
		}
		mustWrite(t, b, flightLazy)
		synctest.Wait()
		if ends := a.ended(); !slices.Equal(ends, []string{"close"}) {
			t.Errorf("ended: %q", ends)
		}
	})
}

// When too many linger, the next is reset at once, says so and is counted.
func TestLazyLingerCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := multiselect.LingerStats().Refused
		for range 1024 {
			a, _ := conns(plenty)
			if err := lazy(t, new(multiselect.Client), a).Close(); err != nil {
				t.Fatal(err)
			}
		}
		for _, reading := range []bool{false, true} {
			a, _ := conns(plenty)
			l := lazy(t, new(multiselect.Client), a)
			if reading {
				go l.Read(make([]byte, 1))
				synctest.Wait()
			}
			if err := l.Close(); !errors.Is(err, multiselect.ErrLimit) || !errors.Is(l.Wait(context.Background()), multiselect.ErrLimit) {
				t.Errorf("Close = %v", err)
			}
			if ends := a.ended(); !slices.Equal(ends, []string{"reset"}) {
				t.Errorf("ended: %q", ends)
			}
		}
		if got := multiselect.LingerStats(); got.Active != 1024 || got.Refused != before+2 {
			t.Errorf("LingerStats() = %+v, want 1024 active and %d refused", got, before+2)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if now := multiselect.LingerStats().Active; now != 0 {
			t.Errorf("%d linger", now)
		}
	})
}

// Without a budget the linger has one all the same.
func TestLazyLingerWithoutBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := conns(plenty)
		lazy(t, &multiselect.Client{Limits: multiselect.Limits{Timeout: -1}}, a).Close()
		awaitLingers(t, time.Now().Add(10*time.Second))
	})
}

// stuckReset is a stream whose Reset waits, as that of a multiplexer does whose
// connection is stuck.
type stuckReset struct {
	*conn
	reset chan struct{}
}

func (s *stuckReset) Reset() error {
	<-s.reset
	return s.conn.Reset()
}

// Close does not wait for the stream's own Reset either.
func TestLazyCloseWhileReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		s := &stuckReset{a, make(chan struct{})}
		l := lazy(t, new(multiselect.Client), s)
		mustWrite(t, l, "\x07request")
		mustWrite(t, b, say(wire.Header, "na"))
		failed := make(chan error, 1)
		go func() {
			_, err := l.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait() // the Read has heard the refusal, and resets
		start := time.Now()
		if err := l.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		close(s.reset)
		if err := <-failed; !errors.Is(err, net.ErrClosed) && !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
		if err := l.Wait(context.Background()); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
	})
}
