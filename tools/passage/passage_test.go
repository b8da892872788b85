package main

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestPassage(t *testing.T) {
	m, err := load("testdata/module")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, want string }{
		{"value.Plain:v", "direct.go indirect.go start.go"},
		{"value.Plain:other", "other.go start.go"},
		{"value.Plain:t", "start.go"},
		{"Receiver:v", "asvalue.go deeper.go method.go promoted.go start.go"},
		{"Parts:v", "element.go field.go rangekey.go rangevalue.go slice.go slicenext.go start.go sub/next.go sub/sub.go"},
		{"Held:v", "alias.go asserted.go generic.go inliteral.go literal.go start.go unpacked.go"},
		{"Returned:v", "returned.go start.go"},
		{"sub/sub.go:Convert:b", "sub/next.go sub/sub.go"},
		{"direct.go:direct:v", "direct.go indirect.go"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			through, err := m.passage(test.name, true)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(through)), " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestRun(t *testing.T) {
	module := []string{"-C", "testdata/module"}
	tests := []struct {
		args   []string
		status int
		want   string // in one of the outputs
	}{
		{[]string{"Receiver:v=5"}, 0, "5 files (at most 5)"},
		{[]string{"Receiver:v=4", "Returned:v=2"}, 1, "Receiver:v passes through 5 files, above 4"},
		{[]string{"Receiver:v"}, 0, "Receiver:v passes through 5 files: asvalue.go"},
		{[]string{"-v", "direct:v"}, 0, "  indirect.go: indirect:v"},
		{[]string{"-fields", "Parts:v"}, 0, "passes through 9 files"},
		{[]string{"Parts:v"}, 0, "passes through 1 files: start.go"},
		{[]string{"-fields", "Receiver:v"}, 0, "passes through 5 files"},
		{[]string{"List:names"}, 0, "4 files: element.go slice.go slicenext.go start.go"},
		{[]string{"Receiver:x"}, 2, "Receiver has no parameter x"},
		{[]string{"Nothing:v"}, 2, "no function Nothing"},
		{[]string{"Convert:b"}, 2, "no function Convert"},
		{[]string{"other.go:direct:v"}, 2, "no function other.go:direct"},
		{[]string{"Receiver"}, 2, "is not"},
		{[]string{"Receiver:v=x"}, 2, "invalid syntax"},
		{nil, 2, "no function Client.SelectOneOf"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			var out bytes.Buffer
			if status := run(append(module, test.args...), &out, &out); status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if !strings.Contains(out.String(), test.want) {
				t.Errorf("%q is not in:\n%s", test.want, out.String())
			}
		})
	}
}

// A module that does not compile has no passages.
func TestLoadFails(t *testing.T) {
	var out bytes.Buffer
	if status := run([]string{"-C", t.TempDir()}, &out, &out); status != 2 {
		t.Errorf("exit status %d, want 2: %s", status, out.String())
	}
}
