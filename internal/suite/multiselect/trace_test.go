package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// traced runs a conversation under a transcript.NewTrace and returns what it wrote
// and what Done was told.
func traced(t *testing.T, s *streamtest.Script, call func(context.Context, io.ReadWriteCloser) error) (string, multiselect.Outcome) {
	t.Helper()
	var b strings.Builder
	var outcomes []multiselect.Outcome
	ctx := multiselect.WithTrace(t.Context(), transcript.NewTrace(&b))
	ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) { outcomes = append(outcomes, o) }})
	err := call(ctx, s)
	if len(outcomes) != 1 {
		t.Fatalf("Done was called %d times", len(outcomes))
	}
	if outcomes[0].Err != err {
		t.Errorf("Done was told %v, the caller %v", outcomes[0].Err, err)
	}
	return b.String(), outcomes[0]
}

// golden is a conversation as a transcript.NewTrace writes it down.
type golden struct {
	name      string
	peer      []string
	call      func(context.Context, io.ReadWriteCloser) error
	want      string
	protocol  string
	err       error
	flights   int
	proposals int
}

func selecting(ctx context.Context, s io.ReadWriteCloser) error {
	return apitest.SelectOneOf(ctx, multiselect.Limits{}, s)
}

func listing(ctx context.Context, s io.ReadWriteCloser) error {
	return apitest.ListAndTrySelect(new(multiselect.Client), ctx, multiselect.NewCommunicator(s))
}

func initiatorGoldens() []golden {
	h, a, b, na := say(wire.Header), say(apitest.NameA), say(apitest.NameB), say(wire.NA)
	return []golden{
		{
			name: "initiator agrees on the second", peer: []string{h + na, b}, call: selecting,
			want: `
> /multistream/1.0.0
> /foo/1.0.0
< /multistream/1.0.0
< na
> /bar/2.0.0
< /bar/2.0.0
`, protocol: apitest.NameB, flights: 2, proposals: 2,
		},
		{
			name: "initiator is refused", peer: []string{h + na, na}, call: selecting,
			want: `
> /multistream/1.0.0
> /foo/1.0.0
< /multistream/1.0.0
< na
> /bar/2.0.0
< na
`, err: multiselect.ErrNotSupported, flights: 2, proposals: 2,
		},
		{
			name: "initiator lists", peer: []string{h + say(a+say("/b c/1.0.0")) + a}, call: listing,
			want: `
> /multistream/1.0.0
> ls
> /foo/1.0.0
< /multistream/1.0.0
<
    /foo/1.0.0
    /b c/1.0.0
< /foo/1.0.0
`, protocol: apitest.NameA, flights: 1, proposals: 1,
		},
		{
			name: "initiator meets nonsense", peer: []string{h + "\x00\xff"}, call: selecting,
			want: `
> /multistream/1.0.0
> /foo/1.0.0
< /multistream/1.0.0
<! "\x00\xff"
`, err: multiselect.ErrMalformed, flights: 1, proposals: 1,
		},
		{
			name: "initiator meets another protocol", peer: []string{"HTTP/1.1 400"}, call: selecting,
			want: `
> /multistream/1.0.0
> /foo/1.0.0
<! "HTTP/1.1 400"
`, err: multiselect.ErrNotMultistream, flights: 1, proposals: 1,
		},
	}
}

func responderGoldens(t *testing.T) []golden {
	answering := func(ctx context.Context, s io.ReadWriteCloser) error {
		_, _, err := apitest.Muxer(t, apitest.NameA, "/b c/1.0.0").Negotiate(ctx, s)
		return err
	}
	h, a, ls := say(wire.Header), say(apitest.NameA), say(wire.LS)
	return []golden{
		{
			name: "responder agrees at once", peer: []string{h + a + "payload"}, call: answering,
			want: `
> /multistream/1.0.0
> /foo/1.0.0
< /multistream/1.0.0
< /foo/1.0.0
`, protocol: apitest.NameA, flights: 1, proposals: 1,
		},
		{
			name: "responder says its header alone, lists and refuses", peer: []string{h, ls, say("/nope\n"), a}, call: answering,
			want: `
> /multistream/1.0.0
< /multistream/1.0.0
> ls
<
    /b c/1.0.0
    /foo/1.0.0
> "/nope\n"
< na
> /foo/1.0.0
< /foo/1.0.0
`, protocol: apitest.NameA, flights: 4, proposals: 2,
		},
		{
			name: "responder is left within a message", peer: []string{h + a[:5]}, call: answering,
			want: `
> /multistream/1.0.0
>! "\v/foo"
`, err: io.ErrUnexpectedEOF,
		},
	}
}

