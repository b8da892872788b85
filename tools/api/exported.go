package main

import (
	"fmt"
	"go/types"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// exported returns the lines for the module in dir, sorted.
func exported(dir string) (lines []string, err error) {
	config := packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedExportFile,
		Dir:  dir,
		// The lists are the same, whatever the system is on which they are compared.
		Env: append(os.Environ(), "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"),
	}
	pkgs, err := packages.Load(&config, "./...")
	if err != nil {
		return nil, err
	}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		if p.Name == "main" || slices.Contains(strings.Split(p.PkgPath, "/"), "internal") {
			continue
		}
		l := &list{pkg: p.Types}
		for _, name := range p.Types.Scope().Names() {
			if o := p.Types.Scope().Lookup(name); o.Exported() {
				l.object(o)
			}
		}
		lines = append(lines, l.lines...)
	}
	slices.Sort(lines)
	return lines, nil
}

// A list collects the lines of a package.
type list struct {
	pkg   *types.Package
	lines []string
}

func (l *list) add(format string, args ...any) {
	l.lines = append(l.lines, "pkg "+l.pkg.Path()+", "+fmt.Sprintf(format, args...))
}

// text returns a type as the package itself would write it, but for the paths.
func (l *list) text(t types.Type) string {
	return types.TypeString(unnamed(t), types.RelativeTo(l.pkg))
}

func (l *list) object(o types.Object) {
	switch o := o.(type) {
	case *types.Const:
		l.add("const %s %s = %s", o.Name(), l.text(o.Type()), o.Val().ExactString())
	case *types.Var:
		l.add("var %s %s", o.Name(), l.text(o.Type()))
	case *types.Func:
		l.add("func %s%s", o.Name(), strings.TrimPrefix(l.text(o.Type()), "func"))
	case *types.TypeName:
		l.typeName(o)
	}
}

func (l *list) typeName(o *types.TypeName) {
	if o.IsAlias() {
		l.add("type %s = %s", o.Name(), l.text(types.Unalias(o.Type())))
		return
	}
	named := o.Type().(*types.Named)
	name := o.Name() + parameters(named, types.RelativeTo(l.pkg))
	switch u := named.Underlying().(type) {
	case *types.Struct:
		l.add("type %s struct", name)
		for f := range u.Fields() {
			if f.Embedded() && f.Exported() {
				l.add("type %s struct, embedded %s", name, l.text(f.Type()))
			} else if f.Exported() {
				l.add("type %s struct, %s %s", name, f.Name(), l.text(f.Type()))
			}
		}
	case *types.Interface:
		l.interfaceType(name, u)
		return // its methods are listed
	default:
		l.add("type %s %s", name, l.text(u))
	}
	values := types.NewMethodSet(named)
	for selection := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		m := selection.Obj()
		if !m.Exported() {
			continue
		}
		receiver := "*" + o.Name()
		if values.Lookup(m.Pkg(), m.Name()) != nil {
			receiver = o.Name()
		}
		l.add("method (%s) %s%s", receiver, m.Name(), strings.TrimPrefix(l.text(selection.Type()), "func"))
	}
}

// interfaceType lists the methods: one more breaks those who implement it.
func (l *list) interfaceType(name string, t *types.Interface) {
	l.add("type %s interface", name)
	for m := range t.Methods() {
		if m.Exported() {
			l.add("type %s interface, %s%s", name, m.Name(), strings.TrimPrefix(l.text(m.Type()), "func"))
		} else {
			l.add("type %s interface, an unexported method", name)
		}
	}
}

// parameters returns the type parameters of a generic type in brackets.
func parameters(t *types.Named, q types.Qualifier) string {
	var all []string
	for p := range t.TypeParams().TypeParams() {
		all = append(all, p.Obj().Name()+" "+types.TypeString(p.Constraint(), q))
	}
	if all == nil {
		return ""
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// unnamed returns a type without the names of parameters and results, which are no part of
// the API.
func unnamed(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Signature:
		var params []*types.TypeParam
		for p := range t.TypeParams().TypeParams() {
			params = append(params, p)
		}
		if params != nil {
			return t // a parameter belongs to one signature
		}
		return types.NewSignatureType(nil, nil, nil, unnamedTuple(t.Params()), unnamedTuple(t.Results()), t.Variadic())
	case *types.Slice:
		return types.NewSlice(unnamed(t.Elem()))
	case *types.Pointer:
		return types.NewPointer(unnamed(t.Elem()))
	case *types.Map:
		return types.NewMap(unnamed(t.Key()), unnamed(t.Elem()))
	}
	return t
}

func unnamedTuple(t *types.Tuple) *types.Tuple {
	var all []*types.Var
	for v := range t.Variables() {
		all = append(all, types.NewParam(v.Pos(), v.Pkg(), "", unnamed(v.Type())))
	}
	return types.NewTuple(all...)
}
