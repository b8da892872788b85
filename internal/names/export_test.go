package names

// LongestChain returns the highest number of entries that a lookup may have to
// compare.
func (t *Table[V]) LongestChain() (longest int) {
	x := t.index.Load()
	for i := range x.buckets {
		length := 0
		for n := x.buckets[i].Load(); n != nil; n = n.next.Load() {
			length++
		}
		longest = max(longest, length)
	}
	return longest
}

// Buckets returns the number of chains.
func (t *Table[V]) Buckets() int { return len(t.index.Load().buckets) }
