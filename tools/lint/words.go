package main

import (
	"fmt"
	"regexp"
	"strings"
)

// A phrase is not plain English here. near, if not nil, matches the nouns that make it
// right when one of them is close.
type phrase struct {
	re   *regexp.Regexp
	near *regexp.Regexp
}

// Clients are rightly said to be "behind" these.
var places = regexp.MustCompile(`(?i)^(?:proxy|proxies|balancers?|nats?|firewalls?|ports?|address(?:es)?)$`)

var phrases = []phrase{
	{re: words(`behind`), near: places},
	{re: words(`in front of`), near: places},
	{re: words(`beside`)},
	{re: words(`whoever`)},
	{re: words(`at once`)},
	{re: words(`(?:take|takes|took|taken|taking) note`)},
	{re: words(`(?:stand|stands|stood) there`)},
	{re: words(`(?:is|was|are|were) over`)},
	{re: words(`(?:give|gives|gave|given|giving) back`)},
	{re: words(`for ever`)},
	{re: words(`unsaid`)},
	{re: regexp.MustCompile(`\bmost[A-Z]\w*`)},
}

var (
	what = words(`what`)
	word = regexp.MustCompile(`[\pL][\pL'’-]*`)
)

// words compiles an expression for whole words, in any case and across line breaks.
func words(expr string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b` + strings.ReplaceAll(expr, " ", `\s+`) + `\b`)
}

// A paragraph is a piece of prose. In text everything that is quoted or code is
// blanked; raw is the original of the same length.
type paragraph struct {
	line      int // of its first character
	raw, text string
}

// lineAt returns the number of the line of the byte at offset i.
func (p paragraph) lineAt(i int) int {
	return p.line + strings.Count(p.raw[:i], "\n")
}

// lintParagraphs finds the phrases.
func lintParagraphs(file string, paragraphs []paragraph) []problem {
	var problems []problem
	for _, p := range paragraphs {
		for _, ph := range phrases {
			for _, at := range ph.re.FindAllStringIndex(p.text, -1) {
				if isPartOfName(p.text, at[0], at[1]) || ph.near != nil && hasNear(p.raw, at[0], at[1], ph.near) {
					continue
				}
				found := strings.Join(strings.Fields(p.text[at[0]:at[1]]), " ")
				problems = append(problems, problem{file, p.lineAt(at[0]), fmt.Sprintf("%q is not plain English here", found)})
			}
		}
	}
	return problems
}

// isPartOfName reports whether text[from:to] is joined to another word, as in the
// identifier of a case: "R13-slash-behind".
func isPartOfName(text string, from, to int) bool {
	return strings.HasSuffix(text[:from], "-") || strings.HasPrefix(text[to:], "-")
}

// How many words away the noun may be that makes a phrase right.
const (
	maxBefore = 4
	maxAfter  = 6
)

var (
	sentenceEnd = regexp.MustCompile(`[.!?;:](?:\s|$)`)
	letters     = regexp.MustCompile(`\pL+`)
)

// hasNear reports whether a word that matches is close to text[from:to] in the same
// sentence.
func hasNear(text string, from, to int, near *regexp.Regexp) bool {
	before := text[:from]
	if ends := sentenceEnd.FindAllStringIndex(before, -1); ends != nil {
		before = before[ends[len(ends)-1][1]:]
	}
	after := text[to:]
	if end := sentenceEnd.FindStringIndex(after); end != nil {
		after = after[:end[0]]
	}
	b := letters.FindAllString(before, -1)
	a := letters.FindAllString(after, -1)
	for _, w := range append(b[max(0, len(b)-maxBefore):], a[:min(len(a), maxAfter)]...) {
		if near.MatchString(w) {
			return true
		}
	}
	return false
}

// countWhats returns the number of words, and the line of every "what".
func countWhats(paragraphs []paragraph) (total int, lines []int) {
	for _, p := range paragraphs {
		total += len(word.FindAllString(p.text, -1))
		for _, at := range what.FindAllStringIndex(p.text, -1) {
			lines = append(lines, p.lineAt(at[0]))
		}
	}
	return total, lines
}

var (
	inlineCode = regexp.MustCompile("`+[^`]*`+")
	quotation  = regexp.MustCompile(`"[^"]*"|“[^”]*”|«[^»]*»`)
	target     = regexp.MustCompile(`\]\([^)\s]*\)|\]:\s*\S+|https?://\S+`)
)

// newParagraph blanks inline code, quotations and the targets of links.
func newParagraph(line int, raw string) paragraph {
	text := raw
	for _, re := range []*regexp.Regexp{inlineCode, target, quotation} {
		text = re.ReplaceAllStringFunc(text, blank)
	}
	return paragraph{line, raw, text}
}

// blank replaces every byte but line breaks by a sign that is in no word and ends no
// sentence.
func blank(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] != '\n' {
			b[i] = '_'
		}
	}
	return string(b)
}
