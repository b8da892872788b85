//go:build race

package multiselect_test

// raceDetector: the detector makes sync.Pool forget at random and changes what
// memory costs, so the exact gates on both are skipped with it.
const raceDetector = true
