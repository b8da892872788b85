//go:build race

package streamtest

// Race reports whether the race detector is on. It makes sync.Pool drop values at
// random and changes the cost of memory, so that the exact tests of both are
// skipped with it.
const Race = true
