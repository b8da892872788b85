package multiselect_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The house rules, as far as a program can read them.
const (
	maxExports   = 44  // types, functions and variables at the top level of the root
	maxLines     = 400 // of a file
	maxFuncLines = 60
)

// sources calls visit for each Go file of the root, its packages, and the modules
// that are published.
func sources(t *testing.T, visit func(path string, fset *token.FileSet, file *ast.File)) {
	t.Helper()
	for _, folder := range []string{".", "wire", "transcript", "telemetry", "netmux", "examples", "conform", "internal", "otel", filepath.Join("cmd", "mss"), "gomultistream"} {
		fset := token.NewFileSet()
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case os.IsNotExist(err) && path == folder:
				return fs.SkipDir // not built yet
			case err != nil:
				return err
			case entry.IsDir() && (folder == "." && path != "." || entry.Name() == "testdata"):
				return fs.SkipDir
			case entry.IsDir() || filepath.Ext(path) != ".go":
				return nil
			}
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err == nil {
				visit(path, fset, file)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestShapeSizes(t *testing.T) {
	sources(t, func(path string, fset *token.FileSet, file *ast.File) {
		if lines := fset.File(file.FileStart).LineCount(); lines > maxLines {
			t.Errorf("%s has %d lines, %d are allowed", path, lines, maxLines)
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; lines > maxFuncLines {
				t.Errorf("%s: %s has %d lines, %d are allowed", path, fn.Name, lines, maxFuncLines)
			}
		}
	})
}

func TestShapeExports(t *testing.T) {
	var names []string
	sources(t, func(path string, _ *token.FileSet, file *ast.File) {
		if filepath.Dir(path) == "." && !strings.HasSuffix(path, "_test.go") {
			names = append(names, exports(file)...)
		}
	})
	t.Logf("%d of %d: %s", len(names), maxExports, strings.Join(names, " "))
	if len(names) > maxExports || len(names) < 10 {
		t.Errorf("the root exports %d types, functions and variables, %d are allowed", len(names), maxExports)
	}
}

// exports returns the types, functions and variables that a file exports.
// Constants are values of a type that counts already.
func exports(file *ast.File) (names []string) {
	add := func(idents ...*ast.Ident) {
		for _, ident := range idents {
			if ident.IsExported() {
				names = append(names, ident.Name)
			}
		}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					if d.Tok == token.VAR {
						add(s.Names...)
					}
				}
			}
		}
	}
	return names
}

// The library needs nothing but the standard library.
func TestShapeNoRequire(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"require", "replace", "tool"} {
		if bytes.Contains(mod, []byte(word)) {
			t.Errorf("go.mod has a %s directive:\n%s", word, mod)
		}
	}
}
