package fuzz_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Options of FuzzResponder, one a bit.
const (
	fuzzNoList = 1 << iota
	fuzzMatchers
	fuzzSmallLimits
	fuzzOnlyLong
	fuzzOneByteName
	fuzzOver
	fuzzHandshakeFirst
)

var longName = "/" + strings.Repeat("L", 200)

// responderUnderFuzz returns the same configuration twice: as a muxer and as a
// model.
func responderUnderFuzz(t testing.TB, options byte) (*multiselect.Muxer, *responderModel) {
	r := &responderModel{
		names:  []string{"/bar/2.0.0", "/foo/1.0.0", "/foo/bar1", longName, "svc/raw"},
		noList: options&fuzzNoList != 0,
		limits: multiselect.Limits{MaxMessage: 1024, MaxProposals: 128, MaxBytes: 64 << 10, MaxListBytes: 64 << 10, MaxListNames: 1000, MaxLists: 8},
	}
	if options&fuzzOnlyLong != 0 {
		r.names = []string{longName}
	}
	if options&fuzzOneByteName != 0 {
		r.names = append(r.names, "x")
	}
	if options&fuzzSmallLimits != 0 {
		r.limits = multiselect.Limits{MaxMessage: 205, MaxProposals: 3, MaxBytes: 250, MaxListBytes: 250, MaxListNames: 5, MaxLists: 1}
	}
	slices.Sort(r.names)
	m := apitest.Muxer(t, r.names...)
	m.NoList, m.Limits = r.noList, r.limits
	r.shortest = len(frame(slices.MinFunc(r.names, func(a, b string) int { return len(a) - len(b) })))
	if r.matchers = options&fuzzMatchers != 0; r.matchers {
		r.shortest = min(r.shortest, len(frame("/")))
		for _, matcher := range []multiselect.Matcher{
			multiselect.MatchFunc("three bytes", threeLong),
			multiselect.MatchPrefix("/pre/"),
			multiselect.MatchMajor("/maj/1.0.0"),
		} {
			if err := m.AddMatcher(matcher, apitest.NoHandler); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m, r
}

// cut makes chunks of what is said; the sizes come around again.
func cut(said string, sizes []byte) (chunks []string) {
	for i := 0; said != ""; i++ {
		n := len(said)
		if len(sizes) > 0 {
			n = min(n, 1+int(sizes[i%len(sizes)]))
		}
		chunks = append(chunks, said[:n])
		said = said[n:]
	}
	return chunks
}

// FuzzResponder lets a peer say anything, in pieces of any size. The responder
// has to select what the model selects, say what it says, and read no byte of
// what follows.
func FuzzResponder(f *testing.F) {
	for _, said := range responderSeeds() {
		f.Add(byte(0), []byte(said), []byte(nil))
		f.Add(byte(fuzzMatchers|fuzzOneByteName), []byte(said), []byte{0})
		f.Add(byte(fuzzSmallLimits|fuzzOver), []byte(said), []byte{19, 0, 200})
		f.Add(byte(fuzzHandshakeFirst|fuzzNoList), []byte(said), []byte{4, 40})
	}
	// What fuzzing has found: a list that does not fit is refused with the same
	// "na" as a name; the proposal that is agreed to counts.
	f.Add(byte(fuzzSmallLimits|fuzzOneByteName), []byte(messages(wire.Header, wire.LS)), []byte{47})
	f.Add(byte(fuzzSmallLimits), []byte(messages(wire.Header, "", "", "", "/foo/1.0.0")), []byte{3, 39})
	f.Fuzz(func(t *testing.T, options byte, said, sizes []byte) {
		if len(said) > 4096 {
			t.Skip("the model is quadratic")
		}
		m, model := responderUnderFuzz(t, options)
		s := streamtest.NewScript(cut(string(said), sizes)...)
		heard := func() string { return string(said[:len(said)-len(s.Rest())]) }
		s.OnRead = func(p []byte) {
			before := model.respond(heard())
			switch {
			case before.over():
				t.Fatalf("a Read after %q, which had decided it: %q %v", heard(), before.selected, before.err)
			case string(s.Written) == "" && before.said == modelHeader && before.pos < len(heard()):
				// A proposal has begun to arrive: the header may wait for it.
			case string(s.Written) != before.said:
				t.Fatalf("it reads with words unsaid: after %q it said %q, want %q", heard(), s.Written, before.said)
			}
			checkCap(t, p, heard(), before.pos, model.shortest, model.limits.MaxMessage)
		}
		selected, err := respondOnce(m, s, options)
		want := model.respond(heard())
		if s.Rest() == "" {
			want = want.atEnd(heard())
		}
		checkEnd(t, s, selected, err, want)
	})
}

// checkCap: no Read may ask for more than can belong to the negotiation, or
// make room for what the peer only announces.
func checkCap(t *testing.T, p []byte, heard string, pos, shortest, limit int) {
	end := pos + max(shortest, parse(heard[pos:], limit).size)
	if pos == 0 {
		end = len(modelHeader) + shortest
	}
	if n := len(heard) + len(p); n > max(end, len(heard)+1) {
		t.Fatalf("after %q a Read of %d bytes, where %d may be read", heard, len(p), end-len(heard))
	}
	if room := max(1046, 4*len(heard)); len(p) > room {
		t.Fatalf("after %d bytes room for %d", len(heard), len(p))
	}
}

func respondOnce(m *multiselect.Muxer, s io.ReadWriteCloser, options byte) (selected string, err error) {
	ctx := context.Background()
	if options&(fuzzOver|fuzzHandshakeFirst) == 0 {
		selected, _, err = m.Negotiate(ctx, s)
		return selected, err
	}
	c := multiselect.NewCommunicator(s)
	if options&fuzzHandshakeFirst != 0 {
		if err := m.Handshake(ctx, c); err != nil {
			return "", err
		}
	}
	selected, _, err = m.NegotiateOn(ctx, c)
	return selected, err
}

// checkEnd compares how a call ended with what the model says.
func checkEnd(t *testing.T, s *streamtest.Script, selected string, err error, want progress) {
	t.Helper()
	if selected != want.selected || (err == nil) != (want.err == nil) {
		t.Fatalf("selected %q, %v; want %q, %v", selected, err, want.selected, want.err)
	}
	if err == nil {
		if string(s.Written) != want.said || len(s.Ended) != 0 {
			t.Fatalf("selected %q; said %q, want %q; ended %q", selected, s.Written, want.said, s.Ended)
		}
		return
	}
	if !errors.Is(err, want.err) {
		t.Fatalf("failed with %v, want %v", err, want.err)
	}
	for _, other := range []error{
		multiselect.ErrNotSupported, multiselect.ErrNotMultistream, multiselect.ErrUnexpectedAnswer, multiselect.ErrMalformed,
		multiselect.ErrTooLarge, multiselect.ErrLimit, multiselect.ErrGaveUp, io.EOF, io.ErrUnexpectedEOF,
	} {
		if other != want.err && errors.Is(err, other) {
			t.Fatalf("failed with %v, which is also %v", err, other)
		}
	}
	if len(s.Ended) != 1 {
		t.Fatalf("failed with %v; ended %q", err, s.Ended)
	}
	if !strings.HasPrefix(want.said, string(s.Written)) {
		t.Fatalf("failed with %v; said %q, want no more than %q", err, s.Written, want.said)
	}
}

// responderSeeds are the cases of a responder under test in the reference:
// what implementations in the field get wrong.
func responderSeeds() []string {
	h, a, b, x := wire.HeaderFrame, messages("/foo/1.0.0"), messages("/bar/2.0.0"), messages("/nope")
	na, ls := messages(wire.NA), messages(wire.LS)
	seeds := []string{
		"", "\n", h[:10], h, h + a, h + a + "hello", h + a + b + na + ls + h, h + x + a, h + x + b + a,
		h + messages("/libp2p/simultaneous-connect") + a, h + strings.Repeat(x, 130) + a, h + x, h + x + "\x00", h + x + "GET",
		h + ls + a, h + strings.Repeat(ls, 9) + a, h + ls, a, messages("/multistream/1.1.0") + a, messages("/multistream/2.0.0"), ls,
		"\x12/multistream/1.0.0" + a, h + h + a, "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01", h + "\x00" + a,
		h + "\x04/foo", h + messages("/foo/1.0.0\n"), h + messages("/foo/1.0.0 "), h + messages("/FOO/1.0.0") + messages("/foo/1.0.0/") + a,
		h + messages("/a") + messages("/x/1.0.0-rc1") + a, h + messages("nope") + a, h + messages("svc/raw"), h + messages("/\xff\xfe") + a,
		h + messages(longName) + "x", h + messages(strings.Repeat("a", 1023)) + a, h + messages(strings.Repeat("a", 1024)) + a,
		h + "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", h + strings.Repeat("\x80", 64), "\x93\x00" + h[1:] + a, h + "\x8b\x00" + a[1:],
		h + a[:5], h + "\x80\x08a", h + messages("") + a, h + messages("a\nb") + a, h + messages(wire.Header) + messages(wire.NA) + a, h + a + a,
		h + messages("/foo/bar1") + "\x0a", h + messages("x"), h + messages("/maj/1"), h + messages("/maj/1.2.3") + "!", h + messages("/maj/2.0.0") + a,
		h + messages("/pre/anything"), h + messages("abc") + "abc", h + messages("/maj/01") + messages("/maj/1.2.3.4") + a, h + ls + x,
	}
	return seeds
}
