package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// The time limit is for the whole call, and is on unless it is negative.
func TestLimitTimeout(t *testing.T) {
	for _, tt := range []struct{ limit, want time.Duration }{
		{0, 10 * time.Second}, {3 * time.Second, 3 * time.Second}, {time.Hour, time.Hour}, {-1, 0},
	} {
		for _, call := range apitest.Calls() {
			t.Run(fmt.Sprint(call.Name, " ", tt.limit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					stream, _ := streamtest.Pipe()
					noLimit := errors.New("a test does not last for ever")
					ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Hour, noLimit)
					defer cancel()
					start := time.Now()
					err := call.Do(ctx, multiselect.Limits{Timeout: tt.limit}, streamtest.Bare(stream))
					took := time.Since(start)
					if tt.want == 0 {
						if took != 2*time.Hour || !errors.Is(err, noLimit) {
							t.Errorf("without a limit it ended after %v with %v", took, err)
						}
						return
					}
					if took != tt.want || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("ended after %v with %v, want %v", took, err, tt.want)
					}
				})
			})
		}
	}
}

// A peer that sends a byte now and then does not extend it.
func TestLimitTimeoutDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Pipe()
		start := time.Now()
		go func() {
			for _, dripped := range streamtest.Bytewise(say(wire.Header, apitest.NameA)) {
				time.Sleep(time.Second)
				io.WriteString(b, dripped)
			}
		}()
		_, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(t.Context(), streamtest.Bare(a))
		if took := time.Since(start); took != 10*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended after %v with %v", took, err)
		}
		time.Sleep(time.Minute)
	})
}

// limitCase is a conversation that a limit allows or ends.
type limitCase struct {
	name   string
	limits multiselect.Limits
	peer   []string // chunks
	want   error
}

const all = -1 // no limit

func TestLimitsOfResponder(t *testing.T) {
	h, a, x, ls := say(wire.Header), say(apitest.NameA), say("/nope"), say(wire.LS)
	message := func(n int) string { return say(strings.Repeat("m", n-1)) }
	manyBytes := strings.Repeat(message(1024), 63) + message(884) // 64 KiB with A
	for _, tt := range []limitCase{
		{"message, default", multiselect.Limits{}, []string{h + message(1024) + a}, nil},
		{"message, default", multiselect.Limits{}, []string{h + message(1025) + a}, multiselect.ErrTooLarge},
		{"message of 32", multiselect.Limits{MaxMessage: 32}, []string{h + message(32) + a}, nil},
		{"message of 32", multiselect.Limits{MaxMessage: 32}, []string{h + message(33) + a}, multiselect.ErrTooLarge},
		{"message, none", multiselect.Limits{MaxMessage: all}, []string{h + message(16383) + a}, nil},
		{"message, none", multiselect.Limits{MaxMessage: all}, []string{h + message(16384) + a}, multiselect.ErrTooLarge},
		{"message, beyond", multiselect.Limits{MaxMessage: 1 << 20}, []string{h + message(16384) + a}, multiselect.ErrTooLarge},

		// The proposal that is agreed to counts too.
		{"proposals, default", multiselect.Limits{}, []string{h + strings.Repeat(x, 127) + a}, nil},
		{"proposals, default", multiselect.Limits{}, []string{h + strings.Repeat(x, 129) + a}, multiselect.ErrLimit},
		{"2 proposals", multiselect.Limits{MaxProposals: 2}, []string{h + x + a}, nil},
		{"2 proposals", multiselect.Limits{MaxProposals: 2}, []string{h + x + x + x + a}, multiselect.ErrLimit},
		{"proposals, none", multiselect.Limits{MaxProposals: all}, []string{h + strings.Repeat(x, 5000) + a}, nil},

		{"bytes, default", multiselect.Limits{}, []string{h + manyBytes + a}, nil},
		{"bytes, default", multiselect.Limits{}, []string{h + manyBytes + say("") + a}, multiselect.ErrLimit},
		{"30 bytes", multiselect.Limits{MaxBytes: 30}, []string{h + x + x + a}, nil},
		{"30 bytes", multiselect.Limits{MaxBytes: 30}, []string{h + x + x + x + a}, multiselect.ErrLimit},
		{"30 bytes of ours", multiselect.Limits{MaxBytes: 30}, []string{h + strings.Repeat(say(""), 7) + a}, nil},
		{"30 bytes of ours", multiselect.Limits{MaxBytes: 30}, []string{h + strings.Repeat(say(""), 8) + a}, multiselect.ErrLimit},
		{"bytes, none", multiselect.Limits{MaxBytes: all, MaxProposals: all}, []string{h + strings.Repeat(manyBytes, 3) + a}, nil},

		{"lists are no proposals", multiselect.Limits{MaxProposals: 1}, []string{h + ls + ls + a}, nil},
		{"the ninth is one", multiselect.Limits{MaxProposals: 1}, []string{h + strings.Repeat(ls, 10) + a}, multiselect.ErrLimit},
		{"message shorter than the header", multiselect.Limits{MaxMessage: 12}, []string{h + a}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &multiselect.Muxer{Limits: tt.limits}
			if err := m.AddHandler(apitest.NameA, apitest.NoHandler); err != nil {
				t.Fatal(err)
			}
			s := streamtest.NewScript(tt.peer...)
			_, _, err := m.Negotiate(context.Background(), s)
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("%v, want %v", err, tt.want)
			}
			// It is the peer who says too much.
			if e, ok := errors.AsType[*multiselect.Error](err); ok && e.Blame() != multiselect.BlamePeer {
				t.Errorf("%v: blame %v", err, e.Blame())
			}
		})
	}
}

