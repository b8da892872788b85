package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// fact is something that goes wrong, and the error that every call returns for it.
type fact struct {
	name    string
	peer    string // what the peer says, before end
	end     error  // what Read returns then, io.EOF if nil
	phase   int    // from which phase on it can be: 0 header, 1 later
	want    error
	also    error // a second value that has to be reachable
	blame   multiselect.Blame
	timeout bool
	text    string // a part of the message
}

// peerClosed is an error like those of quic-go, which wrap [net.ErrClosed] for both sides.
type peerClosed struct{}

func (peerClosed) Error() string { return "closed by the peer" }

func (peerClosed) Unwrap() error { return net.ErrClosed }

func facts() []fact {
	h := say(wire.Header)
	const none, peer, slow, local = multiselect.BlameNone, multiselect.BlamePeer, multiselect.BlameSlowPeer, multiselect.BlameLocal
	return []fact{
		{name: "left at once", want: io.EOF, blame: none, text: "read: EOF"},
		{name: "left in the header", peer: h[:7], want: io.ErrUnexpectedEOF, blame: none, text: `peer sent "\x13/multi": read: unexpected EOF`},
		{name: "other version", peer: say("/multistream/2.0.0"), want: multiselect.ErrNotMultistream, blame: peer, text: "multistream/2"},
		{name: "another protocol", peer: "HTTP/1.1 400\r\n", want: multiselect.ErrNotMultistream, blame: peer, text: `peer sent "H": the peer does not speak`},
		{name: "deadline of the stream", end: os.ErrDeadlineExceeded, want: os.ErrDeadlineExceeded, blame: slow, timeout: true},
		{name: "closed meanwhile", end: net.ErrClosed, want: net.ErrClosed, blame: local},
		{name: "closed meanwhile, by a socket", end: &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}, want: net.ErrClosed, blame: local},
		{name: "the peer closed its connection, as QUIC says it", end: peerClosed{}, want: net.ErrClosed, blame: none, text: "closed by the peer"},
		{
			name: "connection reset", end: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
			want: syscall.ECONNRESET, blame: none, text: "connection reset by peer",
		},
		{name: "left after the header", peer: h, phase: 1, want: io.ErrUnexpectedEOF, blame: none},
		{name: "left in a message", peer: h + "\x0b/foo", phase: 1, want: io.ErrUnexpectedEOF, blame: none, text: `"\v/foo"`},
		{name: "zero length", peer: h + "\x00", phase: 1, want: multiselect.ErrMalformed, also: wire.ErrMalformed, blame: peer, text: `peer sent "\x00"`},
		{name: "no newline", peer: h + "\x02ab", phase: 1, want: multiselect.ErrMalformed, blame: peer, text: "no newline"},
		{name: "not minimal", peer: h + "\x8b\x00", phase: 1, want: multiselect.ErrMalformed, blame: peer, text: "not minimal"},
		{name: "too large", peer: h + "\xff\xff\xff\x7f", phase: 1, want: multiselect.ErrTooLarge, also: wire.ErrTooLarge, blame: peer, text: `peer sent "\xff`},
		{
			name: "reset after the header", peer: h, phase: 1, end: syscall.ECONNRESET,
			want: syscall.ECONNRESET, blame: none, text: "connection reset by peer",
		},
	}
}

// The same fact is the same value in both roles and in every call.
func TestErrorsSameFactSameValue(t *testing.T) {
	for _, fact := range facts() {
		for _, call := range apitest.Calls() {
			if fact.phase > 0 && strings.Contains(call.Name, "Handshake") {
				continue
			}
			t.Run(fact.name+"/"+call.Name, func(t *testing.T) {
				s := streamtest.NewScript(streamtest.Bytewise(fact.peer)...)
				s.End = fact.end
				err := call.Do(context.Background(), multiselect.Limits{}, s)
				checkFact(t, fact, call, err)
				if !slices.Equal(s.Ended, []string{"close"}) {
					t.Errorf("the stream was ended %q", s.Ended)
				}
			})
		}
	}
}

