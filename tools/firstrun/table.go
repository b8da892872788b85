package main

import (
	"fmt"
	"io"
	"time"
)

// row is a line of the table.
type row struct {
	name, unit string
	base, head float64 // in the unit
	target     float64 // the highest ratio of head to base
}

func newRows(base, head figures) []row {
	seconds := func(d time.Duration) float64 { return d.Seconds() }
	mega := func(bytes int64) float64 { return float64(bytes) / 1e6 }
	return []row{
		{"first command, processor time", "s", seconds(base.first), seconds(head.first), 0.30},
		{"first command, downloaded", "MB", mega(base.firstBytes), mega(head.firstBytes), 0},
		{"building mss, processor time", "s", seconds(base.build), seconds(head.build), 0.87},
		{"building mss, downloaded", "MB", mega(base.modBytes), mega(head.modBytes), 0.45},
		{"mss, size", "MB", mega(base.binary), mega(head.binary), 0.80},
		{"start of mss, processor time", "ms", 1e3 * seconds(base.start), 1e3 * seconds(head.start), 0.60},
	}
}

// missed reports whether the ratio is above the target, or cannot be computed.
func (r row) missed() bool { return r.base <= 0 || r.head/r.base > r.target }

// writeTable writes the rows in Markdown and returns the number of missed targets.
func writeTable(w io.Writer, base string, rows []row) (missed int) {
	fmt.Fprintf(w, "| | %s | HEAD | ratio | target |\n|---|--:|--:|--:|--:|\n", base)
	for _, r := range rows {
		remark := ""
		if r.missed() {
			missed++
			remark = " **missed**"
		}
		fmt.Fprintf(w, "| %s | %.1f %s | %.1f %s | %.2f | ≤ %.2f%s |\n", r.name, r.base, r.unit, r.head, r.unit, r.head/r.base, r.target, remark)
	}
	return missed
}
