package conform

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// sourceLine is a line of a case file, with the number that errors name.
type sourceLine struct {
	number int
	text   string
}

// table is a "for" line and its rows. The case below it is read once for each row.
type table struct {
	line    int
	columns []string
	rows    [][]string
	body    []sourceLine
}

var column = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]+$`) })

// expandTables returns the lines of a case file, in which each case below a table is
// repeated for each row, with "${column}" replaced by the cell.
func expandTables(text string) ([]sourceLine, error) {
	var lines []sourceLine
	var t *table
	flush := func() error {
		if t == nil {
			return nil
		}
		expanded, err := t.expand()
		if err != nil {
			return fmt.Errorf("line %d: %w", t.line, err)
		}
		lines, t = append(lines, expanded...), nil
		return nil
	}
	for i, text := range strings.Split(text, "\n") {
		l := sourceLine{i + 1, strings.TrimSuffix(text, "\r")}
		word, rest, _ := strings.Cut(l.text, " ")
		if word == "for" || word == "case" && t != nil && t.body != nil {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		switch {
		case word == "for":
			t = &table{line: l.number, columns: cells(rest)}
		case t == nil:
			lines = append(lines, l)
		case t.body == nil && strings.HasPrefix(l.text, "|"):
			t.rows = append(t.rows, cells(l.text[1:]))
		case t.body != nil || word == "case":
			t.body = append(t.body, l)
		case l.text != "" && l.text[0] != '#':
			return nil, fmt.Errorf("line %d: neither a row of the table nor its case: %q", l.number, l.text)
		}
	}
	return lines, flush()
}

func cells(row string) []string {
	all := strings.Split(row, "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

func (t *table) expand() (lines []sourceLine, err error) {
	if len(t.rows) == 0 || t.body == nil {
		return nil, errors.New("a table without rows or without a case")
	}
	for i, name := range t.columns {
		used := func(l sourceLine) bool { return strings.Contains(l.text, "${"+name+"}") }
		switch {
		case !column().MatchString(name) || name == patternAny || name == patternList || slices.Contains(t.columns[:i], name):
			return nil, fmt.Errorf("%q cannot name a column", name)
		case !slices.ContainsFunc(t.body, used):
			return nil, fmt.Errorf("the case does not use the column %q", name)
		}
	}
	for _, row := range t.rows {
		if len(row) != len(t.columns) {
			return nil, fmt.Errorf("a row of %d cells in a table of %d columns: %q", len(row), len(t.columns), row)
		}
		var pairs []string
		for i, name := range t.columns {
			pairs = append(pairs, "${"+name+"}", row[i])
		}
		replace := strings.NewReplacer(pairs...)
		for _, l := range t.body {
			lines = append(lines, sourceLine{l.number, replace.Replace(l.text)})
		}
	}
	return lines, nil
}