func TestLimitsOfInitiator(t *testing.T) {
	h, a, na := say(wire.Header), say(apitest.NameA), say(wire.NA)
	message := func(n int) string { return say(strings.Repeat("m", n-1)) }
	for _, tt := range []limitCase{
		{"message, default", multiselect.Limits{}, []string{h + message(1024)}, multiselect.ErrUnexpectedAnswer},
		{"message, default", multiselect.Limits{}, []string{h + message(1025)}, multiselect.ErrTooLarge},
		{"message of 32", multiselect.Limits{MaxMessage: 32}, []string{h + message(33)}, multiselect.ErrTooLarge},
		{"message, none", multiselect.Limits{MaxMessage: all}, []string{h + message(16383)}, multiselect.ErrUnexpectedAnswer},
		{"message, none", multiselect.Limits{MaxMessage: all}, []string{h + message(16384)}, multiselect.ErrTooLarge},
		{"unsendable", multiselect.Limits{MaxMessage: 10}, nil, multiselect.ErrInvalidName},
		{"1 proposal", multiselect.Limits{MaxProposals: 1}, nil, multiselect.ErrLimit},
		{"2 proposals", multiselect.Limits{MaxProposals: 2}, []string{h + a}, nil},
		{"proposals, none", multiselect.Limits{MaxProposals: all}, []string{h + a}, nil},
		{"bytes for one", multiselect.Limits{MaxBytes: 12}, []string{h, na}, multiselect.ErrLimit},
		{"bytes for both", multiselect.Limits{MaxBytes: 24}, []string{h, na, say(apitest.NameB)}, nil},
		{"bytes, none", multiselect.Limits{MaxBytes: all}, []string{h, na, say(apitest.NameB)}, nil},
		{"bytes for less than one", multiselect.Limits{MaxBytes: 11}, []string{h}, multiselect.ErrLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := streamtest.NewScript(tt.peer...)
			err := apitest.SelectOneOf(context.Background(), tt.limits, s)
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if e, ok := errors.AsType[*multiselect.Error](err); ok && errors.Is(err, multiselect.ErrLimit) && e.Blame() != multiselect.BlameLocal {
				t.Errorf("%v: blame %v", err, e.Blame())
			}
			if tt.peer == nil && len(s.Written) > 0 {
				t.Errorf("%q was sent", s.Written)
			}
			if err != nil && len(s.Ended) != 1 {
				t.Errorf("ended %q", s.Ended)
			}
		})
	}
}

// manyNames returns n names of 11 bytes, which take 13 each in a list.
func manyNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("/list/%05d", i))
	}
	return names
}

