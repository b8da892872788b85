// Package names holds the protocol names that a responder has registered, each with a value.
package names

import (
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/multiselect/multiselect/wire"
)

// Table maps protocol names to values of type V. The zero value is an empty table. All
// methods may be called concurrently. A Table must not be copied after first use.
//
// Lookups take constant time and no lock, allocate nothing and write to no shared memory.
// A mutex serializes changes. Adding a name takes amortized constant time: entries are
// copied only when the table doubles, and their names and messages never.
type Table[V any] struct {
	index    atomic.Pointer[index[V]]
	shortest atomic.Int64
	version  atomic.Uint64

	mu      sync.Mutex // held by the methods that change the table
	count   int
	lengths map[int]int // the length of a name → the number of names of that length
}

// Node is an entry of a [Table]. It never changes: replacing the value of a name makes a
// new Node, and a Node stays valid after its name was removed.
type Node[V any] struct {
	name    string
	value   V
	message []byte // the name as a message on the wire
	next    atomic.Pointer[Node[V]]
}

// Name returns the name, for a caller that has looked up bytes, without an allocation.
func (n *Node[V]) Name() string { return n.name }

// Value returns the value that was added with the name.
func (n *Node[V]) Value() V { return n.value }

// index is a hash table of fixed size with chains. A Table that has outgrown its index
// makes a new one; lookups in progress finish on the old one.
type index[V any] struct {
	seed    maphash.Seed
	buckets []atomic.Pointer[Node[V]] // a power of two, or one
}

// Up to maxInline names are kept in one chain: comparing so few costs less than a
// hash. An index for more names has at least minBuckets buckets.
const (
	maxInline  = 4
	minBuckets = 8
)

// bucket returns the head of the chain that contains the name if any chain does.
func (x *index[V]) bucket(name []byte) *atomic.Pointer[Node[V]] {
	if len(x.buckets) == 1 {
		return &x.buckets[0]
	}
	return &x.buckets[maphash.Bytes(x.seed, name)&uint64(len(x.buckets)-1)]
}

// Lookup returns the entry of a name, or nil if the name is not in the table. It
// does not retain its argument.
func (t *Table[V]) Lookup(name []byte) *Node[V] {
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

// LookupMessage returns the entry of the name in a message, or nil if that name is not in
// the table. The message is complete and in its wire form: length, name and newline. It
// must have 2 to 128 bytes, so that its length is one byte. For a malformed message
// LookupMessage returns nil. It does not retain its argument.
func (t *Table[V]) LookupMessage(message []byte) *Node[V] {
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

// Add adds a name with a value and reports whether the table has changed. If the
// name is in the table already, replace decides: true replaces its value, false
// leaves the table as it is. Any string is a valid name.
func (t *Table[V]) Add(name string, value V, replace bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if link, old := t.find(name); old != nil {
		if replace {
			n := &Node[V]{name: old.name, value: value, message: old.message}
			n.next.Store(old.next.Load())
			link.Store(n)
		}
		return replace
	}
	t.reserve().push(&Node[V]{name: name, value: value, message: wire.AppendMessage(nil, name)})
	t.count++
	t.version.Add(1)
	if t.lengths[len(name)]++; t.lengths[len(name)] == 1 {
		t.updateShortest()
	}
	return true
}

// Remove removes a name and reports whether it was in the table.
func (t *Table[V]) Remove(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	link, old := t.find(name)
	if old == nil {
		return false
	}
	link.Store(old.next.Load())
	t.count--
	t.version.Add(1)
	if t.lengths[len(name)]--; t.lengths[len(name)] == 0 {
		delete(t.lengths, len(name))
		t.updateShortest()
	}
	return true
}

// Version returns a number that grows whenever a name was added or removed, after the change: names
// that are read after a call of Version are at least as new. It takes no lock.
func (t *Table[V]) Version() uint64 { return t.version.Load() }

// Shortest returns the size in bytes of the shortest message with a name of the table, and
// 0 if the table is empty. It takes no lock.
func (t *Table[V]) Shortest() int { return int(t.shortest.Load()) }

func (t *Table[V]) updateShortest() {
	shortest := 0
	for length := range t.lengths {
		if size := wire.MessageSize(length); shortest == 0 || size < shortest {
			shortest = size
		}
	}
	t.shortest.Store(int64(shortest))
}

// All returns an iterator over the names and values, in no particular order. It takes no
// lock, and the table may be changed during the iteration: a name that is added or removed
// meanwhile is yielded at most once, and every other name once, with its old or its new
// value if that is replaced meanwhile.
func (t *Table[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for n := range t.nodes {
			if !yield(n.name, n.value) {
				return
			}
		}
	}
}

// nodes is an iterator over the entries.
func (t *Table[V]) nodes(yield func(*Node[V]) bool) {
	x := t.index.Load()
	for i := 0; x != nil && i < len(x.buckets); i++ {
		for n := x.buckets[i].Load(); n != nil; n = n.next.Load() {
			if !yield(n) {
				return
			}
		}
	}
}

// reserve returns an index with room for one more name. It doubles a full one.
func (t *Table[V]) reserve() *index[V] {
	old := t.index.Load()
	if old != nil && t.count < max(len(old.buckets), maxInline) {
		return old
	}
	x := &index[V]{maphash.MakeSeed(), make([]atomic.Pointer[Node[V]], 1)}
	if old == nil {
		t.lengths = make(map[int]int)
	} else {
		x.buckets = make([]atomic.Pointer[Node[V]], max(2*len(old.buckets), minBuckets))
	}
	for n := range t.nodes { // lookups may still use the old nodes and their links
		x.push(&Node[V]{name: n.name, value: n.value, message: n.message})
	}
	t.index.Store(x)
	return x
}

// push adds a node that is in no chain yet.
func (x *index[V]) push(n *Node[V]) {
	head := x.bucket([]byte(n.name))
	n.next.Store(head.Load())
	head.Store(n)
}

// find returns the node of a name, or nil if there is none, and the link to it.
func (t *Table[V]) find(name string) (link *atomic.Pointer[Node[V]], n *Node[V]) {
	if x := t.index.Load(); x != nil {
		link = x.bucket([]byte(name))
		for n = link.Load(); n != nil && n.name != name; n = link.Load() {
			link = &n.next
		}
	}
	return link, n
}

// isSameMessage reports whether two messages are equal. It is inlined; a call of
// runtime.memequal costs more for short messages.
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