func checkFact(t *testing.T, fact fact, call apitest.Call, err error) {
	t.Helper()
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		t.Fatalf("%T %v is no *Error", err, err)
	}
	if !errors.Is(err, fact.want) || fact.also != nil && !errors.Is(err, fact.also) {
		t.Errorf("%v, want %v", err, fact.want)
	}
	if e.Blame() != fact.blame || e.Timeout() != fact.timeout {
		t.Errorf("%v: blame %v, timeout %v; want %v, %v", err, e.Blame(), e.Timeout(), fact.blame, fact.timeout)
	}
	if e.Role != call.Role || (e.Phase != multiselect.PhaseHeader) != (fact.phase > 0) {
		t.Errorf("%v: role %v, phase %v", err, e.Role, e.Phase)
	}
	if e.BytesReceived != len(fact.peer) && fact.want != multiselect.ErrNotMultistream && fact.want != multiselect.ErrTooLarge {
		t.Errorf("%v: received %d bytes of %d", err, e.BytesReceived, len(fact.peer))
	}
	if !strings.Contains(err.Error(), fact.text) || !strings.HasPrefix(err.Error(), "multiselect: "+call.Role.String()) {
		t.Errorf("the text is %q, want %q in it", err.Error(), fact.text)
	}
}

// What only one role can meet.
func TestErrorsOfInitiator(t *testing.T) {
	h, na := say(wire.Header), say(wire.NA)
	for _, tt := range []struct {
		name, peer string
		want       error
		blame      multiselect.Blame
		text       string
		proposed   []string
	}{
		{"all refused", h + na + na, multiselect.ErrNotSupported, multiselect.BlameNone, "not supported by the peer", []string{apitest.NameA, apitest.NameB}},
		{"another name", h + say("/zzz"), multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer, `peer answered "/zzz": unexpected answer`, []string{apitest.NameA}},
		{"an empty one", h + say(""), multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer, "unexpected answer", []string{apitest.NameA}},
		{"the header again", h + h, multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer, "unexpected answer", []string{apitest.NameA}},
		{"too early", h + na + say(apitest.NameB), multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer, "before the question", nil},
		{"the second is odd", h + na, io.ErrUnexpectedEOF, multiselect.BlameNone, `proposed ["/foo/1.0.0" "/bar/2.0.0"]`, []string{apitest.NameA, apitest.NameB}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := streamtest.NewScript(tt.peer)
			if tt.name == "all refused" {
				s = streamtest.NewScript(h+na, na)
			}
			err := apitest.SelectOneOf(context.Background(), multiselect.Limits{}, s)
			e, ok := errors.AsType[*multiselect.Error](err)
			if !ok || !errors.Is(err, tt.want) || e.Blame() != tt.blame || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("%v (blame %v), want %v, %q", err, e.Blame(), tt.want, tt.text)
			}
			if tt.proposed != nil && !slices.Equal(e.Protocols, tt.proposed) {
				t.Errorf("Protocols = %q, want %q", e.Protocols, tt.proposed)
			}
			if e.BytesSent != len(s.Written) {
				t.Errorf("BytesSent = %d, %d were written", e.BytesSent, len(s.Written))
			}
		})
	}
}

