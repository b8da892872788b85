package conversation_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Here the library is the responder, with other names and matchers than in the cases, or
// with a table that changes during a negotiation.

// labelled returns a handler that writes its label.
func labelled(label string) multiselect.Handler {
	return func(_ context.Context, protocol string, stream io.ReadWriteCloser) {
		io.WriteString(stream, label+" "+protocol)
		stream.Close()
	}
}

func hasPart(part string) func(string) bool {
	return func(protocol string) bool { return strings.Contains(protocol, part) }
}

var overlapping = []struct {
	name      string
	matchers  []multiselect.Matcher // in the order of registration
	proposals []string
	answer    string // of the handler: which matcher, which protocol
}{
	{
		"a function that accepts",
		[]multiselect.Matcher{multiselect.MatchFunc("1.*", hasPart("/1."))},
		[]string{"/foo/2.0.0", "/foo/1.9.9"},
		"*1.* /foo/1.9.9",
	},
	{
		"versions of the same major number",
		[]multiselect.Matcher{multiselect.MatchMajor("/foo/1.2.0")},
		[]string{"/foo/2.0.0", "/foo/1.2.0-rc1", "/foo/1.9.9"},
		"/foo/1.* /foo/1.9.9",
	},
	{
		"a prefix",
		[]multiselect.Matcher{multiselect.MatchPrefix("/foo/")},
		[]string{"/foo", "/fo/1.0.0", "/foo/"},
		"/foo/* /foo/",
	},
	{
		"na, ls, the header and what cannot be a name are asked of no function",
		[]multiselect.Matcher{multiselect.MatchFunc("all", func(string) bool { return true })},
		[]string{"na", wire.Header, "", "/a\nb", "x"},
		"*all x",
	},
	{
		"the function that was registered first",
		[]multiselect.Matcher{multiselect.MatchFunc("foo", hasPart("foo")), multiselect.MatchFunc("/1", hasPart("/1"))},
		[]string{"/foo/1.0.0"},
		"*foo /foo/1.0.0",
	},
	{
		"the function that was registered first, in the other order",
		[]multiselect.Matcher{multiselect.MatchFunc("/1", hasPart("/1")), multiselect.MatchFunc("foo", hasPart("foo"))},
		[]string{"/foo/1.0.0"},
		"*/1 /foo/1.0.0",
	},
	{
		"the major version before prefixes and functions",
		[]multiselect.Matcher{multiselect.MatchFunc("foo", hasPart("foo")), multiselect.MatchPrefix("/foo/1"), multiselect.MatchMajor("/foo/1.0.0")},
		[]string{"/foo/1.9.9"},
		"/foo/1.* /foo/1.9.9",
	},
	{
		"the longest prefix, before functions",
		[]multiselect.Matcher{multiselect.MatchFunc("foo", hasPart("foo")), multiselect.MatchPrefix("/f"), multiselect.MatchPrefix("/foo")},
		[]string{"/foo/1.9.9"},
		"/foo* /foo/1.9.9",
	},
	{
		"a name before all matchers",
		[]multiselect.Matcher{multiselect.MatchMajor("/exact/1.0.0"), multiselect.MatchPrefix("/exact")},
		[]string{"/exact/1.0.0"},
		"name /exact/1.0.0",
	},
}

// A registered name goes first, and then the matchers in their order (R15).
func TestResponderMatches(t *testing.T) {
	for _, tt := range overlapping {
		t.Run(tt.name, func(t *testing.T) {
			eachWay(t, responderUsages, func(t *testing.T, u usage, via streamtest.Transport) {
				m, err := multiselect.NewMuxer(map[string]multiselect.Handler{"/exact/1.0.0": labelled("name")})
				if err != nil {
					t.Fatal(err)
				}
				for _, matcher := range tt.matchers {
					if err := m.AddMatcher(matcher, labelled(matcher.String())); err != nil {
						t.Fatal(err)
					}
				}
				last := len(tt.proposals) - 1
				want := wire.HeaderFrame + strings.Repeat("\x03na\n", last) + messages(tt.proposals[last]) + tt.answer
				if got := answers(t, m, u, via, tt.proposals...); got != want {
					t.Errorf("the peer received %q, want %q", got, want)
				}
			})
		})
	}
}

// answers returns everything that a peer receives which sends all proposals in one write.
func answers(t *testing.T, m *multiselect.Muxer, u usage, via streamtest.Transport, proposals ...string) string {
	t.Helper()
	x, p, done := startWithPeer(t, u, via, m)
	if err := p.Write(messages(append([]string{wire.Header}, proposals...)...)); err != nil {
		t.Error(err)
	}
	<-done
	if x.err != nil {
		t.Error(x.err)
	}
	p.AwaitEnd()
	p.Reset()
	return p.Received()
}

