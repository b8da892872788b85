package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// kept has the results of the calls that are measured, so that none is left out by the
// compiler.
var kept struct {
	is      bool
	size    int
	verdict rules.Verdict
	reply   rules.Reply
	fault   rules.Fault
}

// measured are calls that must not allocate, by the name of the function. They are made
// from here as from any package that uses the rules: what the compiler knows of a call
// within the package would hide allocations. Only a list and errors are allocated.
func measured() []measurement {
	echo := wire.AppendMessage(nil, "/foo/1.0.0")
	text := echo[1 : len(echo)-1]
	other := []byte("/foo/1.0.1")
	flight := append([]byte(wire.HeaderFrame), echo...)
	header, na, ls := []byte(wire.Header), []byte(wire.NA), []byte(wire.LS)
	naFrame := []byte(rules.NAFrame)
	name := string(text)
	var s rules.State
	return []measurement{
		{"IsHeader", func() { kept.is = rules.IsHeader(name) }},
		{"CanBeHeader", func() {
			kept.is = rules.CanBeHeader(flight) || rules.CanBeHeader(flight[:7]) || rules.CanBeHeader(echo)
		}},
		{"HasHeader", func() { kept.is = rules.HasHeader(flight) }},
		{"MustFlush", func() { kept.is = rules.MustFlush(3, 4) }},
		{"Readable in the header", func() { kept.size = rules.Readable(flight[:9], true, 3, 1024) }},
		{"Readable in a message", func() { kept.size = rules.Readable(echo[:4], false, 3, 1024) }},
		{"Judge, agreed", func() { kept.verdict = rules.Judge(text, name) }},
		{"Judge, refused", func() { kept.verdict = rules.Judge(na, name) }},
		{"Judge, violated", func() { kept.verdict = rules.Judge(other, name) }},
		{"JudgeFrame, agreed", func() { kept.verdict = rules.JudgeFrame(echo, name) }},
		{"JudgeFrame, refused", func() { kept.verdict = rules.JudgeFrame(naFrame, name) }},
		{"IsEcho", func() { kept.is = rules.IsEcho(echo, name) }},
		{"JudgeList, refused", func() { _, kept.verdict, _ = rules.JudgeList(na, 9) }},
		{"JudgeList, ls", func() { _, kept.verdict, _ = rules.JudgeList(ls, 9) }},
		{"JudgeList, header", func() { _, kept.verdict, _ = rules.JudgeList(header, 9) }},
		{"ReplyTo a name", func() { kept.reply = rules.ReplyTo(text, true, false, true) }},
		{"ReplyTo ls", func() { kept.reply = rules.ReplyTo(ls, false, false, true) }},
		{"Major", func() { _, kept.is = rules.Major(name) }},
		{"ListFits", func() { kept.is = rules.ListFits(3, 40, 3, 40) }},
		{"State.Receive", func() { s = rules.State{}; kept.fault = s.Receive(4, 100) }},
		{"State.Send", func() { s = rules.State{}; kept.fault = s.Send(4, 100) }},
		{"State.Ask", func() { s = rules.State{}; kept.fault = s.Ask(4, 0, 100) }},
		{"State.Propose", func() { s = rules.State{}; kept.fault = s.Propose(4, 0, 3, 100) }},
		{"State.Answer", func() { s = rules.State{}; kept.fault = s.Answer(rules.ReplyNA, 3, 100) }},
		{"State.MayList", func() { kept.is = s.MayList(1) }},
		{"State.AnswerList", func() { s = rules.State{}; s.AnswerList(true) }},
		{"State.HasGivenUp", func() { kept.is = s.HasGivenUp(rules.EndPeer) }},
		{"State.HasListed", func() { kept.is = s.HasListed(rules.EndPeer) }},
		{"State.MayIgnoreWriteError", func() { kept.is = s.MayIgnoreWriteError() }},
		{"State.MustEnd", func() { kept.is = s.MustEnd(true) }},
		{"Proposed", func() { s = rules.Proposed(12) }},
		{"AnswerEnd", func() { kept.size = rules.AnswerEnd(flight, 32, 1024) }},
	}
}

type measurement struct {
	name string // of the function, and after a space or comma of the case
	call func()
}

func TestNoAllocations(t *testing.T) {
	for _, m := range measured() {
		if allocs := testing.AllocsPerRun(100, m.call); allocs != 0 {
			t.Errorf("%s: %v allocations", m.name, allocs)
		}
	}
}

// Each exported function and method is measured.
func TestAllAreMeasured(t *testing.T) {
	has := make(map[string]bool)
	for _, m := range measured() {
		name, _, _ := strings.Cut(m.name, " ")
		has[strings.TrimSuffix(name, ",")] = true
	}
	count := 0
	for _, file := range files(t) {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil {
				name = "State." + name
			}
			if count++; !has[name] {
				t.Errorf("the allocations of %s are not measured", name)
			}
		}
	}
	if count == 0 {
		t.Error("no function was found")
	}
}

// The package decides with values: it imports only the codec and strings, and has no
// variable in which one conversation could find something of another.
func TestImportsAndVariables(t *testing.T) {
	allowed := []string{"github.com/multiselect/multiselect/wire", "strings"}
	for name, file := range files(t) {
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, spec.Path.Value)
			}
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
				t.Errorf("%s declares a variable", name)
			}
		}
	}
}

// files returns the files of the package, by their names.
func files(t *testing.T) map[string]*ast.File {
	t.Helper()
	const dir = "../../rules"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	parsed := make(map[string]*ast.File)
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed[entry.Name()] = file
	}
	if len(parsed) == 0 {
		t.Fatal("the package has no files")
	}
	return parsed
}
