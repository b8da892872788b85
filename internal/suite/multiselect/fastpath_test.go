package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Where the short way ends, nothing is forgotten of what it knew.

// On a stream without a buffer, the answer to a name that does not fit inline is written
// concurrently with the next read, with a time limit and without (R28).
func TestLongNameOverPipe(t *testing.T) {
	long, known := "/"+strings.Repeat("x", 61), "/"+strings.Repeat("y", 60)
	for _, budget := range []multiselect.Limits{{}, {Timeout: -1}} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			m := &multiselect.Muxer{Limits: budget}
			if err := m.AddHandler(known, apitest.NoHandler); err != nil {
				t.Fatal(err)
			}
			go func() {
				if _, err := a.Write([]byte(wire.HeaderFrame + say(long) + say(known))); err != nil {
					t.Error(err)
				}
				answer := wire.HeaderFrame + say(wire.NA) + say(known)
				if got, err := io.ReadAll(io.LimitReader(a, int64(len(answer)))); string(got) != answer {
					t.Errorf("the answer is %q, %v", got, err)
				}
			}()
			if got, _, err := m.Negotiate(context.Background(), b); got != known || err != nil {
				t.Errorf("Negotiate = %q, %v", got, err)
			}
		})
	}
}

// hooked is a stream on which the peer says one thing, after something has happened.
type hooked struct {
	*streamtest.Stream
	before func()
	says   []string
}

func (h *hooked) Read(p []byte) (int, error) {
	h.before()
	if len(h.says) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, h.says[0])
	if h.says[0] = h.says[0][n:]; h.says[0] == "" {
		h.says = h.says[1:]
	}
	return n, nil
}

// A name that comes while a read waits counts, also if it is shorter than all that
// were there (R16).
func TestShorterNameComesDuringRead(t *testing.T) {
	a, _ := streamtest.Pipe()
	var m multiselect.Muxer
	m.AddHandler("/a-long-protocol/1.0.0", apitest.NoHandler)
	stream := &hooked{a, func() { m.AddHandler("/abc", apitest.NoHandler) }, []string{wire.HeaderFrame + say("/abc")}}
	if got, _, err := m.Negotiate(context.Background(), stream); got != "/abc" || err != nil {
		t.Errorf("Negotiate = %q, %v", got, err)
	}
}

// What has arrived of a proposal is what the error tells, in whatever pieces the
// header came.
func TestCutProposal(t *testing.T) {
	const part = "\x09/a"
	for _, says := range [][]string{
		{wire.HeaderFrame + part},
		{wire.HeaderFrame[:2], wire.HeaderFrame[2:] + part},
		{wire.HeaderFrame[:2], wire.HeaderFrame[2:], part},
	} {
		a, _ := streamtest.Pipe()
		var m multiselect.Muxer
		m.AddHandler("/a-long-protocol/1.0.0", apitest.NoHandler)
		_, _, err := m.Negotiate(context.Background(), &hooked{a, func() {}, says})
		failed, ok := errors.AsType[*multiselect.Error](err)
		if !ok || failed.Phase != multiselect.PhaseProposal || string(failed.Received) != part || failed.BytesReceived != len(wire.HeaderFrame+part) {
			t.Errorf("%q: %+v", says, failed)
		}
	}
}

// The usual flight is recognised without detours, and counts all the same.
func TestUsualFlightCounts(t *testing.T) {
	for _, traced := range []bool{false, true} {
		ctx := context.Background()
		if traced {
			ctx = multiselect.WithTrace(ctx, new(multiselect.Trace))
		}
		for limit, want := range map[int]error{len(say(apitest.NameA)): nil, len(say(apitest.NameA)) - 1: multiselect.ErrLimit} {
			m := apitest.Muxer(t, apitest.NameA)
			m.Limits.MaxBytes = limit
			if _, _, err := m.Negotiate(ctx, streamtest.NewScript(say(wire.Header, apitest.NameA))); !errors.Is(err, want) {
				t.Errorf("responder, %d bytes, traced %v: %v, want %v", limit, traced, err, want)
			}
			cl := multiselect.Client{Limits: multiselect.Limits{MaxBytes: limit}}
			if _, err := cl.SelectOneOf(ctx, streamtest.NewScript(say(wire.Header, apitest.NameA)), apitest.NameA); !errors.Is(err, want) {
				t.Errorf("initiator, %d bytes, traced %v: %v, want %v", limit, traced, err, want)
			}
		}
	}
}

