//go:build race

package multiselect

// The tests of the guard run no goroutines. Under the race detector they are
// slow for nothing, so there are fewer.
const (
	guardCases = 10_000
	guardBytes = 4 // of the exhaustive one
)
