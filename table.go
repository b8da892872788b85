package multiselect

import (
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/multiselect/multiselect/wire"
)

// table maps names to handlers. Looking up takes no lock and writes to no
// shared memory, whatever the number of names and of processors; adding copies
// nothing but, each time the table doubles, its pointers. A map would need a
// lock around every look-up, a copied map would make n additions cost n².
type table struct {
	mu      sync.Mutex // held by those who change the table
	index   atomic.Pointer[index]
	count   atomic.Int64
	lengths map[int]int // length of a name → how many names have it
	// shortest is the size of the shortest name's message, 0 when the table is
	// empty.
	shortest atomic.Int64
}

// index is one generation of the table. Its size never changes: a table that
// outgrows it makes a new one, and readers finish on the one they began with.
type index struct {
	seed    maphash.Seed
	buckets []atomic.Pointer[node] // always a power of two
}

// node is one name in the chain of its bucket. Only next ever changes.
type node struct {
	message []byte
	name    string
	handler Handler
	next    atomic.Pointer[node]
}

// A few names are one chain: going through it costs less than a hash.
const (
	few         = 4
	moreBuckets = 8
)

// bucket returns where a name is, if it is in the table.
func (x *index) bucket(name []byte) *atomic.Pointer[node] {
	if len(x.buckets) == 1 {
		return &x.buckets[0]
	}
	return &x.buckets[maphash.Bytes(x.seed, name)&uint64(len(x.buckets)-1)]
}

// lookup finds a name as it stands in a buffer. The node holds the name as a
// string, so that nobody has to make one.
func (t *table) lookup(name []byte) *node {
	x := t.index.Load()
	if x == nil {
		return nil
	}
	n := x.bucket(name).Load()
	for n != nil && n.name != string(name) {
		n = n.next.Load()
	}
	return n
}

// lookupMessage is lookup for a name as it stands on the wire, if it is short.
func (t *table) lookupMessage(message []byte) *node {
	x := t.index.Load()
	if x == nil {
		return nil
	}
	n := x.buckets[0].Load()
	if len(x.buckets) > 1 {
		n = x.bucket(message[1 : len(message)-1]).Load()
	}
	for n != nil && !isSameMessage(message, n.message) {
		n = n.next.Load()
	}
	return n
}

func newNode(name string, h Handler) *node {
	return &node{message: wire.AppendMessage(nil, name), name: name, handler: h}
}

// add puts a name into the table. An old handler is replaced or, if that is
// not wanted, kept; then add reports false.
func (t *table) add(name string, h Handler, replace bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !replace && t.lookup([]byte(name)) != nil {
		return false
	}
	x := t.roomForOneMore()
	if link, old := x.find(name); old != nil {
		n := newNode(name, h)
		n.next.Store(old.next.Load())
		link.Store(n)
		return true
	}
	x.push(name, h)
	t.count.Add(1)
	t.lengths[len(name)]++
	t.findShortest()
	return true
}

func (t *table) remove(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lookup([]byte(name)) == nil {
		return false
	}
	link, old := t.index.Load().find(name)
	link.Store(old.next.Load())
	t.count.Add(-1)
	if t.lengths[len(name)]--; t.lengths[len(name)] > 0 {
		return true
	}
	delete(t.lengths, len(name))
	t.findShortest()
	return true
}

func (t *table) findShortest() {
	shortest := 0
	for length := range t.lengths {
		if size := wire.MessageSize(length); shortest == 0 || size < shortest {
			shortest = size
		}
	}
	t.shortest.Store(int64(shortest))
}

// roomForOneMore returns the index, doubled first if it is full.
func (t *table) roomForOneMore() *index {
	x := t.index.Load()
	switch {
	case x == nil:
		t.lengths = make(map[int]int)
		x = &index{maphash.MakeSeed(), make([]atomic.Pointer[node], 1)}
	case int(t.count.Load()) < max(len(x.buckets), few):
		return x
	default:
		old := x
		x = &index{old.seed, make([]atomic.Pointer[node], max(2*len(old.buckets), moreBuckets))}
		for name, h := range old.all {
			x.push(name, h)
		}
	}
	t.index.Store(x)
	return x
}

func (x *index) push(name string, h Handler) {
	b := x.bucket([]byte(name))
	n := newNode(name, h)
	n.next.Store(b.Load())
	b.Store(n)
}

// find returns the node of a name, nil if there is none, and the link to it.
func (x *index) find(name string) (*atomic.Pointer[node], *node) {
	link := x.bucket([]byte(name))
	n := link.Load()
	for n != nil && n.name != name {
		link = &n.next
		n = link.Load()
	}
	return link, n
}

func (x *index) all(yield func(string, Handler) bool) {
	for i := range x.buckets {
		for n := x.buckets[i].Load(); n != nil; n = n.next.Load() {
			if !yield(n.name, n.handler) {
				return
			}
		}
	}
}

// all goes through the names in no order. Names that come or go meanwhile may
// or may not be seen; each other one is seen once.
func (t *table) all() iter.Seq2[string, Handler] {
	return func(yield func(string, Handler) bool) {
		if x := t.index.Load(); x != nil {
			x.all(yield)
		}
	}
}

// isSameMessage compares without a call, several bytes at a time.
func isSameMessage(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for len(a) >= 8 {
		if [8]byte(a) != [8]byte(b) {
			return false
		}
		a, b = a[8:], b[8:]
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
