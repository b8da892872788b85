//go:build race

package watchdog_test

// raceDetector: the detector allocates, so the exact gate is skipped with it.
const raceDetector = true
