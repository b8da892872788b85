//go:build race

package guard_test

// These tests run no goroutines, so the race detector can only slow them down. Under it
// they play fewer scenarios.
const (
	numScenarios    = 10_000
	exhaustiveBytes = 4 // of TestGuardExhaustively
)
