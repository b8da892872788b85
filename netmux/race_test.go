//go:build race

package netmux_test

// raceDetector: the detector changes what memory costs.
const raceDetector = true
