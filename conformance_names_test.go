package multiselect_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Here the library is the responder, and the names it answers to are more or
// other than five.

// labelled stands for handlers of which one has to be told from the others.
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
	id, why   string
	matchers  []multiselect.Matcher // in the order of registration
	proposals []string
	answer    string // of the handler: which matcher, which protocol
}{
	{
		"R76", "a function that accepts",
		[]multiselect.Matcher{multiselect.MatchFunc("1.*", hasPart("/1."))},
		[]string{"/foo/2.0.0", "/foo/1.9.9"},
		"*1.* /foo/1.9.9",
	},
	{
		"R76", "versions of the same major number",
		[]multiselect.Matcher{multiselect.MatchMajor("/foo/1.2.0")},
		[]string{"/foo/2.0.0", "/foo/1.2.0-rc1", "/foo/1.9.9"},
		"/foo/1.* /foo/1.9.9",
	},
	{
		"R76", "a prefix",
		[]multiselect.Matcher{multiselect.MatchPrefix("/foo/")},
		[]string{"/foo", "/fo/1.0.0", "/foo/"},
		"/foo/* /foo/",
	},
	{
		"R76", "na, ls, the header and what cannot be a name are asked of no function",
		[]multiselect.Matcher{multiselect.MatchFunc("all", func(string) bool { return true })},
		[]string{"na", wire.Header, "", "/a\nb", "x"},
		"*all x",
	},
	{
		"R77", "the function that was registered first",
		[]multiselect.Matcher{multiselect.MatchFunc("foo", hasPart("foo")), multiselect.MatchFunc("/1", hasPart("/1"))},
		[]string{"/foo/1.0.0"},
		"*foo /foo/1.0.0",
	},
	{
		"R77", "the same the other way round",
		[]multiselect.Matcher{multiselect.MatchFunc("/1", hasPart("/1")), multiselect.MatchFunc("foo", hasPart("foo"))},
		[]string{"/foo/1.0.0"},
		"*/1 /foo/1.0.0",
	},
	{
		"R77", "the major version goes before prefixes and functions",
		[]multiselect.Matcher{multiselect.MatchFunc("foo", hasPart("foo")), multiselect.MatchPrefix("/foo/1"), multiselect.MatchMajor("/foo/1.0.0")},
		[]string{"/foo/1.9.9"},
		"/foo/1.* /foo/1.9.9",
	},
	{
		"R77", "the longest prefix goes first, and before functions",
		[]multiselect.Matcher{multiselect.MatchFunc("foo", hasPart("foo")), multiselect.MatchPrefix("/f"), multiselect.MatchPrefix("/foo")},
		[]string{"/foo/1.9.9"},
		"/foo* /foo/1.9.9",
	},
	{
		"R77", "a name goes before all matchers",
		[]multiselect.Matcher{multiselect.MatchMajor("/exact/1.0.0"), multiselect.MatchPrefix("/exact")},
		[]string{"/exact/1.0.0"},
		"name /exact/1.0.0",
	},
}