// startWithPeer starts a negotiation of a muxer, or of that of the other tests if it is
// nil.
func startWithPeer(t *testing.T, u usage, via streamtest.Transport, m *multiselect.Muxer) (*exchange, *streamtest.Peer, chan struct{}) {
	t.Helper()
	e := newExchange(t, noCase(multiselect.Responder), u, via)
	x := &e
	ours, theirs := via.Open(t)
	x.stream = ours
	x.prepare()
	if m != nil {
		m.Unbuffered = via.Unbuffered
		x.muxer = m
	}
	stop := guard(t, ours, theirs)
	t.Cleanup(func() { stop(); x.cancel() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.negotiate()
	}()
	return x, streamtest.NewPeer(theirs), done
}

// A proposal is looked up when it is answered, also after a proposal before it (R16).
func TestResponderChanges(t *testing.T) {
	const added = "/new/1.0.0"
	for _, tt := range []struct {
		name, proposal string
		change         func(*multiselect.Muxer)
		answer         string
	}{
		{
			"added between proposals", added,
			func(m *multiselect.Muxer) { m.AddHandler(added, labelled("added")) },
			"\x0b/new/1.0.0\nadded /new/1.0.0",
		},
		{
			"a matcher added between proposals", added,
			func(m *multiselect.Muxer) { m.AddMatcher(multiselect.MatchPrefix("/n"), labelled("added")) },
			"\x0b/new/1.0.0\nadded /new/1.0.0",
		},
		{
			"replaced between proposals", nameA,
			func(m *multiselect.Muxer) { m.ReplaceHandler(nameA, labelled("other")) },
			"\x0b/foo/1.0.0\nother /foo/1.0.0",
		},
		{
			"removed between proposals", nameA,
			func(m *multiselect.Muxer) { m.RemoveHandler(nameA) },
			"\x03na\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachWay(t, responderUsages, func(t *testing.T, u usage, via streamtest.Transport) {
				x, p, done := startWithPeer(t, u, via, nil)
				before := messages(wire.Header, wire.NA)
				p.Write(messages(wire.Header, "/nope"))
				p.Await(len(before))
				tt.change(x.muxer)
				p.Write(messages(tt.proposal))
				p.Await(len(before + tt.answer))
				p.CloseWrite()
				<-done
				p.AwaitEnd()
				p.Reset()
				if got := p.Received(); got != before+tt.answer {
					t.Errorf("the peer received %q, want %q", got, before+tt.answer)
				}
			})
		})
	}
}

// A name is added that is so short that the read which is waiting may read beyond it. The
// bytes after it must not be lost: the name is refused, or everything is served (R12).
func TestResponderChangesWhileReading(t *testing.T) {
	eachWay(t, responderUsages, func(t *testing.T, u usage, via streamtest.Transport) {
		x, p, done := startWithPeer(t, u, via, nil)
		p.Write(wire.HeaderFrame)
		p.Await(len(wire.HeaderFrame))
		if err := x.muxer.AddHandler("/x", x.serve); err != nil {
			t.Error(err)
		}
		p.Write(messages("/x") + "after")
		refused, agreed := messages(wire.Header, wire.NA), messages(wire.Header, "/x")+greeting("/x")+"after"
		p.Await(len(refused))
		if p.Received() != refused {
			p.Await(len(agreed))
		}
		p.CloseWrite()
		<-done
		p.AwaitEnd()
		p.Reset()
		if got := p.Received(); got != refused && got != agreed {
			t.Errorf("the peer received %q, want %q or %q", got, refused, agreed)
		}
	})
}

// The last of many names is found, and the log shows its cost.
func TestResponderKnowsManyNames(t *testing.T) {
	const count = 10_000
	m := new(multiselect.Muxer)
	name := func(i int) string { return fmt.Sprintf("/service/%d/1.0.0", i) }
	for i := range count {
		if err := m.AddHandler(name(i), labelled("many")); err != nil {
			t.Fatal(err)
		}
	}
	last := name(count - 1)
	for _, via := range streamtest.Transports() {
		start := time.Now()
		got := answers(t, m, responderUsages[0], via, "/service/1.0.0", last)
		t.Logf("over %s: %v for a refusal and the last of %d names", via.Name, time.Since(start), count)
		if want := wire.HeaderFrame + "\x03na\n" + messages(last) + "many " + last; got != want {
			t.Errorf("the peer received %q, want %q", got, want)
		}
	}
}
