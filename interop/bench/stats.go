package main

import (
	"fmt"
	"math"
	"slices"
)

// spread is a median and the two quartiles.
type spread struct{ median, p25, p75 float64 }

// spreadOf summarises values, which it does not change.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75)}
}

// quantile interpolates between the two values around q. Without values it returns NaN.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	place := q * float64(len(sorted)-1)
	below := int(place)
	above := min(below+1, len(sorted)-1)
	part := place - float64(below)
	return sorted[below]*(1-part) + sorted[above]*part
}

func (s spread) String() string {
	return fmt.Sprintf("%.3f (%.3f..%.3f)", s.median, s.p25, s.p75)
}

// formatRatio returns a ratio with three or more digits.
func formatRatio(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case x < 10:
		return fmt.Sprintf("%.3f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// formatTime returns a time in ns, µs or ms.
func formatTime(ns float64) string {
	switch {
	case math.IsNaN(ns):
		return "-"
	case ns < 1e4:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e7:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return fmt.Sprintf("%.1f ms", ns/1e6)
}