// After "na" the end of the stream is how an initiator leaves (R18), and only that:
// errors of this side are not the peer's choice.
func TestErrorsGaveUp(t *testing.T) {
	h, x := say(wire.Header), say("/nope")
	for _, tt := range []struct {
		name, peer string
		end        error
		want       error
	}{
		{"left", h + x, nil, multiselect.ErrGaveUp},
		{"reset", h + x, syscall.ECONNRESET, multiselect.ErrGaveUp},
		{"left within a message", h + x + "\x0b/foo", nil, multiselect.ErrGaveUp},
		{"went on with something else", h + x + "GET / HTTP/1.1\r\n\r\n" + strings.Repeat("x", 100), nil, multiselect.ErrGaveUp},
		{"went on with zero", h + x + "\x00", nil, multiselect.ErrGaveUp},
		{"is slow", h + x, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{"was closed here", h + x, net.ErrClosed, net.ErrClosed},
		{"was a pipe that was closed here", h + x, io.ErrClosedPipe, io.ErrClosedPipe},
		{"sends nothing, time and again", h + x, io.ErrNoProgress, io.ErrNoProgress},
		{"left after a list", h + x + say(wire.LS), nil, multiselect.ErrListed},
		{"reset after a list", h + say(wire.LS), syscall.ECONNRESET, multiselect.ErrListed},
		{"left within a message after a list", h + say(wire.LS) + "\x0b/foo", nil, io.ErrUnexpectedEOF},
	} {
		for _, call := range []apitest.Call{apitest.Named("Negotiate"), apitest.Named("NegotiateOn"), apitest.Named("ServeStream")} {
			s := streamtest.NewScript(tt.peer)
			s.End = tt.end
			if tt.end == io.ErrNoProgress {
				s.FailRead = func(int, []byte) (int, error, bool) { return 0, nil, s.Rest() == "" }
			}
			err := call.Do(context.Background(), multiselect.Limits{}, s)
			if !errors.Is(err, tt.want) || errors.Is(err, multiselect.ErrGaveUp) != (tt.want == multiselect.ErrGaveUp) {
				t.Errorf("%s, %s: %v, want %v", call.Name, tt.name, err, tt.want)
			}
			if errors.Is(err, multiselect.ErrListed) != (tt.want == multiselect.ErrListed) {
				t.Errorf("%v; want %v", err, tt.want)
			}
			if e, _ := errors.AsType[*multiselect.Error](err); tt.want == multiselect.ErrGaveUp && e.Blame() != multiselect.BlameNone {
				t.Errorf("%s, %s: blame %v", call.Name, tt.name, e.Blame())
			}
		}
	}
}

// A responder's error has the names that it refused, each once, up to a kilobyte.
func TestErrorNamesTheRefused(t *testing.T) {
	long := "/" + strings.Repeat("n", 700)
	s := streamtest.NewScript(say(wire.Header, "/x", "/y", "", long, "/z", long, "/x"))
	_, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(context.Background(), s)
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok || !errors.Is(err, multiselect.ErrGaveUp) {
		t.Fatal(err)
	}
	if want := []string{"/x", "/y", "", long, "/z"}; !slices.Equal(e.Protocols, want) {
		t.Errorf("Protocols = %.100q, want %.100q", e.Protocols, want)
	}
	if text := err.Error(); !strings.Contains(text, `refused ["/x" "/y"`) || len(text) > 500 {
		t.Errorf("the text is %q", text)
	}
}

// The names of an error take 1024 bytes: a name is kept while those before it, as
// messages, and its own bytes fit, on the fast path and on the general one.
func TestErrorNamesTheRefusedUpTo1024Bytes(t *testing.T) {
	first := "/" + strings.Repeat("a", 499)
	room := 1024 - len(say(first))
	for size, want := range map[int]int{room - 1: 2, room: 2, room + 1: 1} {
		second := "/" + strings.Repeat("b", size-1)
		for _, chunks := range [][]string{
			{say(wire.Header, first), say(second)}, // each is read when the last was answered
			{say(wire.Header, first, second)},
			{say(wire.Header), say(first), say(second)},
		} {
			_, _, err := apitest.Muxer(t, apitest.NameA).Negotiate(context.Background(), streamtest.NewScript(chunks...))
			e, ok := errors.AsType[*multiselect.Error](err)
			if want := []string{first, second}[:want]; !ok || !slices.Equal(e.Protocols, want) {
				t.Errorf("%d chunks, %d bytes: the error has %d names, want %d", len(chunks), size, len(e.Protocols), len(want))
			}
		}
	}
}

// What cannot be proposed is refused before a byte is sent.
func TestErrorsOfArguments(t *testing.T) {
	for _, tt := range []struct {
		name      string
		protocols []string
		want      error
	}{
		{"nothing", nil, multiselect.ErrNoProtocols},
		{"empty", []string{apitest.NameA, ""}, multiselect.ErrInvalidName},
		{"na", []string{"na"}, multiselect.ErrInvalidName},
		{"ls", []string{"ls"}, multiselect.ErrInvalidName},
		{"header", []string{wire.Header}, multiselect.ErrInvalidName},
		{"newline", []string{"/a\n"}, multiselect.ErrInvalidName},
		{"too long", []string{strings.Repeat("x", 1024)}, multiselect.ErrInvalidName},
		{"too many", manyNames(129), multiselect.ErrLimit},
	} {
		s := streamtest.NewScript()
		_, err := new(multiselect.Client).SelectOneOf(context.Background(), s, tt.protocols...)
		e, ok := errors.AsType[*multiselect.Error](err)
		if !ok || !errors.Is(err, tt.want) || e.Blame() != multiselect.BlameLocal || len(e.Protocols) > 0 {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if s.Writes+s.Reads > 0 || !slices.Equal(s.Ended, []string{"close"}) {
			t.Errorf("%s: %d writes, %d reads, ended %q", tt.name, s.Writes, s.Reads, s.Ended)
		}
	}
}

// A step refuses a name that cannot be, and goes on with the next.
func TestErrorsOfArgumentsInSteps(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header, apitest.NameA))
	c := multiselect.NewCommunicator(s)
	cl := new(multiselect.Client)
	if err := cl.TrySelect(context.Background(), c, "a\nb"); !errors.Is(err, multiselect.ErrInvalidName) {
		t.Error(err)
	}
	if _, err := cl.ListAndTrySelect(context.Background(), c, ""); !errors.Is(err, multiselect.ErrInvalidName) {
		t.Error(err)
	}
	if s.Writes > 0 || len(s.Ended) > 0 {
		t.Errorf("%d writes, ended %q", s.Writes, s.Ended)
	}
	if err := cl.TrySelect(context.Background(), c, apitest.NameA); err != nil {
		t.Error(err)
	}
}

