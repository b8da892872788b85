package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A module is the type-checked source of a module, without tests.
type module struct {
	dir   string
	fset  *token.FileSet
	funcs map[string]*function // by types.Func.FullName
}

// A function is a declared function or method.
type function struct {
	file string // relative to the module
	decl *ast.FuncDecl
	info *types.Info
}

// load reads the module in dir.
func load(dir string) (*module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	m := &module{dir: dir, fset: token.NewFileSet(), funcs: make(map[string]*function)}
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.LoadSyntax,
		Dir:  dir,
		Env:  append(os.Environ(), "GOWORK=off"),
		Fset: m.fset,
	}, "./...")
	if err != nil {
		return nil, err
	}
	for _, pkg := range pkgs {
		for _, e := range pkg.Errors {
			return nil, e
		}
		for _, f := range pkg.Syntax {
			rel, err := filepath.Rel(dir, m.fset.Position(f.FileStart).Filename)
			if err != nil {
				return nil, err
			}
			for _, d := range f.Decls {
				d, ok := d.(*ast.FuncDecl)
				if !ok || d.Body == nil {
					continue
				}
				obj := pkg.TypesInfo.Defs[d.Name].(*types.Func)
				m.funcs[obj.FullName()] = &function{filepath.ToSlash(rel), d, pkg.TypesInfo}
			}
		}
	}
	if len(m.funcs) == 0 {
		return nil, errors.New("no functions in " + dir)
	}
	return m, nil
}

// passage returns the parameters that a parameter passes through, by file. If fields, it
// follows fields of the value, too.
func (m *module) passage(name string, fields bool) (map[string][]string, error) {
	fn, param, err := m.find(name)
	if err != nil {
		return nil, err
	}
	w := walk{module: m, fields: fields, entered: make(map[*types.Var]bool), files: make(map[string][]string)}
	w.enter(fn, param)
	return w.files, nil
}

// find returns the function and the parameter of "[FILE.go:][Type.]Func:param".
func (m *module) find(name string) (*function, *types.Var, error) {
	parts := strings.Split(name, ":")
	file := ""
	if len(parts) == 3 {
		file, parts = parts[0], parts[1:]
	}
	if len(parts) != 2 {
		return nil, nil, fmt.Errorf("%q is not [FILE.go:][Type.]Func:param", name)
	}
	for _, fn := range m.funcs {
		if fn.name() != parts[0] || file != fn.file && (file != "" || strings.Contains(fn.file, "/")) {
			continue
		}
		for _, v := range fn.params() {
			if v != nil && v.Name() == parts[1] {
				return fn, v, nil
			}
		}
		return nil, nil, fmt.Errorf("%s has no parameter %s", parts[0], parts[1])
	}
	return nil, nil, fmt.Errorf("no function %s", strings.TrimPrefix(file+":"+parts[0], ":"))
}

// name returns the name of a function, or "Type.Method".
func (fn *function) name() string {
	if fn.decl.Recv == nil {
		return fn.decl.Name.Name
	}
	t := ast.Unparen(fn.decl.Recv.List[0].Type)
	for {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		default:
			return types.ExprString(t) + "." + fn.decl.Name.Name
		}
	}
}

// params returns the parameters; the first is the receiver, or nil.
func (fn *function) params() []*types.Var {
	sig := fn.info.Defs[fn.decl.Name].Type().(*types.Signature)
	all := []*types.Var{sig.Recv()}
	for v := range sig.Params().Variables() {
		all = append(all, v)
	}
	return all
}

// A walk visits the functions that a value enters.
type walk struct {
	*module
	fields  bool
	entered map[*types.Var]bool
	files   map[string][]string // the parameters by file
}

// enter visits fn, in which v holds the value or a part of it.
func (w *walk) enter(fn *function, v *types.Var) {
	if w.entered[v] {
		return
	}
	w.entered[v] = true
	w.files[fn.file] = append(w.files[fn.file], fn.name()+":"+v.Name())
	b := body{walk: w, fn: fn, vars: map[types.Object]bool{v: true}}
	for known := 0; known < len(b.vars); {
		known = len(b.vars)
		ast.Inspect(fn.decl.Body, b.assign)
	}
	ast.Inspect(fn.decl.Body, b.call)
}

