//go:build !race

package multiselect_test

// raceDetector: see race_test.go.
const raceDetector = false
