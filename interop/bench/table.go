package main

import "strings"

// table is a table of Markdown. The first column is text, the others numbers.
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
