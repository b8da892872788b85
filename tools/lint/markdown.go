package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	fence     = regexp.MustCompile("^\\s*(?:[-*+]\\s+|\\d+\\.\\s+)?(`{3,}|~{3,})")
	newBlock  = regexp.MustCompile(`^\s*(?:[-*+]\s|\d+[.)]\s|#|\|)`)
	blockline = regexp.MustCompile(`^\s*>`)
)

// markdownParagraphs splits a document into its prose: paragraphs, headings, items of
// lists and rows of tables, without fenced blocks and blockquotes.
func markdownParagraphs(text string) []paragraph {
	var c collector
	closing := "" // of the fenced block that is open
	for i, line := range strings.Split(text, "\n") {
		mark := ""
		if m := fence.FindStringSubmatch(line); m != nil {
			mark = m[1]
		}
		switch {
		case closing != "":
			if strings.HasPrefix(mark, closing) {
				closing = ""
			}
		case mark != "":
			closing = mark
			c.end()
		case blockline.MatchString(line), strings.TrimSpace(line) == "":
			c.end()
		default:
			if newBlock.MatchString(line) {
				c.end()
			}
			c.add(i+1, line)
		}
	}
	c.end()
	return c.done
}

// A collector joins lines to paragraphs.
type collector struct {
	done  []paragraph
	first int
	lines []string
}

func (c *collector) add(line int, text string) {
	if len(c.lines) == 0 {
		c.first = line
	}
	c.lines = append(c.lines, text)
}

func (c *collector) end() {
	if len(c.lines) > 0 {
		c.done = append(c.done, newParagraph(c.first, strings.Join(c.lines, "\n")))
	}
	c.lines = nil
}

var (
	relative = regexp.MustCompile(`\]\(([^)\s:]*)\)|(?m:^\[[^\]]+\]:[ \t]+([^\s:]+)$)`)
	labelled = regexp.MustCompile(`\]\[([^\]]+)\]`)
	label    = regexp.MustCompile(`(?m)^\[([^\]]+)\]:[ \t]`)
	heading  = regexp.MustCompile(`^#+\s+(.*?)\s*$`)
	notSlug  = regexp.MustCompile(`[^\pL\pN _-]`)
)

// lintTargets finds the links to files and headings of the checkout that do not exist, and
// those to a label that the document does not define.
func lintTargets(dir, file string, paragraphs []paragraph) []problem {
	var problems []problem
	labels := make(map[string]bool)
	for _, p := range paragraphs {
		for _, m := range label.FindAllStringSubmatch(p.raw, -1) {
			labels[strings.ToLower(m[1])] = true
		}
	}
	for _, p := range paragraphs {
		for _, at := range labelled.FindAllStringSubmatchIndex(p.text, -1) {
			if name := p.text[at[2]:at[3]]; !labels[strings.ToLower(name)] {
				problems = append(problems, problem{
					file, p.lineAt(at[0]), fmt.Sprintf("the link to [%s] has no definition", name),
				})
			}
		}
		for _, at := range relative.FindAllStringSubmatchIndex(p.raw, -1) {
			from, to := at[2], at[3]
			if from < 0 {
				from, to = at[4], at[5]
			}
			target := p.raw[from:to]
			if !hasTarget(filepath.Join(dir, file), target) {
				problems = append(problems, problem{
					file, p.lineAt(at[0]), fmt.Sprintf("the link to %s leads to nothing", target),
				})
			}
		}
	}
	return problems
}

// hasTarget reports whether the target of a link in a document exists.
func hasTarget(document, target string) bool {
	name, anchor, _ := strings.Cut(target, "#")
	if name != "" {
		document = filepath.Join(filepath.Dir(document), name)
	}
	if _, err := os.Stat(document); err != nil {
		return false
	}
	if anchor == "" || !strings.HasSuffix(document, ".md") {
		return true
	}
	text, err := os.ReadFile(document)
	if err != nil {
		return false
	}
	for _, p := range markdownParagraphs(string(text)) {
		if m := heading.FindStringSubmatch(p.raw); m != nil && slug(m[1]) == anchor {
			return true
		}
	}
	return false
}

// slug returns the anchor that GitHub gives to a heading.
func slug(title string) string {
	return strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}
