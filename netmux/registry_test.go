package netmux

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// item is an owner of an entry, with its own record of what the registry should know.
type item struct {
	entry
	id         int    // grows with the time of add and move
	key        string // "-" while it is not known
	descriptor bool
	moves      [][2]stage
}

func (i *item) end()                 {}
func (i *item) checkSilent() bool    { return true }
func (i *item) hasDescriptor() bool  { return i.descriptor }
func (i *item) moved(from, to stage) { i.moves = append(i.moves, [2]stage{from, to}) }

// model answers the questions of a registry by looking at all items.
type model []*item

func (m model) in(s stage, when func(*item) bool) (found []*item) {
	for _, i := range m {
		if i.stage == s && when(i) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b *item) int { return a.id - b.id })
	return found
}

func first(items []*item) *entry {
	if len(items) == 0 {
		return nil
	}
	return &items[0].entry
}

func (m model) oldestOf(key string, s stage) *entry {
	return first(m.in(s, func(i *item) bool { return i.key == key }))
}

func (m model) oldestOfMostDemanding(s stage) (oldest *entry) {
	most := 0
	for _, i := range m.in(s, func(i *item) bool { return i.key != "-" }) {
		if n := len(m.in(s, func(j *item) bool { return j.key == i.key })); n > most {
			oldest, most = m.oldestOf(i.key, s), n
		}
	}
	return oldest
}

func (m model) check(t *testing.T, r *registry, keys []string) {
	t.Helper()
	for s := range stages {
		all := m.in(s, func(*item) bool { return true })
		descriptors := m.in(s, func(i *item) bool { return i.descriptor })
		if got := r.size(s); got != len(all) || r.groups[s].descriptors != len(descriptors) {
			t.Fatalf("stage %d: %d entries, %d descriptors; want %d, %d", s, got, r.groups[s].descriptors, len(all), len(descriptors))
		}
		if got := r.all(s); !slices.EqualFunc(got, all, func(e *entry, i *item) bool { return e == &i.entry }) {
			t.Fatalf("stage %d: the entries are not in order", s)
		}
		if got := r.oldest(s); got != first(all) {
			t.Fatalf("stage %d: oldest is %v", s, got)
		}
		if got, want := r.oldestOfMostDemanding(s), m.oldestOfMostDemanding(s); got != want {
			t.Fatalf("stage %d: oldest of the most demanding host is %v, want %v", s, got, want)
		}
		if len(descriptors) > 0 && !r.firstWithDescriptor(s).owner.hasDescriptor() {
			t.Fatalf("stage %d: the first with a descriptor has none", s)
		}
		for _, key := range keys {
			n := len(m.in(s, func(i *item) bool { return i.key == key }))
			if got := r.sizeOf(key, s); got != n || r.oldestOf(key, s) != m.oldestOf(key, s) {
				t.Fatalf("stage %d, host %q: %d entries, oldest %v; want %d, %v", s, key, got, r.oldestOf(key, s), n, m.oldestOf(key, s))
			}
		}
	}
}

// A registry knows the same as a list of all entries, after each of many changes in any order.
func TestRegistry(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		keys := []string{"", "a", "b", "c"}
		var r registry
		var m model
		id := 0
		for range 300 {
			id++
			switch op := random.IntN(5); {
			case op <= 1 || len(m) == 0:
				i := &item{id: id, key: "-", descriptor: random.IntN(2) == 0}
				i.entry = newEntry(i)
				r.add(&i.entry, stage(random.IntN(int(stages))))
				m = append(m, i)
			case op == 2:
				i := m[random.IntN(len(m))]
				i.key, i.id = keys[random.IntN(len(keys))], id
				r.move(&i.entry, stage(random.IntN(int(stages))), i.key, new(atHost))
			case op == 3:
				if i := m[random.IntN(len(m))]; i.key == "-" {
					i.key = keys[random.IntN(len(keys))]
					r.setHost(&i.entry, i.key, new(atHost))
				}
			default:
				n := random.IntN(len(m))
				r.remove(&m[n].entry)
				r.remove(&m[n].entry) // again: without effect
				if moves := m[n].moves; moves[len(moves)-1][1] != stages || m[n].stage != stages {
					t.Fatalf("a removed entry has moved %v", moves)
				}
				m = slices.Delete(m, n, n+1)
			}
			m.check(t, &r, keys)
		}
		for _, i := range m {
			r.remove(&i.entry)
		}
		for s := range stages {
			if g := &r.groups[s]; g.all.first != nil || g.all.last != nil || len(g.hosts) > 1 || len(g.demand) > 0 {
				t.Errorf("stage %d of an empty registry: %+v", s, g)
			}
		}
	}
}

func TestHostKey(t *testing.T) {
	for addr, want := range map[string]string{
		"10.0.0.1:5":             "10.0.0.1/32",
		"[::ffff:10.0.0.1]:6":    "10.0.0.1/32",
		"[2001:db8::1]:7":        "2001:db8::/64",
		"[2001:db8::ffff%lo]:8":  "2001:db8::/64",
		"[2001:db8:0:1::1]:9":    "2001:db8:0:1::/64",
		"127.0.0.1:5":            "",
		"127.8.9.10:5":           "",
		"[::1]:5":                "",
		"[::ffff:127.0.0.1]:123": "",
	} {
		if got := hostKey(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))); got != want {
			t.Errorf("the host of %s is %q, want %q", addr, got, want)
		}
	}
	for _, addr := range []net.Addr{nil, &net.UnixAddr{Name: "/s"}, &net.TCPAddr{}} {
		if got := hostKey(addr); got != "" {
			t.Errorf("the host of %v is %q", addr, got)
		}
	}
}

// The most demanding host is found among many without looking at each of them.
func BenchmarkEvict(b *testing.B) {
	for _, hosts := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(hosts, " hosts"), func(b *testing.B) {
			var r registry
			add := func(n int) {
				i := new(item)
				i.entry = newEntry(i)
				r.add(&i.entry, stageSilent)
				r.setHost(&i.entry, fmt.Sprint(n%hosts), new(atHost))
			}
			for n := range 10_000 {
				add(n)
			}
			for n := 0; b.Loop(); n++ {
				r.remove(r.oldestOfMostDemanding(stageSilent))
				add(n)
			}
		})
	}
}