// A body is the code of one function and the variables in it that hold the value or a
// part of it.
type body struct {
	*walk
	fn   *function
	vars map[types.Object]bool
}

// assign finds variables to which the value is assigned.
func (b *body) assign(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i := range n.Rhs { // fewer than n.Lhs in v, ok = x.(T)
			if b.isValue(n.Rhs[i]) {
				b.add(n.Lhs[i])
			}
		}
	case *ast.ValueSpec:
		for i := range n.Values {
			if b.isValue(n.Values[i]) {
				b.add(n.Names[i])
			}
		}
	case *ast.RangeStmt:
		if b.isValue(n.X) {
			b.add(n.Value)
			if n.Key != nil && b.fn.info.TypeOf(n.Key) != types.Typ[types.Int] { // no index
				b.add(n.Key)
			}
		}
	case *ast.TypeSwitchStmt:
		if s, ok := n.Assign.(*ast.AssignStmt); ok && b.isValue(s.Rhs[0]) {
			for _, clause := range n.Body.List {
				b.vars[b.fn.info.Implicits[clause]] = true
			}
		}
	case *ast.CallExpr:
		if lit, ok := ast.Unparen(n.Fun).(*ast.FuncLit); ok {
			params := b.fn.info.TypeOf(lit).(*types.Signature).Params()
			for i, arg := range n.Args {
				if b.isValue(arg) {
					b.vars[params.At(min(i, params.Len()-1))] = true
				}
			}
		}
	}
	return true
}

// add records that a local variable holds the value.
func (b *body) add(e ast.Expr) {
	id, ok := e.(*ast.Ident)
	if !ok {
		return // a field, or no expression at all
	}
	if v, ok := b.fn.info.ObjectOf(id).(*types.Var); ok && v.Parent() != v.Pkg().Scope() {
		b.vars[v] = true
	}
}

// isValue reports whether the expression is the value or a part of it, or a new value
// that contains one.
func (b *body) isValue(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return b.vars[b.fn.info.Uses[e]]
	case *ast.ParenExpr:
		return b.isValue(e.X)
	case *ast.StarExpr:
		return b.isValue(e.X)
	case *ast.UnaryExpr:
		return e.Op == token.AND && b.isValue(e.X)
	case *ast.SliceExpr:
		return b.isValue(e.X)
	case *ast.IndexExpr:
		return b.isValue(e.X)
	case *ast.SelectorExpr:
		sel := b.fn.info.Selections[e]
		return b.fields && sel != nil && sel.Kind() == types.FieldVal && b.isValue(e.X)
	case *ast.TypeAssertExpr:
		return b.isValue(e.X)
	case *ast.KeyValueExpr:
		return b.isValue(e.Value)
	case *ast.CompositeLit:
		return slices.ContainsFunc(e.Elts, b.isValue)
	case *ast.CallExpr: // a conversion
		return b.fn.info.Types[e.Fun].IsType() && b.isValue(e.Args[0])
	}
	return false
}

// call enters the functions to which the value is passed.
func (b *body) call(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		fn := b.callee(n.Fun)
		if fn == nil {
			return true
		}
		params := fn.params()[1:]
		for i, arg := range n.Args {
			if b.isValue(arg) {
				b.enter(fn, params[min(i, len(params)-1)])
			}
		}
	case *ast.SelectorExpr:
		if sel := b.fn.info.Selections[n]; sel != nil && sel.Kind() == types.MethodVal && b.isValue(n.X) {
			if fn := b.callee(n); fn != nil {
				b.enter(fn, fn.params()[0])
			}
		}
	}
	return true
}

// callee returns the declared function of the module that an expression names, or nil.
func (b *body) callee(e ast.Expr) *function {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	case *ast.IndexExpr:
		return b.callee(e.X)
	case *ast.IndexListExpr:
		return b.callee(e.X)
	default:
		return nil
	}
	if fn, ok := b.fn.info.Uses[id].(*types.Func); ok {
		return b.funcs[fn.Origin().FullName()]
	}
	return nil
}
