package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
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

// The functions are called from here as from any package that uses them: what the
// compiler knows of a call within the package would hide allocations. Only a list and
// its errors are allocated.
func TestNoAllocations(t *testing.T) {
	echo := wire.AppendMessage(nil, "/foo/1.0.0")
	text := echo[1 : len(echo)-1]
	other := []byte("/foo/1.0.1")
	flight := append([]byte(wire.HeaderFrame), echo...)
	header, na, ls := []byte(wire.Header), []byte(wire.NA), []byte(wire.LS)
	naFrame := []byte(rules.NAFrame)
	name := string(text)
	var s rules.State
	for _, tt := range []struct {
		name string
		call func()
	}{
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
		{"State.MayIgnoreWriteError", func() { kept.is = s.MayIgnoreWriteError() }},
	} {
		if allocs := testing.AllocsPerRun(100, tt.call); allocs != 0 {
			t.Errorf("%s: %v allocations", tt.name, allocs)
		}
	}
}

// The package decides with values: it imports only the codec and strings, and has no
// variable in which one conversation could find something of another.
func TestImportsAndVariables(t *testing.T) {
	allowed := []string{"github.com/multiselect/multiselect/wire", "strings"}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", entry.Name(), spec.Path.Value)
			}
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.VAR {
				t.Errorf("%s declares a variable", entry.Name())
			}
		}
	}
	if files == 0 {
		t.Error("no file was read")
	}
}
