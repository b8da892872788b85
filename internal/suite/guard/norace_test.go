//go:build !race

package guard_test

// race_test.go has the values under the race detector.
const (
	numScenarios    = 100_000
	exhaustiveBytes = 5
)
