//go:build !race

package netmux_test

// raceDetector: see race_test.go.
const raceDetector = false
