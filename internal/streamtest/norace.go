//go:build !race

package streamtest

// Race reports whether the race detector is on: see race.go.
const Race = false
