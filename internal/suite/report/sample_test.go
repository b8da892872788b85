package report_test

import (
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/conform/report"
)

var began = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

const header = "\x13/multistream/1.0.0\n"

// sampleCase returns a case with something in every field.
func sampleCase(role multiselect.Role, id string, level conform.Level, title string) *conform.Case {
	rule, _, _ := strings.Cut(id, "-")
	return &conform.Case{
		ID: id, Role: role, Level: level, Title: title, Rules: []string{rule},
		Requirements: []conform.Requirement{{
			Key: "C7", Level: level,
			Text:   "any string <can> be used & \"quoted\"",
			Source: "https://github.com/libp2p/specs/blob/master/connections/README.md",
		}},
		Mode:   map[multiselect.Role]string{multiselect.Initiator: "select"}[role],
		Script: []string{"> /multistream/1.0.0", "> ${A}", "> ${Raw}"},
		Legal: []conform.Outcome{
			{Sent: []string{"< /multistream/1.0.0", "< na"}, Ends: conform.EndQuiet, Reason: "a refusal is one na"},
			{Ends: conform.EndAbort, Verdict: conform.VerdictWarn, OneRead: true, Reports: "failed", Reason: "broken framing may end the stream"},
		},
	}
}

// sampleResult returns a result of the first outcome, with events.
func sampleResult(c *conform.Case, v conform.Verdict, reason string) conform.Result {
	return conform.Result{
		Case: c, Verdict: v, Reason: reason,
		Names: map[string]string{"A": "/echo/1.0.0", "Raw": "e\ncho"},
		Events: []conform.Event{
			{At: 12 * time.Microsecond, From: c.Role.Peer(), Data: []byte(header + "\x0c/echo/1.0.0\n")},
			{At: 740 * time.Microsecond, From: c.Role, Data: []byte(header)},
			{At: 741 * time.Microsecond, From: c.Role, Data: []byte("\x83\x00na")},
			{At: 2 * time.Millisecond, From: c.Role, Kind: conform.EventHalfClosed},
			{At: 3 * time.Millisecond, From: c.Role.Peer(), Kind: conform.EventWriteFailed, Note: "broken pipe"},
			{At: 4 * time.Millisecond, From: c.Role, Kind: conform.EventReset},
			{At: 5 * time.Millisecond, Kind: conform.EventNote, Note: "split 3 of 9"},
		},
		Start: began, Duration: 5250 * time.Microsecond,
	}
}

// sampleReport has every status.
func sampleReport(role multiselect.Role) *conform.Report {
	r := &conform.Report{Role: role, Start: began, Duration: 1234567 * time.Microsecond}
	add := func(id string, l conform.Level, v conform.Verdict, title, reason string) *conform.Result {
		r.Results = append(r.Results, sampleResult(sampleCase(role, id, l, title), v, reason))
		return &r.Results[len(r.Results)-1]
	}
	pass := add("R2-header", conform.LevelMust, conform.VerdictPass, "says its header", "a refusal is one na")
	pass.Outcome = &pass.Case.Legal[0]
	add("R10-empty-name", conform.LevelMust, conform.VerdictFail, "refuses the empty name", "said nothing\nand ended the stream, which is none of the legal outcomes")
	warn := add("R1-one-write", conform.LevelShould, conform.VerdictWarn, "header and answer in one write", "broken framing may end the stream")
	warn.Outcome = &warn.Case.Legal[1]
	add("R19-ls", conform.LevelInfo, conform.VerdictInfo, "answers ls", "it does not tell")
	add("R29-lazy", conform.LevelMay, conform.VerdictUnsupported, "goes lazy", "exit code 127: unsupported operation").Events = nil
	add("R13-raw", conform.LevelRobustness, conform.VerdictSkipped, "agrees to a name # without a slash", "no name without a slash is served").Events = nil
	add("R25-reset", conform.LevelMust, conform.VerdictError, "ends the stream", "dial tcp: connection refused").Events = nil
	add("R6-padded", conform.LevelRobustness, conform.VerdictFail, "ends at a padded length", "said na").
		Expected = "go-varint reads it, see https://github.com/multiformats/go-varint/issues/1."
	add("R4-again", conform.LevelMust, conform.VerdictPass, "refuses a second header", "a refusal is one na").
		Expected = "was so until 0.5"
	add("R1-echo", conform.LevelShould, conform.VerdictFail, "header and echo in one write", "two reads").
		Expected = conform.Sometimes + "two writes, which may arrive as one"
	return r
}

// sampleParties are three, of which one has one role only and one has been
// played a part of the cases.
func sampleParties() []report.NamedReport {
	part := sampleReport(multiselect.Responder)
	part.Results = part.Results[:4]
	return []report.NamedReport{
		{Name: "multiselect", Reports: []*conform.Report{sampleReport(multiselect.Responder), sampleReport(multiselect.Initiator)}},
		{Name: "go-multistream 0.6.1", Reports: []*conform.Report{part}},
		{Name: "<rust> & co", Reports: []*conform.Report{sampleReport(multiselect.Initiator)}},
	}
}
