package fault_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// churn adds, replaces and removes names and matchers until it is stopped.
// apitest.NameA has a handler at every moment.
func churn(t *testing.T, m *multiselect.Muxer, h multiselect.Handler, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	name := func() string { return fmt.Sprintf("/%0*d", 1+random.IntN(20), random.IntN(50)) }
	for range 1000 {
		switch random.IntN(8) {
		case 0, 1:
			m.AddHandler(name(), h)
		case 2:
			m.RemoveHandler(name())
		case 3:
			if err := m.ReplaceHandler(apitest.NameA, h); err != nil {
				t.Error(err)
			}
		case 4:
			m.AddMatcher(multiselect.MatchPrefix(name()), h)
			m.AddMatcher(multiselect.MatchFunc("all digits", func(p string) bool { return strings.Trim(p, "/0123456789") == "" }), h)
		case 5:
			m.RemoveMatcher(multiselect.MatchPrefix(name()))
			m.RemoveMatcher(multiselect.MatchFunc("all digits", nil))
		case 6:
			m.AddMatcher(multiselect.MatchMajor(name()+"/1.0.0"), h)
			m.RemoveMatcher(multiselect.MatchMajor(name() + "/1"))
		case 7:
			for range m.Handlers() {
				break
			}
			m.Protocols()
		}
	}
}

// Names and matchers come and go while peers glue payload to their proposals.
// Whatever is selected gets exactly its payload; whatever is not, is answered
// "na"; and the name that is always there is always selected (R12, R16).
func TestStressChurn(t *testing.T) {
	m := new(multiselect.Muxer)
	handler := func(_ context.Context, protocol string, stream io.ReadWriteCloser) {
		got, err := io.ReadAll(stream)
		if want := "payload of " + protocol; string(got) != want || err != nil {
			t.Errorf("the handler of %q got %q, %v", protocol, got, err)
		}
		stream.Close()
	}
	if err := m.AddHandler(apitest.NameA, handler); err != nil {
		t.Fatal(err)
	}
	var changers, peers sync.WaitGroup
	var done atomic.Bool
	var selected, refused atomic.Int64
	for i := range uint64(2) {
		changers.Go(func() { churn(t, m, handler, i) })
		peers.Go(func() {
			random := rand.New(rand.NewPCG(i, 1))
			for n := 0; n < 500 || !done.Load(); n++ {
				name := apitest.NameA
				if n%4 != 0 {
					name = fmt.Sprintf("/%0*d", 1+random.IntN(20), random.IntN(50))
				}
				if proposeGlued(t, m, name) {
					selected.Add(1)
				} else if refused.Add(1); name == apitest.NameA {
					t.Errorf("%s was refused", name)
				}
			}
		})
	}
	changers.Wait()
	done.Store(true)
	peers.Wait()
	if selected.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d selected, %d refused", selected.Load(), refused.Load())
	}
}

// proposeGlued is a peer that does not wait for the answer.
func proposeGlued(t *testing.T, m *multiselect.Muxer, name string) (selected bool) {
	ours, theirs := streamtest.Pipe()
	io.WriteString(ours, messages(wire.Header, name)+"payload of "+name)
	ours.CloseWrite()
	m.ServeStream(background, streamtest.Bare(theirs))
	said, _ := io.ReadAll(ours)
	switch {
	case string(said) == messages(wire.Header, name):
		return true
	case !bytes.HasPrefix(said, []byte(messages(wire.Header, wire.NA))):
		t.Errorf("%q was answered %q", name, said)
	}
	return false
}

// A name that is registered while a read was waiting, and is shorter than all
// that the read was meant for, comes with bytes behind it that cannot be given
// back: it is refused once, and accepted when it is proposed again (R12).
func TestStressShorterNameAddedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := apitest.Muxer(t, "/a/long/name/1.0.0")
		ours, theirs := streamtest.Pipe()
		done := make(chan string)
		go func() {
			protocol, _, err := m.Negotiate(t.Context(), streamtest.Bare(theirs))
			if err != nil {
				t.Error(err)
			}
			done <- protocol
		}()
		synctest.Wait() // in the first read
		if err := m.AddHandler("/s", apitest.NoHandler); err != nil {
			t.Fatal(err)
		}
		io.WriteString(ours, messages(wire.Header, "/s")+messages("/x"))
		want := messages(wire.Header, wire.NA, wire.NA)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(ours, got); err != nil || string(got) != want {
			t.Errorf("said %q, want %q", got, want)
		}
		io.WriteString(ours, messages("/s")+"payload")
		if protocol := <-done; protocol != "/s" {
			t.Errorf("selected %q", protocol)
		}
		rest := make([]byte, 7)
		if _, err := io.ReadFull(theirs, rest); err != nil || string(rest) != "payload" {
			t.Errorf("the handler reads %q, %v", rest, err)
		}
	})
}

