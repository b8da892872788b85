//go:build race

package main

// underRace makes the comparisons smaller: the detector makes them ten times
// slower, and needs few of them to see what there is.
const underRace = true
