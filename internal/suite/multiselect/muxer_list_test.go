package multiselect_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// asker is the stream of a peer that asks for the list several times and closes. It keeps the
// first byte of each write, to tell whether two of them are from the same memory.
type asker struct {
	in     strings.Reader
	starts []*byte
	sizes  []int
}

func (a *asker) Read(p []byte) (int, error) { return a.in.Read(p) }

func (a *asker) Write(p []byte) (int, error) {
	a.starts = append(a.starts, &p[0])
	a.sizes = append(a.sizes, len(p))
	return len(p), nil
}

func (a *asker) Close() error { return nil }

// ask negotiates with a peer that sends "ls" n times.
func (a *asker) ask(m *multiselect.Muxer, n int) {
	a.in.Reset(wire.HeaderFrame + strings.Repeat("\x03ls\n", n))
	a.starts, a.sizes = a.starts[:0], a.sizes[:0]
	m.Negotiate(context.Background(), a)
}

func serveNames(t testing.TB, n int) *multiselect.Muxer {
	t.Helper()
	m := new(multiselect.Muxer)
	for i := range n {
		if err := m.AddHandler(fmt.Sprintf("/service/%s/%06d/1.0.0", strings.Repeat("x", 35), i), discard); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func discard(_ context.Context, _ string, stream io.ReadWriteCloser) { stream.Close() }

// The list is made once for each change of the names or matchers, and written from the same memory
// to every peer.
func TestListIsMadeOnce(t *testing.T) {
	m := serveNames(t, 900)
	var made []*byte // for the lists after each change
	ask := func(want bool) {
		t.Helper()
		var a, b asker
		a.ask(m, 3)
		b.ask(m, 3)
		if len(a.starts) != 3 || !slices.Equal(a.starts, b.starts) || a.starts[1] != a.starts[2] {
			t.Errorf("lists are copied, or made more than once: %v %v, %d", a.starts, b.starts, a.sizes)
		}
		if a.sizes[0] != a.sizes[1]+len(wire.HeaderFrame) {
			t.Errorf("writes of %d bytes, want the header with the first list", a.sizes)
		}
		if slices.Contains(made, a.starts[0]) == want {
			t.Errorf("made anew: %v, want %v", !want, want)
		}
		made = append(made, a.starts[0])
	}
	ask(true)
	ask(false)
	matcher := multiselect.MatchMajor("/major/1.0.0")
	for _, change := range []func() error{
		func() error { return m.AddHandler("/new", discard) },
		func() error { return m.AddMatcher(matcher, discard) },
		func() error { m.RemoveMatcher(matcher); return nil },
		func() error { m.RemoveHandler("/new"); return nil },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		ask(true)
		ask(false)
	}
	if err := m.ReplaceHandler("/service/"+strings.Repeat("x", 35)+"/000000/1.0.0", discard); err != nil {
		t.Fatal(err)
	}
	ask(false)
}

// A list costs at most three allocations, however long it is, and none of them holds a long list.
func TestListAllocations(t *testing.T) {
	if streamtest.Race {
		t.Skip("the race detector allocates; ./check runs this without it")
	}
	const most = 3 * 8
	for _, names := range []int{3, 1000} {
		m := serveNames(t, names)
		a := &asker{starts: make([]*byte, 0, 9), sizes: make([]int, 0, 9)}
		a.ask(m, 8)
		got := streamtest.LeastAllocs(100, most, func() { a.ask(m, 8) })
		r := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				a.ask(m, 8)
			}
		})
		t.Logf("%d names: %v allocations for 8 lists, %d bytes", names, got, r.AllocedBytesPerOp())
		if r.AllocedBytesPerOp() > 4096 {
			t.Errorf("%d names: 8 lists allocate %d bytes, want at most 4096", names, r.AllocedBytesPerOp())
		}
		if got > most {
			t.Errorf("%d names: %v allocations for 8 lists, want at most %d", names, got, most)
		}
	}
}

// A list has each change that was made before "ls" was sent, whatever other goroutines change.
func TestListIsCurrent(t *testing.T) {
	m := serveNames(t, 10)
	var changing sync.WaitGroup
	for g := range 4 {
		changing.Go(func() {
			for i := range 200 {
				name := fmt.Sprintf("/own/%d/%d", g, i)
				if err := m.AddHandler(name, discard); err != nil {
					t.Error(err)
				}
				if !slices.Contains(listOf(t, m), name) {
					t.Errorf("%s is not in the list", name)
				}
				m.RemoveHandler(name)
				if slices.Contains(listOf(t, m), name) {
					t.Errorf("%s is still in the list", name)
				}
			}
		})
	}
	changing.Wait()
}

// listOf returns the names that the responder lists.
func listOf(t testing.TB, m *multiselect.Muxer) []string {
	t.Helper()
	ours, theirs := streamtest.Pipe()
	served := make(chan struct{})
	go func() {
		m.Negotiate(context.Background(), theirs)
		close(served)
	}()
	list, err := new(multiselect.Client).List(context.Background(), multiselect.NewCommunicator(ours))
	if err != nil {
		t.Error(err)
	}
	ours.Close()
	<-served
	return list.Names
}

// What a peer costs that asks 8 times and does not propose: with 1000 names, F14 of the base.
func BenchmarkList(b *testing.B) {
	for _, names := range []int{50, 1000} {
		b.Run(fmt.Sprint(names, " names"), func(b *testing.B) {
			m := serveNames(b, names)
			a := new(asker)
			b.ReportAllocs()
			for b.Loop() {
				a.ask(m, 8)
			}
		})
	}
}
