package netmux

import (
	"container/heap"
	"net"
	"net/netip"
	"slices"
	"time"
)

// This file holds the registry of a Server: its connections, streams and links, by stage, by
// age and by host. The registry knows which of them ends first. bounds.go decides when one
// must end.

// stage is a stage in the life of a connection, a stream or a link.
type stage uint8

const (
	stageHalfOpen   stage = iota // a connection or stream without an agreement
	stageSilent                  // it has an agreement, and its peer has not sent a byte since
	stageCarrying                // it has an agreement, and its peer has sent, or may have sent
	stageIdleLink                // a link without a stream that has an agreement
	stageSilentLink              // a link with such streams, all of them silent
	stageUsedLink                // a link with a stream that carries data
	stages                       // their number, and the stage of an entry that is in none
)

// entry is the place of a connection, a stream or a link in the registry. It is kept small:
// thousands of connections can be half-open.
type entry struct {
	owner owner
	age   neighbors
	host  *atHost       // nil if its host is not known
	since time.Duration // when the stage began, from the epoch of the registry; unique
	cause *error        // of its eviction; nil before that
	stage stage
}

// atHost is the place of an entry among those of its host in a group.
type atHost struct {
	*host
	neighbors
}

// owner is what an entry belongs to. All methods but end are called with the lock held.
type owner interface {
	// end ends it because of the cause in the entry. It does not block.
	end()
	// checkSilent reports whether its peer has sent no byte since the agreement. If the
	// peer has sent one, checkSilent moves the entry to a stage of those that carry data.
	checkSilent() bool
	// hasDescriptor reports whether ending it makes a file descriptor free.
	hasDescriptor() bool
	// moved is called when the stage of the entry has changed.
	moved(from, to stage)
}

type neighbors struct{ next, prev *entry }

const (
	byAge  = iota // kind of group.all
	byHost        // kind of host.entries
)

func (e *entry) place(kind int) *neighbors {
	if kind == byAge {
		return &e.age
	}
	return &e.host.neighbors
}

// ring is a list of entries, the oldest first.
type ring struct {
	first, last *entry
	size        int
}

// insert inserts an entry after the older ones: at the end, except for an entry whose host
// became known late.
func (r *ring) insert(e *entry, kind int) {
	prev := r.last
	for prev != nil && prev.since > e.since {
		prev = prev.place(kind).prev
	}
	next := r.first
	if prev != nil {
		next = prev.place(kind).next
		prev.place(kind).next = e
	} else {
		r.first = e
	}
	if next != nil {
		next.place(kind).prev = e
	} else {
		r.last = e
	}
	*e.place(kind) = neighbors{next, prev}
	r.size++
}

func (r *ring) remove(e *entry, kind int) {
	p := e.place(kind)
	if p.prev == nil {
		r.first = p.next
	} else {
		p.prev.place(kind).next = p.next
	}
	if p.next == nil {
		r.last = p.prev
	} else {
		p.next.place(kind).prev = p.prev
	}
	*p = neighbors{}
	r.size--
}

// host holds the entries of one host in a group. The host of clients without a key, "", is
// shared by all of them.
type host struct {
	key     string
	entries ring
	index   int // in group.demand
}

// group holds the entries in one stage.
type group struct {
	all         ring
	hosts       map[string]*host
	demand      demand
	descriptors int // entries that have one
}

// demand is a heap of hosts, the most demanding first: the one with the most entries, and of
// several the one with the oldest entry.
type demand []*host

func (d demand) Len() int { return len(d) }
func (d demand) Less(i, j int) bool {
	a, b := &d[i].entries, &d[j].entries
	return a.size > b.size || a.size == b.size && a.first.since < b.first.since
}

func (d demand) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

func (d *demand) Push(h any) {
	h.(*host).index = len(*d)
	*d = append(*d, h.(*host))
}

func (d *demand) Pop() any {
	last := len(*d) - 1
	h := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return h
}

// registry holds the entries of a Server. Its methods are called with the lock of the Server.
type registry struct {
	groups [stages]group
	epoch  time.Time     // made by now
	last   time.Duration // since of the newest entry
}

// now returns the time since the epoch of the registry.
func (r *registry) now() time.Duration {
	if r.epoch.IsZero() {
		r.epoch, r.last = time.Now(), -1
	}
	return time.Since(r.epoch)
}

// newEntry returns an entry that is in no stage.
func newEntry(o owner) entry { return entry{owner: o, stage: stages} }