func TestLimitsOfList(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits multiselect.Limits
		names  int
		fits   bool
	}{
		{"names, default", multiselect.Limits{}, 1000, true},
		{"names, default", multiselect.Limits{}, 1001, false},
		{"3 names", multiselect.Limits{MaxListNames: 3}, 3, true},
		{"3 names", multiselect.Limits{MaxListNames: 3}, 4, false},
		{"names, none", multiselect.Limits{MaxListNames: all}, 5000, true},
		{"bytes, default", multiselect.Limits{MaxListNames: all}, 5041, true},
		{"bytes, default", multiselect.Limits{MaxListNames: all}, 5042, false},
		{"40 bytes", multiselect.Limits{MaxListBytes: 40}, 3, true},
		{"39 bytes", multiselect.Limits{MaxListBytes: 39}, 3, false},
		{"bytes, none", multiselect.Limits{MaxListBytes: all, MaxListNames: all}, 10_000, true},
		{"bytes, beyond", multiselect.Limits{MaxListBytes: 1 << 30, MaxListNames: all}, 10_000, true},
	} {
		t.Run(fmt.Sprint(tt.name, " ", tt.names), func(t *testing.T) {
			m := apitest.Muxer(t, manyNames(tt.names)...)
			m.Limits = tt.limits
			list := wire.AppendList(nil, manyNames(tt.names))
			// The responder says the list, or na.
			s := streamtest.NewScript(say(wire.Header, wire.LS, "/list/00000"))
			if _, _, err := m.Negotiate(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			want := say(wire.Header, wire.NA, "/list/00000")
			if tt.fits {
				want = say(wire.Header) + string(list) + say("/list/00000")
			}
			if string(s.Written) != want {
				t.Errorf("said %d bytes %.60q, want %d", len(s.Written), s.Written, len(want))
			}
			// The initiator takes it, or not.
			cl := multiselect.Client{Limits: tt.limits}
			got, err := cl.List(context.Background(), multiselect.NewCommunicator(streamtest.NewScript(say(wire.Header)+string(list))))
			if tt.fits && (err != nil || len(got.Names) != tt.names) || !tt.fits && err == nil {
				t.Errorf("List = %d names, %v", len(got.Names), err)
			}
		})
	}
}

// The ninth list on one stream is refused like a name (R23).
func TestLimitLists(t *testing.T) {
	list := string(wire.AppendList(nil, []string{apitest.NameA}))
	for _, tt := range []struct{ lists, times, answered int }{{0, 10, 8}, {1, 3, 1}, {all, 50, 50}} {
		m := apitest.Muxer(t, apitest.NameA)
		m.Limits.MaxLists = tt.lists
		s := streamtest.NewScript(say(wire.Header) + strings.Repeat(say(wire.LS), tt.times) + say(apitest.NameA))
		if _, _, err := m.Negotiate(context.Background(), s); err != nil {
			t.Fatal(err)
		}
		want := say(wire.Header) + strings.Repeat(list, tt.answered) + strings.Repeat(say(wire.NA), tt.times-tt.answered) + say(apitest.NameA)
		if string(s.Written) != want {
			t.Errorf("%d lists: said %q, want %q", tt.lists, s.Written, want)
		}
	}
}

// A protocol that is listed twice is proposed, and counted, once.
func TestLimitDuplicates(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header, wire.NA), say(apitest.NameB))
	cl := multiselect.Client{Limits: multiselect.Limits{MaxProposals: 2}}
	protocol, err := cl.SelectOneOf(context.Background(), s, apitest.NameA, apitest.NameA, apitest.NameB, apitest.NameA)
	if want := say(wire.Header, apitest.NameA, apitest.NameB); protocol != apitest.NameB || err != nil || string(s.Written) != want {
		t.Errorf("%q, %v; said %q, want %q", protocol, err, s.Written, want)
	}
	s = streamtest.NewScript(say(wire.Header, wire.NA), say(wire.NA))
	_, err = cl.SelectOneOf(context.Background(), s, apitest.NameA, apitest.NameA, apitest.NameB, apitest.NameA)
	e, _ := errors.AsType[*multiselect.Error](err)
	if e == nil || !errors.Is(err, multiselect.ErrNotSupported) {
		t.Fatal(err)
	}
	if want := []string{apitest.NameA, apitest.NameB}; !slices.Equal(e.Protocols, want) {
		t.Errorf("Protocols = %q, want %q", e.Protocols, want)
	}
}

// "ls" counts as bytes, and there may be none for it.
func TestLimitBytesForList(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header))
	err := apitest.ListAndTrySelect(&multiselect.Client{Limits: multiselect.Limits{MaxBytes: 3}}, context.Background(), multiselect.NewCommunicator(s))
	if !errors.Is(err, multiselect.ErrLimit) || s.Writes > 0 || len(s.Ended) != 1 {
		t.Errorf("%v, %d writes, ended %q", err, s.Writes, s.Ended)
	}
}

// Proposals count across the steps on one Communicator.
func TestLimitAcrossSteps(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header)+say(wire.NA), say(wire.NA), say(wire.NA))
	c := multiselect.NewCommunicator(s)
	cl := multiselect.Client{Limits: multiselect.Limits{MaxProposals: 2}}
	for i, want := range []error{multiselect.ErrNotSupported, multiselect.ErrNotSupported, multiselect.ErrLimit} {
		if err := cl.TrySelect(context.Background(), c, apitest.NameA); !errors.Is(err, want) {
			t.Errorf("proposal %d: %v, want %v", i+1, err, want)
		}
	}
	if len(s.Ended) != 1 || s.Writes != 2 {
		t.Errorf("%d writes, ended %q", s.Writes, s.Ended)
	}
}