func TestTraceGolden(t *testing.T) {
	for _, tt := range append(initiatorGoldens(), responderGoldens(t)...) {
		t.Run(tt.name, func(t *testing.T) {
			s := streamtest.NewScript(tt.peer...)
			got, o := traced(t, s, tt.call)
			want := strings.TrimPrefix(tt.want, "\n")
			if got != want {
				t.Errorf("the transcript is\n%swant\n%s", got, want)
			}
			parsed, err := transcript.Parse([]byte(got))
			if err != nil {
				t.Fatal(err)
			}
			checkTranscript(t, parsed, o.Role, string(s.Written))
			if o.Protocol != tt.protocol || !errors.Is(o.Err, tt.err) || o.WriteErr != nil {
				t.Errorf("outcome %+v", o)
			}
			received := len(strings.Join(tt.peer, "")) - len(s.Rest())
			if o.Flights != tt.flights || o.Proposals != tt.proposals || o.BytesSent != len(s.Written) || o.BytesReceived != received {
				t.Errorf("outcome %+v; %d flights, %d proposals, %d bytes sent, %d received", o, tt.flights, tt.proposals, len(s.Written), received)
			}
		})
	}
}

// checkTranscript: what one side is said to have sent, it sent.
func checkTranscript(t *testing.T, transcript transcript.Transcript, role multiselect.Role, written string) {
	t.Helper()
	var b []byte
	for _, line := range transcript {
		if line.From == role {
			b = line.AppendBytes(b)
		}
	}
	if string(b) != written {
		t.Errorf("the transcript says %q was sent, it was %q", b, written)
	}
}

// Two writes of one side in a row have a blank line between them.
func TestTraceWriteBoundary(t *testing.T) {
	var b strings.Builder
	trace := transcript.NewTrace(&b)
	trace.Sent(multiselect.Responder, []byte(say(wire.Header)))
	trace.Sent(multiselect.Responder, []byte(say(wire.NA, apitest.NameA)))
	trace.Received(multiselect.Responder, []byte(say(apitest.NameB)))
	trace.Received(multiselect.Responder, []byte("\x01"))
	trace.Received(multiselect.Responder, nil)
	want := "< /multistream/1.0.0\n\n< na\n< /foo/1.0.0\n> /bar/2.0.0\n>! \"\\x01\"\n"
	if b.String() != want {
		t.Errorf("wrote\n%swant\n%s", &b, want)
	}
}

// The hooks of a trace are called before those that the context had; hooks
// that are nil are left out, at each level.
func TestTraceComposition(t *testing.T) {
	var calls []string
	trace := func(name string) *multiselect.Trace {
		return &multiselect.Trace{
			Begin:    func(multiselect.Role) { calls = append(calls, name+" begin") },
			Sent:     func(role multiselect.Role, flight []byte) { calls = append(calls, name+" sent") },
			Received: func(role multiselect.Role, message []byte) { calls = append(calls, name+" received") },
			Done:     func(multiselect.Outcome) { calls = append(calls, name+" done") },
		}
	}
	ctx := multiselect.WithTrace(t.Context(), trace("outer"))
	ctx = multiselect.WithTrace(ctx, &multiselect.Trace{})
	ctx = multiselect.WithTrace(ctx, trace("inner"))
	ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: trace("last").Done})
	if _, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(ctx, streamtest.NewScript(say(wire.Header, apitest.NameA))); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"inner begin", "outer begin",
		"inner received", "outer received", // the header
		"inner received", "outer received", // the proposal
		"inner sent", "outer sent",
		"last done", "inner done", "outer done",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q\nwant %q", calls, want)
	}
}

