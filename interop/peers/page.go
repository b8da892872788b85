package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"

	"github.com/multiselect/multiselect/conform/report"
)

// writePage writes conformance.html: the results of all peers, side by side, with
// the bytes of every case. It contains times, so no test compares it, and has 6 MB,
// so that it is not committed: .github/workflows/nightly.yml keeps it.
func (r *results) writePage(folder string) error {
	var parties []report.NamedReport
	for _, v := range r.verdicts {
		n := slices.IndexFunc(parties, func(p report.NamedReport) bool { return p.Name == v.peer })
		if n < 0 {
			n = len(parties)
			parties = append(parties, report.NamedReport{Name: v.peer})
		}
		parties[n].Reports = append(parties[n].Reports, v.report)
	}
	var page bytes.Buffer
	if err := report.Matrix(&page, "Who passes what", parties); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "conformance.html"), page.Bytes(), 0o644)
}
