package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A resolver looks names up in the documentation of packages, as pkg.go.dev does.
type resolver struct {
	dir      string
	packages map[string]*comment.Parser // by import path; nil: not found
}

func newResolver(dir string) *resolver {
	return &resolver{dir: dir, packages: make(map[string]*comment.Parser)}
}

// lint finds the links in the doc comments of a folder's files that resolve to nothing.
func (r *resolver) lint(fset *token.FileSet, folder string, files []*ast.File) ([]problem, error) {
	var problems []problem
	for _, group := range byPackage(files) {
		// Both come first: go/doc removes unexported declarations from the files.
		hidden := unexported(group)
		comments := docComments(group)
		own, err := parserOf(fset, group, folder)
		if err != nil {
			return nil, err
		}
		for _, text := range comments {
			defined := definitions(text)
			for _, p := range groupProse(fset, text) {
				for _, l := range findLinks(p) {
					if why := r.check(l.text, own, hidden, folder); why != "" && !defined[l.text] {
						file := fset.Position(text.Pos()).Filename
						problems = append(problems, problem{file, l.line, why})
					}
				}
			}
		}
	}
	return problems, nil
}

// byPackage groups files by the name of their package: a folder may also have a
// program that no build includes.
func byPackage(files []*ast.File) map[string][]*ast.File {
	groups := make(map[string][]*ast.File)
	for _, f := range files {
		groups[f.Name.Name] = append(groups[f.Name.Name], f)
	}
	return groups
}

func parserOf(fset *token.FileSet, files []*ast.File, path string) (*comment.Parser, error) {
	p, err := doc.NewFromFiles(fset, files, path, doc.PreserveAST)
	if err != nil {
		return nil, err
	}
	return p.Parser(), nil
}

// unexported returns the names of a package that its documentation does not show.
func unexported(files []*ast.File) map[string]bool {
	names := make(map[string]bool)
	add := func(ids ...*ast.Ident) {
		for _, id := range ids {
			if !id.IsExported() {
				names[id.Name] = true
			}
		}
	}
	for _, f := range files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						add(spec.Name)
					case *ast.ValueSpec:
						add(spec.Names...)
					}
				}
			}
		}
	}
	return names
}

// docComments returns the comments that document a package, a declaration, a field or a
// method.
func docComments(files []*ast.File) []*ast.CommentGroup {
	var all []*ast.CommentGroup
	add := func(g *ast.CommentGroup) {
		if g != nil {
			all = append(all, g)
		}
	}
	inspect := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.File:
			add(n.Doc)
		case *ast.FuncDecl:
			add(n.Doc)
			return false
		case *ast.GenDecl:
			add(n.Doc)
		case *ast.TypeSpec:
			add(n.Doc)
		case *ast.ValueSpec:
			add(n.Doc)
		case *ast.Field:
			add(n.Doc)
		}
		return true
	}
	for _, f := range files {
		ast.Inspect(f, inspect)
	}
	return all
}

var (
	bracketed  = regexp.MustCompile(`\[\*?((?:[\w.~-]+/)*[\pL_]\w*(?:\.[\pL_]\w*){0,2})\]`)
	definition = regexp.MustCompile(`(?m)^\[([^\]]+)\]: \S+`)
)

// definitions returns the texts to which a comment itself gives a URL.
func definitions(text *ast.CommentGroup) map[string]bool {
	defined := make(map[string]bool)
	for _, m := range definition.FindAllStringSubmatch(text.Text(), -1) {
		defined[m[1]] = true
	}
	return defined
}

// A link is a text in brackets where go/doc looks for the name of an object.
type link struct {
	line int
	text string
}

func findLinks(p paragraph) []link {
	var links []link
	for _, at := range bracketed.FindAllStringSubmatchIndex(p.text, -1) {
		before, _ := utf8.DecodeLastRuneInString(p.text[:at[0]])
		after, _ := utf8.DecodeRuneInString(p.text[at[1]:])
		if delimits(before) && delimits(after) {
			links = append(links, link{p.lineAt(at[0]), p.text[at[2]:at[3]]})
		}
	}
	return links
}

// delimits reports whether a link may begin after r and end before it. At the ends of
// the text r is utf8.RuneError.
func delimits(r rune) bool {
	return r == utf8.RuneError || unicode.IsPunct(r) || unicode.IsSpace(r)
}

// check returns why a link resolves to nothing, or "".
func (r *resolver) check(text string, own *comment.Parser, hidden map[string]bool, folder string) string {
	parts := strings.Split(path.Base(text), ".")
	last := parts[len(parts)-1]
	if len(parts) == 1 && !ast.IsExported(last) {
		if hidden[last] {
			return fmt.Sprintf("[%s] links to a name that is not exported", text)
		}
		return "" // a package, or no link at all
	}
	dead := fmt.Sprintf("[%s] links to nothing", text)
	if !ast.IsExported(last) || len(parts) == 3 && !ast.IsExported(parts[1]) {
		return dead
	}
	if ast.IsExported(parts[0]) && !strings.Contains(text, "/") {
		if len(parts) < 3 && own.LookupSym(strings.Join(parts[:len(parts)-1], "."), last) {
			return ""
		}
		return dead
	}
	name := strings.TrimSuffix(text, "."+strings.Join(parts[1:], "."))
	importPath, ok := own.LookupPackage(name)
	if !ok {
		if importPath, ok = comment.DefaultLookupPackage(name); !ok && !strings.Contains(name, "/") {
			return dead + fmt.Sprintf(": package %s is not imported", name)
		} else if !ok {
			importPath = name
		}
	}
	other, err := r.parser(importPath, folder)
	if err != nil {
		return fmt.Sprintf("%s: %v", dead, err)
	}
	if !other.LookupSym(strings.Join(parts[1:len(parts)-1], "."), last) {
		return dead
	}
	return ""
}

// parser returns the names of a package that the package in folder imports.
func (r *resolver) parser(importPath, folder string) (*comment.Parser, error) {
	if p := r.packages[importPath]; p != nil {
		return p, nil
	}
	dir, err := r.find(importPath, folder)
	if err != nil {
		return nil, err
	}
	names, err := goFiles(dir)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if f.Name.Name != "main" {
			files = append(files, f)
		}
	}
	p, err := parserOf(fset, files, importPath)
	r.packages[importPath] = p
	return p, err
}

// find returns the folder with the source of a package.
func (r *resolver) find(importPath, folder string) (string, error) {
	if std := filepath.Join(build.Default.GOROOT, "src", importPath); build.Default.GOROOT != "" {
		if names, err := goFiles(std); err == nil && len(names) > 0 {
			return std, nil
		}
	}
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-find", "-f", "{{.Dir}}", importPath)
	cmd.Dir = filepath.Join(r.dir, folder)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}