func TestResponderMatches(t *testing.T) {
	for _, tt := range overlapping {
		t.Run(tt.id+" "+tt.why, func(t *testing.T) {
			eachWay(t, responderUsages, func(t *testing.T, u usage, via transport) {
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

// answers returns what a peer receives that proposes all in one write.
func answers(t *testing.T, m *multiselect.Muxer, u usage, via transport, proposals ...string) string {
	t.Helper()
	x := newExchange(t, &conversation{}, multiselect.Responder, u, via)
	p := x.begin()
	defer guard(t, x.stream, p.conn)()
	m.Unbuffered = via.unbuffered
	x.server = m
	var library sync.WaitGroup
	library.Go(x.speak)
	if err := p.write(messages(append([]string{wire.Header}, proposals...)...)); err != nil {
		t.Error(err)
	}
	library.Wait()
	if x.err != nil {
		t.Error(x.err)
	}
	p.awaitEnd()
	p.reset()
	return p.received()
}

func messages(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = wire.AppendMessage(b, text)
	}
	return string(b)
}

// R74, R75: the table of the moment decides, also between two proposals.
func TestResponderChanges(t *testing.T) {
	const added = "/new/1.0.0"
	for _, tt := range []struct {
		id, why, proposal string
		change            func(*multiselect.Muxer)
		answer            string
	}{
		{
			"R74", "added between proposals", added,
			func(m *multiselect.Muxer) { m.AddHandler(added, labelled("added")) },
			"\x0b/new/1.0.0\nadded /new/1.0.0",
		},
		{
			"R74", "a matcher added between proposals", added,
			func(m *multiselect.Muxer) { m.AddMatcher(multiselect.MatchPrefix("/n"), labelled("added")) },
			"\x0b/new/1.0.0\nadded /new/1.0.0",
		},
		{
			"R74", "replaced between proposals", protocolA,
			func(m *multiselect.Muxer) { m.ReplaceHandler(protocolA, labelled("other")) },
			"\x0b/foo/1.0.0\nother /foo/1.0.0",
		},
		{
			"R75", "removed between proposals", protocolA,
			func(m *multiselect.Muxer) { m.RemoveHandler(protocolA) },
			"\x03na\n",
		},
	} {
		t.Run(tt.id+" "+tt.why, func(t *testing.T) {
			eachWay(t, responderUsages, func(t *testing.T, u usage, via transport) {
				x := newExchange(t, &conversation{}, multiselect.Responder, u, via)
				p := x.begin()
				defer guard(t, x.stream, p.conn)()
				var library sync.WaitGroup
				library.Go(x.speak)
				before := wire.HeaderFrame + "\x03na\n"
				p.write(wire.HeaderFrame + messages("/nope"))
				p.await(len(before))
				tt.change(x.server)
				p.write(messages(tt.proposal))
				p.await(len(before + tt.answer))
				p.closeWrite()
				library.Wait()
				p.awaitEnd()
				p.reset()
				if got := p.received(); got != before+tt.answer {
					t.Errorf("the peer received %q, want %q", got, before+tt.answer)
				}
			})
		})
	}
}

// R74: a name is added that is so short that the read which is waiting may go
// beyond it. What is behind it must not be lost: it is refused, or all is served.
func TestResponderChangesWhileReading(t *testing.T) {
	eachWay(t, responderUsages, func(t *testing.T, u usage, via transport) {
		x := newExchange(t, &conversation{}, multiselect.Responder, u, via)
		p := x.begin()
		defer guard(t, x.stream, p.conn)()
		var library sync.WaitGroup
		library.Go(x.speak)
		p.write(wire.HeaderFrame)
		p.await(len(wire.HeaderFrame))
		if err := x.server.AddHandler("/x", x.serve); err != nil {
			t.Error(err)
		}
		p.write("\x03/x\nbehind")
		refused, served := wire.HeaderFrame+"\x03na\n", wire.HeaderFrame+"\x03/x\n"+greeting("/x")+"behind"
		p.await(len(refused))
		if p.received() != refused {
			p.await(len(served))
		}
		p.closeWrite()
		library.Wait()
		p.awaitEnd()
		p.reset()
		if got := p.received(); got != refused && got != served {
			t.Errorf("the peer received %q, want %q or %q", got, refused, served)
		}
	})
}

// R79: for information, what the last of many names costs.
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
	for _, via := range transports {
		start := time.Now()
		got := answers(t, m, responderUsages[0], via, "/service/1.0.0", last)
		t.Logf("over %s: %v for a refusal and the last of %d names", via.name, time.Since(start), count)
		if want := wire.HeaderFrame + "\x03na\n" + messages(last) + "many " + last; got != want {
			t.Errorf("the peer received %q, want %q", got, want)
		}
	}
}
