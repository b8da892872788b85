package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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

// ending is a way to end a call, after one second.
type ending struct {
	name    string
	limit   time.Duration // Limits.Timeout
	ctx     func(context.Context) (context.Context, func())
	want    error
	timeout bool
	blame   multiselect.Blame
}

var errEnough = errors.New("enough of it")

func endings() []ending {
	after := func(d time.Duration, end func()) { time.AfterFunc(d, end) }
	return []ending{
		{
			name: "cancelled", want: context.Canceled, blame: multiselect.BlameLocal,
			ctx: func(ctx context.Context) (context.Context, func()) {
				ctx, cancel := context.WithCancel(ctx)
				after(time.Second, cancel)
				return ctx, cancel
			},
		},
		{
			name: "cancelled with a cause", want: errEnough, blame: multiselect.BlameLocal,
			ctx: func(ctx context.Context) (context.Context, func()) {
				ctx, cancel := context.WithCancelCause(ctx)
				after(time.Second, func() { cancel(errEnough) })
				return ctx, func() { cancel(nil) }
			},
		},
		{
			name: "deadline of the context", want: context.DeadlineExceeded, timeout: true, blame: multiselect.BlameSlowPeer,
			ctx: func(ctx context.Context) (context.Context, func()) {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				return ctx, cancel
			},
		},
		{
			name: "deadline with a cause", want: errEnough, timeout: true, blame: multiselect.BlameSlowPeer,
			ctx: func(ctx context.Context) (context.Context, func()) {
				ctx, cancel := context.WithTimeoutCause(ctx, time.Second, errEnough)
				return ctx, cancel
			},
		},
		{
			name: "time limit", want: os.ErrDeadlineExceeded, timeout: true, blame: multiselect.BlameSlowPeer, limit: time.Second,
			ctx: func(ctx context.Context) (context.Context, func()) { return ctx, func() {} },
		},
	}
}

// In each of its phases a call ends with its context or its time limit, returns
// the cause, and closes the stream.
func TestCancelInEveryPhase(t *testing.T) {
	for _, call := range apitest.Calls() {
		var whole string
		for _, chunk := range call.Peer {
			whole += chunk
		}
		for _, ending := range endings() {
			for _, said := range []int{0, 7, 20, 21, 25, len(whole) - 1} {
				if said < len(whole) {
					t.Run(fmt.Sprint(call.Name, "/", ending.name, " after ", said), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { cancelOnce(t, call, ending, whole[:said]) })
					})
				}
			}
		}
	}
}

func cancelOnce(t *testing.T, call apitest.Call, ending ending, said string) {
	ours, theirs := streamtest.Pipe()
	io.WriteString(theirs, said)
	ctx, cancel := ending.ctx(t.Context())
	defer cancel()
	start := time.Now()
	err := call.Do(ctx, multiselect.Limits{Timeout: ending.limit}, streamtest.Bare(ours))
	if took := time.Since(start); took != time.Second {
		t.Errorf("it took %v", took)
	}
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok || !errors.Is(err, ending.want) {
		t.Fatalf("%v, want %v", err, ending.want)
	}
	if e.Timeout() != ending.timeout || e.Blame() != ending.blame {
		t.Errorf("%v: timeout %v, blame %v; want %v, %v", err, e.Timeout(), e.Blame(), ending.timeout, ending.blame)
	}
	if e.BytesReceived != len(said) {
		t.Errorf("%v: %d bytes received of %d", err, e.BytesReceived, len(said))
	}
	if !slices.Equal(ours.Ended(), []string{"close"}) {
		t.Errorf("the stream was ended %q", ours.Ended())
	}
}

// A context that has ended before the call: nothing is sent.
func TestCancelBefore(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	for _, call := range apitest.Calls() {
		s := streamtest.NewScript(call.Peer...)
		err := call.Do(ctx, multiselect.Limits{}, s)
		if !errors.Is(err, errEnough) || s.Reads+s.Writes > 0 || !slices.Equal(s.Ended, []string{"close"}) {
			t.Errorf("%s: %v, %d reads, %d writes, ended %q", call.Name, err, s.Reads, s.Writes, s.Ended)
		}
	}
}

// A context that ends with the call: either way the stream is consistent with
// what the call returned.
func TestCancelAtTheEnd(t *testing.T) {
	for range 200 {
		for _, call := range apitest.Calls() {
			ctx, cancel := context.WithCancel(t.Context())
			s := streamtest.NewScript(call.Peer...)
			s.OnRead = func([]byte) { go cancel() }
			err := call.Do(ctx, multiselect.Limits{}, s)
			var ends int
			s.Locked(func() { ends = len(s.Ended) })
			if err == nil && ends != 0 || err != nil && (ends != 1 || !errors.Is(err, context.Canceled)) {
				t.Fatalf("%s: %v, ended %d times", call.Name, err, ends)
			}
			cancel()
		}
	}
}

// withCode is a stream whose reset takes a code.
type withCode struct{ *streamtest.Stream }

func (s withCode) ResetWithError(code uint32) error { return s.ResetAs(fmt.Sprintf("reset %#x", code)) }

// A stream that can be reset is reset, with the code of libp2p if it takes one.
func TestCancelResets(t *testing.T) {
	for _, call := range apitest.Calls() {
		for _, how := range []string{"reset", "reset 0x1001"} {
			ours, theirs := streamtest.Pipe()
			var stream io.ReadWriteCloser = ours
			if how != "reset" {
				stream = withCode{ours}
			}
			io.WriteString(theirs, "no header")
			err := call.Do(t.Context(), multiselect.Limits{}, stream)
			if !errors.Is(err, multiselect.ErrNotMultistream) || !slices.Equal(ours.Ended(), []string{how}) {
				t.Errorf("%s: %v, ended %q, want %q", call.Name, err, ours.Ended(), how)
			}
			if _, err := theirs.Read(make([]byte, 100)); err != streamtest.ErrReset {
				t.Errorf("%s: the peer reads %v", call.Name, err)
			}
		}
	}
}

