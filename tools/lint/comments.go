package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxColumns = 100
	tabWidth   = 4
	maxWhat    = 1.0 // in 1000 words
)

// lintPackage returns all problems of the non-test files of a folder.
func lintPackage(dir, folder string, links *resolver, details io.Writer) ([]problem, error) {
	fset := token.NewFileSet()
	names, err := goFiles(filepath.Join(dir, folder))
	if err != nil {
		return nil, err
	}
	var problems, whats []problem
	var files []*ast.File
	total := 0
	for _, name := range names {
		file := path.Join(folder, name)
		src, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(fset, file, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		prose := fileProse(fset, f)
		problems = append(problems, lintParagraphs(file, prose)...)
		problems = append(problems, lintWidth(fset, f, file, src)...)
		problems = append(problems, lintCode(fset, f, file)...)
		words, lines := countWhats(prose)
		total += words
		for _, line := range lines {
			whats = append(whats, problem{file, line, ""})
		}
	}
	fmt.Fprintf(details, "%-28s %6d words, %4d what\n", folder, total, len(whats))
	if rate := float64(len(whats)) / float64(max(total, 1)) * 1000; rate > maxWhat {
		for _, w := range whats {
			w.text = fmt.Sprintf(`"what": %d in the %d words of %s are %.1f in 1000, above %.1f`,
				len(whats), total, folder, rate, maxWhat)
			problems = append(problems, w)
		}
	}
	dead, err := links.lint(fset, folder, files)
	return append(problems, dead...), err
}

// fileProse returns the prose of all comments of a file.
func fileProse(fset *token.FileSet, f *ast.File) []paragraph {
	var all []paragraph
	for _, group := range f.Comments {
		all = append(all, groupProse(fset, group)...)
	}
	return all
}

var (
	directive  = regexp.MustCompile(`^//(?:[a-z0-9]+:[a-z0-9]|line |export |extern )`)
	listItem   = regexp.MustCompile(`^\s+(?:[-*+•]|\d+[.)])\s`)
	codeIndent = regexp.MustCompile(`^(?:\t| {4})`)
)

// groupProse returns the prose of a comment, without directives and indented code.
func groupProse(fset *token.FileSet, group *ast.CommentGroup) []paragraph {
	var c collector
	list := false
	for _, comment := range group.List {
		line := fset.Position(comment.Pos()).Line
		for i, text := range commentLines(comment.Text) {
			switch {
			case strings.TrimSpace(text) == "":
				c.end()
				list = false
			case listItem.MatchString(text):
				c.end()
				c.add(line+i, text)
				list = true
			case text[0] == '\t', !list && codeIndent.MatchString(text):
				c.end()
			default:
				if strings.HasPrefix(strings.TrimSpace(text), "# ") {
					c.end()
				}
				c.add(line+i, text)
			}
		}
	}
	c.end()
	return c.done
}

// commentLines returns the lines of a comment without its marks and without the one
// space after them. A directive is a blank line.
func commentLines(text string) []string {
	if directive.MatchString(text) {
		return []string{""}
	}
	if line, ok := strings.CutPrefix(text, "//"); ok {
		return []string{strings.TrimPrefix(line, " ")}
	}
	lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "/*"), "*/"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i]) // an indent there is that of the code around it
	}
	return lines
}

// lintWidth finds lines with comments that are too long. A comment of one word, as a
// URL is, cannot be broken and may be longer.
func lintWidth(fset *token.FileSet, f *ast.File, file string, src []byte) []problem {
	lines := strings.Split(string(src), "\n")
	var problems []problem
	for _, group := range f.Comments {
		for _, comment := range group.List {
			first := fset.Position(comment.Pos()).Line
			for i, text := range commentLines(comment.Text) {
				line := strings.TrimRight(lines[first+i-1], "\r")
				columns := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", strings.Repeat(" ", tabWidth)))
				if columns > maxColumns && len(strings.Fields(text)) > 1 {
					problems = append(problems, problem{
						file, first + i,
						fmt.Sprintf("comment line of %d columns, above %d", columns, maxColumns),
					})
				}
			}
		}
	}
	return problems
}

var misnamed = regexp.MustCompile(`^most[A-Z]`)

// lintCode finds names such as "mostX", each once in a file, and the phrases in
// strings: the texts of errors, of help and of logs.
func lintCode(fset *token.FileSet, f *ast.File, file string) []problem {
	var problems []problem
	seen := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if misnamed.MatchString(n.Name) && !seen[n.Name] {
				seen[n.Name] = true
				problems = append(problems, problem{
					file, fset.Position(n.Pos()).Line,
					fmt.Sprintf("%s: a limit is called %s", n.Name, "max"+n.Name[len("most"):]),
				})
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				p := newParagraph(fset.Position(n.Pos()).Line, text)
				if n.Value[0] == '"' {
					p.raw = strings.ReplaceAll(p.raw, "\n", " ") // escaped: on the same line
				}
				problems = append(problems, lintParagraphs(file, []paragraph{p})...)
			}
		}
		return true
	})
	return problems
}
