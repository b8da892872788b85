package conform_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

const idsPath = "testdata/ids.txt"

// The ids are a promise: lists of expected failures, links and reports use them. An id
// that vanishes fails here, and -update does not remove it from the list.
func TestIDs(t *testing.T) {
	text, err := os.ReadFile(idsPath)
	if err != nil && !*update {
		t.Fatal(err)
	}
	var promised []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			promised = append(promised, line)
		}
	}
	var have []string
	for _, c := range allCases() {
		have = append(have, label(c))
	}
	for _, id := range promised {
		if !slices.Contains(have, id) {
			t.Errorf("the case %q has vanished; ids are stable, see cases/README.md", id)
		}
	}
	added := slices.DeleteFunc(have, func(id string) bool { return slices.Contains(promised, id) })
	if len(added) == 0 {
		return
	}
	if !*update {
		t.Fatalf("%s lacks %q: go test ./internal/suite/conform -run TestIDs -update adds them", idsPath, added)
	}
	all := append(promised, added...)
	slices.Sort(all)
	head := "# The ids of all cases, with the role of the party under test. They never change.\n"
	if err := os.WriteFile(idsPath, []byte(head+strings.Join(all, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

const smallCase = `title a case
level MUST
> /multistream/1.0.0
legal any: it is
< /multistream/1.0.0
`

func TestParse(t *testing.T) {
	cases, err := conform.Parse(multiselect.Responder, `# comment
for id | name | title
| R10-a | a b | the first
# comment

| R13-b |     | the second
case ${id}
title «${title}»
level SHOULD
color blue

> /multistream/1.0.0
--

repeat 2
>! "x${name}"
legal any: it is
case R2-c
`+strings.ReplaceAll(smallCase, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cases {
		got = append(got, fmt.Sprintf("%s %v %s %q %q", c.ID, c.Level, c.Title, c.Script, c.Extra))
	}
	if want := []string{
		`R10-a SHOULD «the first» ["> /multistream/1.0.0" "--" "repeat 2" ">! \"xa b\""] map["color":"blue"]`,
		`R13-b SHOULD «the second» ["> /multistream/1.0.0" "--" "repeat 2" ">! \"x\""] map["color":"blue"]`,
		`R2-c MUST a case ["> /multistream/1.0.0"] map[]`,
	}; !slices.Equal(got, want) {
		t.Errorf("Parse =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// An error names its line, so a misspelt case is not played as another one.
func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"> /multistream/1.0.0", `line 1: a line of a case without a case`},
		{"level MUST", `line 1: "level" without a case`},
		{"case R2", `line 1: the id "R2" is not RULE-words`},
		{"case R2-a\n" + smallCase + "case R2-a\n" + smallCase, `line 7: the id "R2-a" is used twice`},
		{"case R2-a\nlevel HIGH", `line 2: no such level: "HIGH"`},
		{"case R2-a\nquotes C99", `line 2: no such sentence: "C99"`},
		{"case R99-a\n" + smallCase, `at the end: R99-a: no such rule: "R99"`},
		{"case R2-a\nneeds luck", `line 2: no such need: "luck"`},
		{"case R2-a\npropose /a", `line 2: a name that is not quoted: /a`},
		{"case R2-a\npropose \"${C}\"", `line 2: ${C}: no such name`},
		{"case R2-a\ncolor red\ncolor blue", `line 3: "color" twice in a case`},
		{"case R2-a\nrepeat 1", `line 2: repeat "1"`},
		{"case R2-a\nsplit 0", `line 2: split "0"`},
		{"case R2-a\ntitle a\n> x\nrepeat 2\nlegal any: it is", `at the end: R2-a: repeat without a line`},
		{"case R2-a\n> ${name}\ntitle a", `line 3: ${name}: no such name`},
		{"case R2-a\n> ${A:quarter}\ntitle a", `line 3: ${A:quarter}: no such form`},
		{"case R2-a\n> ${x*y}\ntitle a", `line 3: ${x*y}: not a number of times`},
		{"case R2-a\n--", `line 2: a write boundary that does not follow a line of the tester`},
		{"case R2-a\n< na\n--", `line 3: a write boundary that does not follow a line of the tester`},
		{"case R2-a\n> x\n--\n< na\ntitle a", `line 5: a write boundary that does not precede a line of the tester`},
		{"case R2-a\n> x\n--\nquiet", `line 4: "quiet" after a write boundary`},
		{"case R2-a\n> x\n--\nlegal any: it is", `line 4: a write boundary at the end of the script`},
		{"case R2-a\nlegal any: it is\n> x\ntitle a", `line 4: in an outcome, a line of the tester: > x`},
		{"case R2-a\nlegal any: it is\nquiet", `line 3: "quiet" after a legal outcome`},
		{"case R2-a\nlegal any", `line 2: a legal outcome without a reason`},
		{"case R2-a\nlegal : no", `line 2: a legal outcome without an ending`},
		{"case R2-a\nlegal open: no", `line 2: no such ending: "open"`},
		{"case R2-a\nlegal any soon: no", `line 2: no such word of an outcome: "soon"`},
		{"case R2-a\nlegal any: it is", `at the end: R2-a: no title`},
		{"case R2-a\ntitle a", `at the end: R2-a: no legal outcome`},
		{"case R2-a\n>x\ntitle a", `line 3: not a transcript`},
		{"for id\ncase ${id}\n" + smallCase, `line 1: a table without rows or without a case`},
		{"for id\n| R2-a", `line 1: a table without rows or without a case`},
		{"for id | title\n| R2-a | ${A}\ncase ${id}\ntitle ${title}\nlevel MUST", `line 4: no such column: "${A}"`},
		{"for id\n| R2-a\ntitle a", `line 3: neither a row of the table nor its case: "title a"`},
		{"for id\n| R2-a | b\ncase ${id}\n" + smallCase, `line 1: a row of 2 cells in a table of 1 columns`},
		{"for id | word\n| R2-a | b\ncase ${id}\n" + smallCase, `line 1: the case does not use the column "word"`},
		{"for ID\n| R2-a\ncase ${ID}\n" + smallCase, `line 1: "ID" cannot name a column`},
		{"for list\n| R2-a\ncase ${list}\n" + smallCase, `line 1: "list" cannot name a column`},
		{"for id\n| R2-a\n| R2-a\ncase ${id}\n" + smallCase, `line 4: the id "R2-a" is used twice`},
	} {
		_, err := conform.Parse(multiselect.Responder, tt.text)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, want %s", tt.text, err, tt.want)
		}
	}
}
