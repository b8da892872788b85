package main

import (
	"strings"
	"unicode/utf8"
)

// table is a table of Markdown. The first column is text, the others are numbers.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) String() string {
	var b strings.Builder
	row := func(cells []string) {
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	row(t.header)
	for i := range t.header {
		b.WriteString(map[bool]string{true: "|---", false: "|--:"}[i == 0])
	}
	b.WriteString("|\n")
	for _, cells := range t.rows {
		row(cells)
	}
	return b.String()
}

// aligned returns the table for terminals.
func (t *table) aligned() string {
	widths := make([]int, len(t.header))
	rows := append([][]string{t.header}, t.rows...)
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, cells := range rows {
		var line strings.Builder
		for i, cell := range cells {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				line.WriteString(cell + space)
			} else {
				line.WriteString("  " + space + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