// So it does where the limit has become smaller since the name was registered.
func TestUsualFlightIsLimited(t *testing.T) {
	for _, chunks := range [][]string{{say(wire.Header, apitest.NameA)}, {say(wire.Header), say(apitest.NameA)}} {
		m := apitest.Muxer(t, apitest.NameA)
		m.Limits.MaxMessage = len(apitest.NameA)
		if _, _, err := m.Negotiate(context.Background(), streamtest.NewScript(chunks...)); !errors.Is(err, multiselect.ErrTooLarge) {
			t.Errorf("in %d pieces: %v", len(chunks), err)
		}
	}
}

// The first refusal follows the header (R1, R4), for unknown names of any length and
// wherever the proposal is in the inline buffer when its last byte arrives.
func TestRefusalFollowsHeader(t *testing.T) {
	for length := 1; length <= 130; length++ {
		name := strings.Repeat("x", length)
		for _, known := range []string{"/a", apitest.NameA, "/" + strings.Repeat("y", 30), "/" + strings.Repeat("y", 60)} {
			m := apitest.Muxer(t, known)
			stream := streamtest.NewScript(say(wire.Header, name), say(known))
			got, _, err := m.Negotiate(context.Background(), stream)
			want := say(wire.Header, wire.NA, known)
			if got != known || err != nil || string(stream.Written) != want {
				t.Errorf("%d bytes, %q is known: Negotiate = %q, %v; wrote %.60q, want %.60q",
					length, known, got, err, stream.Written, want)
			}
		}
	}
}

// A peer that leaves within its first proposal has sent its header: the error has the
// phase and the bytes of the proposal, wherever that is cut and in however many Reads
// it arrived.
func TestLeavesWithinProposal(t *testing.T) {
	proposal := say("/unknown/1.0.0")
	for n := 1; n < len(proposal); n++ {
		part := proposal[:n]
		for _, known := range []string{"/a", "/abcd", apitest.NameA} {
			for _, chunks := range [][]string{{wire.HeaderFrame + part}, {wire.HeaderFrame, part}} {
				m := apitest.Muxer(t, known)
				_, _, err := m.Negotiate(context.Background(), streamtest.NewScript(chunks...))
				failed, ok := errors.AsType[*multiselect.Error](err)
				if !ok || failed.Phase != multiselect.PhaseProposal || string(failed.Received) != part {
					t.Errorf("%q is known, %q: %+v", known, chunks, failed)
				}
			}
		}
	}
}

// A Write that returns more than it was given does not count for more than was sent.
func TestImpossibleWriteCount(t *testing.T) {
	for _, traced := range []bool{false, true} {
		ctx := context.Background()
		if traced {
			ctx = multiselect.WithTrace(ctx, new(multiselect.Trace))
		}
		stream := streamtest.NewScript()
		stream.FailWrite = func(_ int, p []byte) (int, error, bool) { return len(p) + 1, nil, true }
		_, err := new(multiselect.Client).SelectOneOf(ctx, stream, apitest.NameA)
		failed, ok := errors.AsType[*multiselect.Error](err)
		if want := len(say(wire.Header, apitest.NameA)); !ok || failed.BytesSent != want {
			t.Errorf("traced %v: %+v, want %d bytes sent", traced, failed, want)
		}
	}
}

// A Read with an impossible count ends the stream with an error of its own, in each Read
// and also after a refusal, where the end of the stream is no fault (R18). The names are
// short, as long as fits in line, and longer.
func TestImpossibleReadCount(t *testing.T) {
	for length := 3; length < 70; length++ {
		name := "/" + strings.Repeat("x", length-1)
		for call := range 2 {
			for _, extra := range []int{-1, 1, 100} {
				impossible := func(n int, p []byte) (int, error, bool) {
					if extra < 0 {
						return extra, nil, n == call
					}
					return len(p) + extra, nil, n == call
				}
				stream := streamtest.NewScript(say(wire.Header, wire.NA))
				stream.FailRead = impossible
				_, err := new(multiselect.Client).SelectOneOf(context.Background(), stream, name, "/b"+name)
				checkImpossible(t, stream, err)

				stream = streamtest.NewScript(say(wire.Header, "/unknown"))
				stream.FailRead = impossible
				_, _, err = apitest.Muxer(t, name).Negotiate(context.Background(), stream)
				checkImpossible(t, stream, err)
			}
		}
	}
}

func checkImpossible(t *testing.T, stream *streamtest.Script, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "impossible count") || errors.Is(err, multiselect.ErrGaveUp) || len(stream.Ended) != 1 {
		t.Errorf("%v, ended %q", err, stream.Ended)
	}
}
