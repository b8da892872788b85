package interop

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// matrix counts exchanges: a row for each scenario, a column for each form.
type matrix struct {
	rows, columns []string
	cells         map[[2]string]*cell
}

type cell struct{ passed, played atomic.Int32 }

func (c *cell) note(passed bool) {
	c.played.Add(1)
	if passed {
		c.passed.Add(1)
	}
}

// cell returns a cell of the matrix, and makes room for it first.
func (m *matrix) cell(row, column string) *cell {
	at := [2]string{row, column}
	if c, ok := m.cells[at]; ok {
		return c
	}
	if m.cells == nil {
		m.cells = make(map[[2]string]*cell)
	}
	m.rows = appendNew(m.rows, row)
	m.columns = appendNew(m.columns, column)
	m.cells[at] = new(cell)
	return m.cells[at]
}

func appendNew(list []string, s string) []string {
	for _, known := range list {
		if known == s {
			return list
		}
	}
	return append(list, s)
}

// String lays the matrix out. A cell that says how many of how many is one
// that failed; a dash is a combination that cannot be.
func (m *matrix) String() string {
	const rowWidth = 34
	var b strings.Builder
	for i, column := range m.columns {
		fmt.Fprintf(&b, "%*c %s\n", rowWidth+6*i+5, 'A'+i, column)
	}
	total, failed := 0, 0
	for _, row := range m.rows {
		fmt.Fprintf(&b, "%-*s", rowWidth, row)
		for _, column := range m.columns {
			text := "–"
			if c := m.cells[[2]string{row, column}]; c != nil {
				passed, played := int(c.passed.Load()), int(c.played.Load())
				total, failed = total+played, failed+played-passed
				text = fmt.Sprint(passed)
				if passed < played {
					text = fmt.Sprintf("%d/%d", passed, played)
				}
			}
			fmt.Fprintf(&b, "%6s", text)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d exchanges, %d failed\n", total, failed)
	return b.String()
}