// The stream's own deadlines are the caller's: they end a negotiation that they
// fall into, and are as they were after one that they do not.
func TestCancelStreamDeadline(t *testing.T) {
	for _, call := range apitest.Calls() {
		for _, silent := range []bool{true, false} {
			t.Run(fmt.Sprint(call.Name, " silent ", silent), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					ours, theirs := net.Pipe()
					defer theirs.Close()
					defer ours.Close()
					go io.Copy(io.Discard, theirs)
					ours.SetDeadline(start.Add(5 * time.Second))
					if !silent {
						go io.WriteString(theirs, strings.Join(call.Peer, ""))
					}
					err := call.Do(t.Context(), multiselect.Limits{}, ours)
					if !silent {
						if err != nil || time.Since(start) != 0 {
							t.Fatal(err, time.Since(start))
						}
						_, err = ours.Read(make([]byte, 1))
					}
					if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Second {
						t.Errorf("%v after %v, the deadline was at five seconds", err, time.Since(start))
					}
				})
			})
		}
	}
}

// A stream that its owner closes in the middle ends the call.
func TestCancelByClose(t *testing.T) {
	for _, call := range apitest.Calls() {
		synctest.Test(t, func(t *testing.T) {
			ours, _ := streamtest.Pipe()
			time.AfterFunc(time.Second, func() { ours.Close() })
			start := time.Now()
			err := call.Do(t.Context(), multiselect.Limits{}, streamtest.Bare(ours))
			e, _ := errors.AsType[*multiselect.Error](err)
			if e == nil || !errors.Is(err, net.ErrClosed) || time.Since(start) != time.Second || e.Blame() != multiselect.BlameLocal {
				t.Errorf("%s: %v after %v", call.Name, err, time.Since(start))
			}
		})
	}
}

// Outside of fake time many negotiations share a timer: each is ended when its own
// time limit expires, in any order in which they begin, and those that succeed
// meanwhile are not.
func TestCancelManyTimeouts(t *testing.T) {
	var all sync.WaitGroup
	for i := range 64 {
		limit := time.Duration(1+i*37%64) * time.Millisecond
		all.Go(func() {
			ours, _ := streamtest.Pipe()
			start := time.Now()
			_, _, err := (&multiselect.Muxer{Limits: multiselect.Limits{Timeout: limit}}).Negotiate(t.Context(), streamtest.Bare(ours))
			if took := time.Since(start); took < limit || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a limit of %v expired after %v with %v", limit, took, err)
			}
			if !slices.Equal(ours.Ended(), []string{"close"}) {
				t.Errorf("the stream was ended %q", ours.Ended())
			}
		})
		all.Go(func() {
			s := streamtest.NewScript(messages("/multistream/1.0.0", apitest.NameA))
			if _, err := new(multiselect.Client).SelectOneOf(background, s, apitest.NameA); err != nil || len(s.Ended) > 0 {
				t.Errorf("%v, ended %q", err, s.Ended)
			}
		})
	}
	all.Wait()
}

// A short time limit that begins after long ones expires before them.
func TestCancelShortTimeoutAfterLong(t *testing.T) {
	const many = 40 // more than there are timers
	var all sync.WaitGroup
	var long []*streamtest.Stream
	for range many {
		ours, _ := streamtest.Pipe()
		long = append(long, ours)
		m := &multiselect.Muxer{Limits: multiselect.Limits{Timeout: time.Hour}}
		all.Go(func() { m.Negotiate(background, streamtest.Bare(ours)) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), streamtest.Patience) // less than a long one
	defer cancel()
	var short sync.WaitGroup
	for range many {
		short.Go(func() {
			ours, _ := streamtest.Pipe()
			err := apitest.SelectOneOf(ctx, multiselect.Limits{Timeout: time.Millisecond}, streamtest.Bare(ours))
			if !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a limit of a millisecond: %v", err)
			}
		})
	}
	short.Wait()
	for _, stream := range long {
		stream.Close()
	}
	all.Wait()
}

// Without a time limit and without a context that can end there is nothing to watch.
func TestCancelNothingToWatch(t *testing.T) {
	for _, call := range apitest.Calls() {
		s := streamtest.NewScript(call.Peer...)
		if err := call.Do(background, multiselect.Limits{Timeout: -1}, s); err != nil || len(s.Ended) > 0 {
			t.Errorf("%s: %v, ended %q", call.Name, err, s.Ended)
		}
	}
}

// A step that failed has ended the stream; the next one does not touch it.
func TestCancelStepsAfterFailure(t *testing.T) {
	s := streamtest.NewScript("no header")
	c := multiselect.NewCommunicator(s)
	cl := new(multiselect.Client)
	if err := cl.Handshake(t.Context(), c); !errors.Is(err, multiselect.ErrNotMultistream) {
		t.Fatal(err)
	}
	reads, writes := s.Reads, s.Writes
	for _, err := range []error{
		cl.Handshake(t.Context(), c), cl.TrySelect(t.Context(), c, apitest.NameA), apitest.List(cl, t.Context(), c),
		apitest.SelectOn(cl, t.Context(), c), apitest.ListAndTrySelect(cl, t.Context(), c),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("after a failure: %v", err)
		}
	}
	if s.Reads != reads || s.Writes != writes || len(s.Ended) != 1 {
		t.Errorf("%d more reads, %d more writes, ended %q", s.Reads-reads, s.Writes-writes, s.Ended)
	}
}
