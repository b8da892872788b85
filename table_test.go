package multiselect

import (
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

func nothing(context.Context, string, io.ReadWriteCloser) {}

func TestTableAddRemove(t *testing.T) {
	var tb table
	if tb.lookup([]byte("/a")) != nil || tb.remove("/a") {
		t.Error("an empty table has /a")
	}
	if !tb.add("/a", nothing, false) || tb.add("/a", nothing, false) {
		t.Error("/a can be added once, and no more than once")
	}
	n := tb.lookup([]byte("/a"))
	if n == nil || n.name != "/a" || n.handler == nil {
		t.Fatalf("lookup = %+v", n)
	}
	if tb.lookup([]byte("/A")) != nil || tb.lookup([]byte("/")) != nil || tb.lookup(nil) != nil {
		t.Error("a name that was not added is found")
	}
	if !tb.remove("/a") || tb.remove("/a") || tb.lookup([]byte("/a")) != nil {
		t.Error("/a can be removed once, and is gone then")
	}
	if !tb.add("/a", nothing, true) || tb.lookup([]byte("/a")) == nil {
		t.Error("what was removed cannot be added again")
	}
}

func TestTableReplace(t *testing.T) {
	var tb table
	var called string
	handler := func(who string) Handler {
		return func(context.Context, string, io.ReadWriteCloser) { called = who }
	}
	for i := range 100 { // so that chains have neighbours
		tb.add(fmt.Sprint("/", i), handler("old"), false)
	}
	for i := range 100 {
		if !tb.add(fmt.Sprint("/", i), handler("new"), true) {
			t.Fatal("replacing fails")
		}
	}
	if n := tb.count.Load(); n != 100 {
		t.Errorf("%d names after replacing 100 of 100", n)
	}
	for i := range 100 {
		tb.lookup(fmt.Append(nil, "/", i)).handler(nil, "", nil)
		if called != "new" {
			t.Fatalf("/%d still has its old handler", i)
		}
	}
}

func TestTableShortest(t *testing.T) {
	var tb table
	for _, step := range []struct {
		add, remove string
		want        int64
	}{
		{add: "/four", want: 7},
		{add: "/seventy", want: 7},
		{add: "/abc", want: 6},
		{add: "/xyz", want: 6},
		{add: "x", want: 3},
		{remove: "x", want: 6},
		{remove: "/abc", want: 6},
		{remove: "/nothing", want: 6},
		{remove: "/xyz", want: 7},
		{remove: "/four", want: 10},
		{remove: "/seventy", want: 0},
		{add: "/seventy", want: 10},
	} {
		if step.add != "" {
			tb.add(step.add, nothing, false)
		} else {
			tb.remove(step.remove)
		}
		if got := tb.shortest.Load(); got != step.want {
			t.Errorf("after +%q -%q the shortest message takes %d bytes, want %d", step.add, step.remove, got, step.want)
		}
	}
}

// fill returns a table with n names and what making it took.
func fillTable(n int) (tb *table, names []string, mallocs, bytes uint64) {
	names = make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("/app/%d/1.0.0", i)
	}
	tb = new(table)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, name := range names {
		tb.add(name, nothing, false)
	}
	runtime.ReadMemStats(&after)
	return tb, names, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}

// Adding is linear: what is paid for one name does not grow with their number.
func TestTableGrowth(t *testing.T) {
	_, _, fewMallocs, fewBytes := fillTable(10_000)
	tb, names, mallocs, bytes := fillTable(100_000)
	t.Logf("100 000 names: %.1f allocations and %d bytes for each", float64(mallocs)/100_000, bytes/100_000)
	if mallocs > 15*fewMallocs || bytes > 15*fewBytes {
		t.Errorf("ten times the names take %.1f times the allocations and %.1f times the bytes",
			float64(mallocs)/float64(fewMallocs), float64(bytes)/float64(fewBytes))
	}
	if tb.count.Load() != 100_000 {
		t.Errorf("%d names", tb.count.Load())
	}
	for _, name := range names {
		if n := tb.lookup([]byte(name)); n == nil || n.name != name {
			t.Fatalf("%s is not found", name)
		}
	}
	if longest := longestChain(tb.index.Load()); longest > 16 {
		t.Errorf("a look-up may have to compare %d names", longest)
	}
	if got := len(maps.Collect(tb.all())); got != 100_000 {
		t.Errorf("all gives %d names", got)
	}
	for i, name := range names {
		if !tb.remove(name) || tb.lookup([]byte(name)) != nil {
			t.Fatalf("%s cannot be removed", name)
		}
		if i == 50_000 && tb.shortest.Load() != int64(wire.MessageSize(len("/app/50001/1.0.0"))) {
			t.Errorf("shortest %d with half of the names gone", tb.shortest.Load())
		}
	}
	if tb.count.Load() != 0 || tb.shortest.Load() != 0 || len(maps.Collect(tb.all())) != 0 {
		t.Error("something is left when all is removed")
	}
}