func TestErrorsOfRegistration(t *testing.T) {
	m := apitest.Muxer(t, "/taken")
	for _, tt := range []struct {
		name    string
		handler multiselect.Handler
		want    error
	}{
		{"", apitest.NoHandler, multiselect.ErrInvalidName},
		{"na", apitest.NoHandler, multiselect.ErrInvalidName},
		{"ls", apitest.NoHandler, multiselect.ErrInvalidName},
		{wire.Header, apitest.NoHandler, multiselect.ErrInvalidName},
		{"/a\nb", apitest.NoHandler, multiselect.ErrInvalidName},
		{strings.Repeat("x", 1024), apitest.NoHandler, multiselect.ErrInvalidName},
		{"/x", nil, multiselect.ErrNoHandler},
		{"/taken", apitest.NoHandler, multiselect.ErrConflict},
		{strings.Repeat("x", 1023), apitest.NoHandler, nil},
		{"no slash", apitest.NoHandler, nil},
	} {
		if err := m.AddHandler(tt.name, tt.handler); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("AddHandler(%.20q): %v, want %v", tt.name, err, tt.want)
		}
	}
	if err := m.ReplaceHandler("/taken", apitest.NoHandler); err != nil {
		t.Error(err)
	}
	if err := m.ReplaceHandler("na", apitest.NoHandler); !errors.Is(err, multiselect.ErrInvalidName) {
		t.Error(err)
	}
	if _, err := multiselect.NewMuxer(map[string]multiselect.Handler{"/a": nil}); !errors.Is(err, multiselect.ErrNoHandler) {
		t.Error(err)
	}
}

// The names of the constants, and what the three errors of the reference are.
func TestErrorsNames(t *testing.T) {
	got := fmt.Sprint(multiselect.PhaseHeader, multiselect.PhaseProposal, multiselect.PhaseList,
		multiselect.BlameNone, multiselect.BlamePeer, multiselect.BlameSlowPeer, multiselect.BlameLocal,
		multiselect.Initiator, multiselect.Responder)
	if want := "header proposal list none peer slow peer local initiator responder"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c := multiselect.NewCommunicator(streamtest.NewScript("\x00"))
	_, err := c.ReadMessage()
	if e, ok := errors.AsType[*multiselect.CommunicatorError](err); !ok || e.Op != "read" || !errors.Is(err, multiselect.ErrMalformed) {
		t.Errorf("Read: %T %v", err, err)
	}
	s := streamtest.NewScript()
	s.FailWrite = func(int, []byte) (int, error, bool) { return 0, syscall.EPIPE, true }
	err = multiselect.NewCommunicator(s).WriteMessages("/a")
	if e, ok := errors.AsType[*multiselect.CommunicatorError](err); !ok || e.Op != "write" || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write: %T %v", err, err)
	}
}

// What the roles forgive a stream (R17), the Communicator's own methods do not.
func TestErrorsOfCommunicatorAfterHandshake(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header))
	c := multiselect.NewCommunicator(s)
	if err := apitest.Muxer(t, apitest.NameA).Handshake(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	s.FailWrite = func(int, []byte) (int, error, bool) { return 0, syscall.EPIPE, true }
	if err := c.WriteMessages(apitest.NameA); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("Write: %v", err)
	}
}
