package main

import (
	"strings"
	"testing"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/wire"
)

// TestBad sees to it that a verdict which nobody explains is found.
func TestBad(t *testing.T) {
	c := conform.Cases(wire.Responder)[0]
	for _, test := range []struct {
		name      string
		result    conform.Result
		undecided string
		bad       bool
	}{
		{"passes", conform.Result{Verdict: conform.Pass}, "", false},
		{"fails", conform.Result{Verdict: conform.Fail}, "", true},
		{"fails, as expected", conform.Result{Verdict: conform.Fail, Expected: "why"}, "", false},
		{"passes, against expectation", conform.Result{Verdict: conform.Pass, Expected: "why"}, "", true},
		{"fails sometimes, and does", conform.Result{Verdict: conform.Fail}, c.ID, false},
		{"fails sometimes, and does not", conform.Result{Verdict: conform.Pass}, c.ID, false},
		{"an error of the tester, where it fails sometimes", conform.Result{Verdict: conform.Error}, c.ID, true},
		{"fails sometimes, but there is no such case", conform.Result{Verdict: conform.Pass}, "R0-none", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.result.Case = c
			v := verdict{"a", wire.Responder, &conform.Report{Results: []conform.Result{test.result}}, map[string]string{}}
			if test.undecided != "" {
				v.undecided[test.undecided] = sometimes + "why"
			}
			if wrong := bad([]verdict{v}); (len(wrong) > 0) != test.bad {
				t.Errorf("wrong: %s", strings.Join(wrong, "\n"))
			}
		})
	}
}
