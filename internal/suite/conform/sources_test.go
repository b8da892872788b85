package conform_test

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module     = "github.com/multiselect/multiselect"
	modulePath = "../../.." // from this folder
	suitePath  = modulePath + "/internal/suite"
)

var (
	ruleKey = regexp.MustCompile(`\bR\d+\b`)
	// ruleRange speaks of the rules as a whole, and cites none of them.
	ruleRange = regexp.MustCompile(`\bR\d+ to R\d+\b`)
)

// rulesIn returns the rules that a comment cites.
func rulesIn(group *ast.CommentGroup) []string {
	return ruleKey.FindAllString(ruleRange.ReplaceAllString(prose(group), ""), -1)
}

// enforcers maps each rule to the files of the library that cite it in a comment. The
// library is the root package and all packages of the module that it imports, so no list
// has to follow when files move.
func enforcers(t *testing.T) map[string][]string {
	t.Helper()
	cited := make(map[string][]string)
	for folders, i := []string{"."}, 0; i < len(folders); i++ {
		for _, name := range goFiles(t, folders[i]) {
			keys, imports := citations(t, filepath.Join(modulePath, name))
			for _, key := range keys {
				cited[key] = append(cited[key], filepath.ToSlash(name))
			}
			for _, path := range imports {
				if rest, ok := strings.CutPrefix(path, module+"/"); ok && !slices.Contains(folders, rest) {
					folders = append(folders, rest)
				}
			}
		}
	}
	return cited
}

// goFiles returns the Go files of a folder that are no tests.
func goFiles(t *testing.T, folder string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(modulePath, folder, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatal(folder, paths, err)
	}
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			names = append(names, filepath.Join(folder, filepath.Base(path)))
		}
	}
	return names
}

// citations returns the rules that the comments of a file cite, each once, and the paths
// that it imports.
func citations(t *testing.T, path string) (keys, imports []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Comments {
		keys = append(keys, rulesIn(group)...)
	}
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imports = append(imports, path)
	}
	slices.Sort(keys)
	return slices.Compact(keys), imports
}

// prose returns the text of a comment without its indented blocks: examples and
// transcripts cite nothing.
func prose(group *ast.CommentGroup) string {
	var b strings.Builder
	var add func(blocks []comment.Block)
	text := func(all []comment.Text) {
		for _, t := range all {
			switch t := t.(type) {
			case comment.Plain:
				b.WriteString(string(t))
			case comment.Italic:
				b.WriteString(string(t))
			case *comment.Link:
				b.WriteByte(' ')
			case *comment.DocLink:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	add = func(blocks []comment.Block) {
		for _, block := range blocks {
			switch block := block.(type) {
			case *comment.Paragraph:
				text(block.Text)
			case *comment.Heading:
				text(block.Text)
			case *comment.List:
				for _, item := range block.Items {
					add(item.Content)
				}
			}
		}
	}
	add(new(comment.Parser).Parse(group.Text()).Content)
	return b.String()
}

func TestProse(t *testing.T) {
	const source = `package p

// F enforces R1, as [G] does (R2).
//
//	# R3: an example
//	> /multistream/1.0.0
//
// The list:
//
//   - R4
//
// R5 at the end, of R90 to R99.
func F() {} // R6

const R7 = "R8" // quoted text is no comment
`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, group := range file.Comments {
		got = append(got, rulesIn(group)...)
	}
	if want := []string{"R1", "R2", "R4", "R5", "R6"}; !slices.Equal(got, want) {
		t.Errorf("citations %q, want %q", got, want)
	}
}

// libraryTests returns the names of the tests of the module and of its suites.
func libraryTests(t *testing.T) (names []string) {
	t.Helper()
	decl := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(modulePath, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			isOurs := path == modulePath || path == filepath.FromSlash(suitePath)
			if !isOurs && err == nil || d.Name() == ".git" {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range decl.FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
