package attempt

import (
	"slices"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// Finding is the answer for one protocol, also as a JSON document.
type Finding struct {
	Protocol string  `json:"protocol"`
	Answer   string  `json:"answer"` // yes, no or error
	Error    *string `json:"error,omitempty"`
	Stage    string  `json:"stage,omitempty"`
	Answered string  `json:"answered,omitempty"` // in words
	Blame    string  `json:"blame,omitempty"`
	Next     string  `json:"next,omitempty"`
	ExitCode int     `json:"exit_code"`

	Err  error `json:"-"` // the reason for the answer "error"
	rows []row // for people
}

// Explain returns the reason for the answer "error" in words, with or without advice.
func (f Finding) Explain(advice bool) string {
	x := explanation{summary: terminal.QuoteName(f.Protocol) + ": " + *f.Error}
	if advice {
		x.rows = f.rows
	}
	return x.String()
}

// HasAdvice reports whether Explain has any.
func (f Finding) HasAdvice() bool { return len(f.rows) > 0 }

// Verdict returns the exit code for all findings together: that of the first error, or 1
// if there is a refusal.
func Verdict(findings []Finding) int {
	if i := slices.IndexFunc(findings, func(f Finding) bool { return f.Err != nil }); i >= 0 {
		return findings[i].ExitCode
	}
	if slices.ContainsFunc(findings, func(f Finding) bool { return f.Answer == "no" }) {
		return exit.Finding
	}
	return exit.OK
}
