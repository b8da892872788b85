//go:build !race

package multiselect

// See guard_race_test.go.
const (
	guardCases = 100_000
	guardBytes = 5
)