// Every call that tells Done has told Begin before, with the same role, whatever
// becomes of it; nothing has been said by then.
func TestTraceBegin(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, call := range apitest.Calls() {
		for _, parent := range []context.Context{t.Context(), ended} {
			for _, peer := range [][]string{call.Peer, {"x"}, nil} {
				var calls []string
				note := func(format string, args ...any) { calls = append(calls, fmt.Sprintf(format, args...)) }
				ctx := multiselect.WithTrace(parent, &multiselect.Trace{
					Begin:    func(role multiselect.Role) { note("begin %v", role) },
					Sent:     func(multiselect.Role, []byte) { note("said") },
					Received: func(multiselect.Role, []byte) { note("said") },
					Done:     func(o multiselect.Outcome) { note("done %v", o.Role) },
				})
				call.Do(ctx, multiselect.Limits{}, streamtest.NewScript(peer...))
				open := ""
				for i, hook := range calls {
					what, role, _ := strings.Cut(hook, " ")
					switch {
					case what == "begin" && open == "":
						open = role
					case what == "begin", open == "", what == "done" && role != open:
						t.Errorf("%s: hook %d of %q", call.Name, i, calls)
					case what == "done":
						open = ""
					}
				}
				if open != "" || len(calls) < 2 {
					t.Errorf("%s: not done: %q", call.Name, calls)
				}
			}
		}
	}
}

// A context without hooks, or with nil ones, is as good as any.
func TestTraceNil(t *testing.T) {
	for _, trace := range []*multiselect.Trace{nil, {}} {
		for _, call := range apitest.Calls() {
			if err := call.Do(multiselect.WithTrace(t.Context(), trace), multiselect.Limits{}, streamtest.NewScript(call.Peer...)); err != nil {
				t.Errorf("%s: %v", call.Name, err)
			}
		}
	}
}

// A step is traced by the context of that step.
func TestTraceOfSteps(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header, wire.NA), say(wire.NA), say(apitest.NameA))
	c := multiselect.NewCommunicator(s)
	cl := new(multiselect.Client)
	var got []string
	ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(o multiselect.Outcome) {
		got = append(got, fmt.Sprintf("%q %v %d %d %d %d", o.Protocol, errors.Unwrap(o.Err), o.Proposals, o.Flights, o.BytesSent, o.BytesReceived))
	}})
	cl.TrySelect(ctx, c, apitest.NameA)
	cl.TrySelect(t.Context(), c, apitest.NameB) // not traced
	cl.TrySelect(ctx, c, apitest.NameA)
	want := []string{`"" not supported by the peer 1 1 32 24`, `"/foo/1.0.0" <nil> 3 3 56 40`}
	if !slices.Equal(got, want) {
		t.Errorf("outcomes %q\nwant %q", got, want)
	}
}

func TestTraceElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := streamtest.Pipe()
		go func() {
			time.Sleep(3 * time.Second)
			io.WriteString(b, say(wire.Header, apitest.NameA))
		}()
		var elapsed time.Duration
		ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(o multiselect.Outcome) { elapsed = o.Elapsed }})
		if _, err := new(multiselect.Client).SelectOneOf(ctx, streamtest.Bare(a), apitest.NameA); err != nil || elapsed != 3*time.Second {
			t.Errorf("Elapsed = %v, %v", elapsed, err)
		}
		silent, _ := streamtest.Pipe()
		_, err := new(multiselect.Client).SelectOneOf(ctx, streamtest.Bare(silent), apitest.NameA)
		if e, _ := errors.AsType[*multiselect.Error](err); e == nil || e.Elapsed != 10*time.Second {
			t.Errorf("%v", err)
		}
	})
}

// A stream is ended once, also by who does it when the peer has agreed and that is
// being told.
func TestLazyResetByTrace(t *testing.T) {
	a, b := streamtest.Pipe()
	var l *multiselect.LazyStream
	ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(multiselect.Outcome) { l.Reset() }})
	l, err := new(multiselect.Client).Lazy(ctx, a, apitest.NameA)
	if err != nil {
		t.Fatal(err)
	}
	streamtest.MustWrite(t, l, "x")
	streamtest.MustWrite(t, b, wire.HeaderFrame+say(apitest.NameA))
	l.Wait(t.Context())
	l.Reset()
	if ends := a.Ended(); len(ends) != 1 {
		t.Errorf("ended %q", ends)
	}
}

// The trace of what is about to be sent ends with the negotiation, which somebody else
// may end at that moment: nothing for a race detector to find.
func TestLazyResetWhileAnnounced(t *testing.T) {
	for range 100 {
		a, _ := streamtest.Pipe()
		l, err := new(multiselect.Client).Lazy(multiselect.WithTrace(t.Context(), &multiselect.Trace{}), a, apitest.NameA)
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() { l.Flush() })
		both.Go(func() { l.Reset() })
		both.Wait()
	}
}