// Payload behind a proposal that is refused may look like the beginning of a
// message for ever. The refusal must not wait for the rest of it: the peer
// waits for the refusal (R11).
func TestStressRefusalIsSaidAtOnce(t *testing.T) {
	for _, payload := range []string{"payload", "\x0b", "\x80", "\xff\x07" + strings.Repeat("x", 500)} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := streamtest.Pipe()
			go apitest.Muxer(t, apitest.NameA).Negotiate(t.Context(), streamtest.Bare(theirs))
			start := time.Now()
			io.WriteString(ours, messages(wire.Header, "/nope")+payload)
			want := messages(wire.Header, wire.NA)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(ours, got); err != nil || string(got) != want || time.Since(start) != 0 {
				t.Errorf("%.10q: said %q, %v after %v; want %q at once", payload, got, err, time.Since(start), want)
			}
			ours.Close()
		})
	}
}

// The current table decides, also within one negotiation (R16).
func TestStressTableChangesMeanwhile(t *testing.T) {
	m := apitest.Muxer(t, apitest.NameA)
	s := streamtest.NewScript(messages(wire.Header)+messages(apitest.NameB), messages(apitest.NameA), messages(apitest.NameB))
	answers := 0
	s.OnWrite = func([]byte) {
		switch answers++; answers {
		case 1: // B was refused
			m.RemoveHandler(apitest.NameA)
		case 2: // A was refused
			if err := m.AddHandler(apitest.NameB, apitest.NoHandler); err != nil {
				t.Error(err)
			}
		}
	}
	protocol, _, err := m.Negotiate(background, s)
	if protocol != apitest.NameB || err != nil {
		t.Errorf("%q, %v", protocol, err)
	}
	if want := messages(wire.Header, wire.NA, wire.NA, apitest.NameB); string(s.Written) != want {
		t.Errorf("said %q, want %q", s.Written, want)
	}
}

// A handler that is replaced meanwhile is either of the two, and never none.
func TestStressReplace(t *testing.T) {
	m := new(multiselect.Muxer)
	var old, replaced atomic.Int64
	if err := m.AddHandler(apitest.NameA, func(context.Context, string, io.ReadWriteCloser) { old.Add(1) }); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if i == 100 {
			if err := m.ReplaceHandler(apitest.NameA, func(context.Context, string, io.ReadWriteCloser) { replaced.Add(1) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.ServeStream(background, streamtest.NewScript(messages(wire.Header, apitest.NameA))); err != nil {
			t.Fatal(err)
		}
	}
	if old.Load() != 100 || replaced.Load() != 100 {
		t.Errorf("the old handler was called %d times, the new one %d", old.Load(), replaced.Load())
	}
}

// Many names, through the exported API: each is selected, each is listed, and
// each can be removed.
func TestStressManyNames(t *testing.T) {
	const n = 20_000
	names := make([]string, n)
	m := new(multiselect.Muxer)
	for i := range names {
		names[i] = fmt.Sprintf("/app/%06d/1.0.0", i)
		if err := m.AddHandler(names[i], apitest.NoHandler); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Protocols(); !slices.Equal(got, names) {
		t.Errorf("%d names, want %d, in order", len(got), n)
	}
	for i := 0; i < n; i += 97 {
		s := streamtest.NewScript(messages(wire.Header, names[i]))
		if protocol, h, err := m.Negotiate(background, s); protocol != names[i] || h == nil || err != nil {
			t.Fatal(protocol, err)
		}
	}
	// More names than a list may hold are not listed at all.
	s := streamtest.NewScript(messages(wire.Header, wire.LS, names[0]))
	if _, _, err := m.Negotiate(background, s); err != nil || string(s.Written) != messages(wire.Header, wire.NA, names[0]) {
		t.Errorf("%v, said %.60q", err, s.Written)
	}
	for _, name := range names {
		if !m.RemoveHandler(name) {
			t.Fatalf("%s is not there", name)
		}
	}
	for name := range m.Handlers() {
		t.Fatalf("%s is left", name)
	}
}

// The same Client and Muxer serve many streams at once.
func TestStressSharedRoles(t *testing.T) {
	m := apitest.Muxer(t, apitest.NameA, apitest.NameB)
	cl := new(multiselect.Client)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 300 {
				ours, theirs := streamtest.Pipe()
				want := []string{apitest.NameA, apitest.NameB}[i%2]
				go m.ServeStream(background, streamtest.Bare(theirs))
				if protocol, err := cl.SelectOneOf(background, streamtest.Bare(ours), "/nope", want); protocol != want || err != nil {
					t.Errorf("%q, %v", protocol, err)
				}
			}
		})
	}
	all.Wait()
}
