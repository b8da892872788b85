package main

import (
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// TestBad sees to it that a verdict which nobody explains is found.
func TestBad(t *testing.T) {
	c := conform.Cases(multiselect.Responder)[0]
	for _, test := range []struct {
		name   string
		result conform.Result
		bad    bool
	}{
		{"passes", conform.Result{Verdict: conform.VerdictPass}, false},
		{"fails", conform.Result{Verdict: conform.VerdictFail}, true},
		{"fails, as expected", conform.Result{Verdict: conform.VerdictFail, Expected: "why"}, false},
		{"passes, against expectation", conform.Result{Verdict: conform.VerdictPass, Expected: "why"}, true},
		{"fails sometimes, and does", conform.Result{Verdict: conform.VerdictFail, Expected: conform.Sometimes + "why"}, false},
		{"fails sometimes, and does not", conform.Result{Verdict: conform.VerdictPass, Expected: conform.Sometimes + "why"}, false},
		{"an error of the tester, where it fails sometimes", conform.Result{Verdict: conform.VerdictError, Expected: conform.Sometimes + "why"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.result.Case = c
			v := verdict{"a", multiselect.Responder, &conform.Report{Results: []conform.Result{test.result}}}
			if wrong := bad([]verdict{v}); (len(wrong) > 0) != test.bad {
				t.Errorf("wrong: %s", strings.Join(wrong, "\n"))
			}
		})
	}
}