func longestChain(x *index) (longest int) {
	for i := range x.buckets {
		length := 0
		for n := x.buckets[i].Load(); n != nil; n = n.next.Load() {
			length++
		}
		longest = max(longest, length)
	}
	return longest
}

// A walk may end early, and may change the table under its own feet.
func TestTableAll(t *testing.T) {
	tb, _, _, _ := fillTable(100)
	seen := 0
	for range tb.all() {
		if seen++; seen == 10 {
			break
		}
	}
	if seen != 10 {
		t.Errorf("a walk that breaks off saw %d", seen)
	}
	seen = 0
	for name := range tb.all() {
		seen++
		tb.remove(name)
		tb.add(name+"/again", nothing, false)
		tb.remove(name + "/again")
	}
	if seen != 100 || tb.count.Load() != 0 {
		t.Errorf("a walk that removes what it sees saw %d of 100 and left %d", seen, tb.count.Load())
	}
	for range new(table).all() {
		t.Error("an empty table has a name")
	}
}

func TestMuxerTable(t *testing.T) {
	m, err := NewMuxer(map[string]Handler{"/b": nothing, "/a": nothing})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.AddMatcher(MatchMajor("/c/1.0.0"), nothing); err != nil {
		t.Fatal(err)
	}
	if err := m.AddMatcher(MatchMajor("/a"+"/1.2.0"), nothing); err != nil {
		t.Fatal(err)
	}
	if err := m.AddHandler("/a/1.2.0", nothing); err != nil { // as the matcher beside it
		t.Fatal(err)
	}
	if err := m.AddMatcher(MatchPrefix("/d/"), nothing); err != nil {
		t.Fatal(err)
	}
	if got, want := m.Protocols(), []string{"/a", "/a/1.2.0", "/b", "/c/1.0.0"}; !slices.Equal(got, want) {
		t.Errorf("Protocols = %q, want %q", got, want)
	}
	var names []string
	for name, h := range m.Handlers() {
		if h == nil {
			t.Errorf("%s has no handler", name)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"/a", "/a/1.2.0", "/b"}; !slices.Equal(names, want) {
		t.Errorf("Handlers = %q, want %q", names, want)
	}
	if !m.RemoveHandler("/b") || m.RemoveHandler("/b") {
		t.Error("/b can be removed once")
	}
	if new(Muxer).Protocols() != nil {
		t.Error("a new Muxer has protocols")
	}
}

func TestMuxerShortest(t *testing.T) {
	m := new(Muxer)
	for _, step := range []struct {
		do   func() any
		want int // the size of the message
	}{
		{func() any { return nil }, 3}, // a name of one byte may be added yet
		{func() any { return m.AddHandler("/"+strings.Repeat("x", 199), nothing) }, 203},
		{func() any { return m.AddMatcher(MatchMajor("/foo/1.2.3"), nothing) }, 8},
		{func() any { return m.AddMatcher(MatchPrefix("/a/"), nothing) }, 5},
		{func() any { return m.AddMatcher(MatchFunc("f", func(string) bool { return false }), nothing) }, 3},
		{func() any { return m.RemoveMatcher(MatchFunc("f", nil)) }, 5},
		{func() any { return m.RemoveMatcher(MatchPrefix("/a/")) }, 8},
		{func() any { return m.RemoveMatcher(MatchMajor("/foo/1")) }, 203},
		{func() any { return m.RemoveHandler("/" + strings.Repeat("x", 199)) }, 3},
	} {
		if result := step.do(); result != nil && result != true {
			t.Fatal(result)
		}
		if got := m.shortest(); got != step.want {
			t.Errorf("the shortest message has %d bytes, want %d", got, step.want)
		}
	}
}