// add adds an entry whose host is not known.
func (r *registry) add(e *entry, s stage) {
	r.insert(e, s)
	e.owner.moved(stages, s)
}

// remove removes an entry that may have been removed before.
func (r *registry) remove(e *entry) {
	if from := e.stage; from != stages {
		r.delete(e)
		e.owner.moved(from, stages)
	}
}

// move moves an entry whose host has a key to another stage, which begins now. It uses place, or
// the place of the entry in its former stage if place is nil.
func (r *registry) move(e *entry, s stage, key string, place *atHost) {
	from := e.stage
	if place == nil {
		place = e.host
	}
	r.delete(e)
	r.insert(e, s)
	r.setHost(e, key, place)
	e.owner.moved(from, s)
}

func (r *registry) insert(e *entry, s stage) {
	now := r.now()
	r.last = max(now, r.last+1)
	e.stage, e.since = s, r.last
	g := &r.groups[s]
	g.all.insert(e, byAge)
	if e.owner.hasDescriptor() {
		g.descriptors++
	}
}

// setHost makes the host of an entry known, once in each stage. The place is that of the entry
// until it leaves the stage.
func (r *registry) setHost(e *entry, key string, place *atHost) {
	g := &r.groups[e.stage]
	h := g.hosts[key]
	if h == nil {
		h = &host{key: key}
		if g.hosts == nil {
			g.hosts = make(map[string]*host)
		}
		g.hosts[key] = h
	}
	place.host = h
	e.host = place
	h.entries.insert(e, byHost)
	if h.entries.size == 1 {
		heap.Push(&g.demand, h)
	} else {
		heap.Fix(&g.demand, h.index)
	}
}

func (r *registry) delete(e *entry) {
	g := &r.groups[e.stage]
	g.all.remove(e, byAge)
	if e.owner.hasDescriptor() {
		g.descriptors--
	}
	if e.host != nil {
		if h := e.host.host; h.entries.size > 1 {
			h.entries.remove(e, byHost)
			heap.Fix(&g.demand, h.index)
		} else {
			heap.Remove(&g.demand, h.index)
			h.entries.remove(e, byHost)
			if h.key != "" { // which is there again soon
				delete(g.hosts, h.key)
			}
		}
	}
	e.stage, e.host = stages, nil
}

// size returns the number of entries in some stages.
func (r *registry) size(in ...stage) (n int) {
	for _, s := range in {
		n += r.groups[s].all.size
	}
	return n
}

// sizeOf returns the number of entries of one host in some stages.
func (r *registry) sizeOf(key string, in ...stage) (n int) {
	for _, s := range in {
		if h := r.groups[s].hosts[key]; h != nil {
			n += h.entries.size
		}
	}
	return n
}

// oldest returns the oldest entry in a stage, or nil.
func (r *registry) oldest(s stage) *entry { return r.groups[s].all.first }

// oldestOf returns the oldest entry of one host in a stage, or nil.
func (r *registry) oldestOf(key string, s stage) *entry {
	if h := r.groups[s].hosts[key]; h != nil {
		return h.entries.first
	}
	return nil
}

// oldestOfMostDemanding returns the oldest entry of the host that has the most entries in a
// stage, or nil.
func (r *registry) oldestOfMostDemanding(s stage) *entry {
	if d := r.groups[s].demand; len(d) > 0 {
		return d[0].entries.first
	}
	return nil
}

// firstWithDescriptor returns the entry with a descriptor that ends first in a stage that has
// one: the oldest half-open connection, and later one of the most demanding host.
func (r *registry) firstWithDescriptor(s stage) *entry {
	e := r.oldestOfMostDemanding(s)
	if s == stageHalfOpen || e == nil || !e.owner.hasDescriptor() {
		for e = r.oldest(s); !e.owner.hasDescriptor(); {
			e = e.age.next
		}
	}
	return e
}

// all returns the entries in some stages.
func (r *registry) all(in ...stage) (entries []*entry) {
	for _, s := range in {
		entries = slices.Grow(entries, r.groups[s].all.size)
		for e := r.groups[s].all.first; e != nil; e = e.age.next {
			entries = append(entries, e)
		}
	}
	return entries
}

// hostKey is the default of Server.HostKey.
func hostKey(addr net.Addr) string {
	a, ok := addr.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return ""
	}
	ip := a.AddrPort().Addr().Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if !ip.IsValid() || err != nil || ip.IsLoopback() {
		return ""
	}
	return prefix.String()
}
