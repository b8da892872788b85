package report

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// jsonFormat names the format of the document. New fields do not change the number. Any
// other change requires a new number.
const jsonFormat = "multiselect-conform/2"

// JSON writes one document. Readers must ignore fields that they do not know: later
// versions may add some.
//
//	format       "multiselect-conform/2"
//	party        name
//	role         of the party under test: "responder" or "initiator"
//	strict       whether a missed SHOULD fails
//	start        RFC 3339; duration_ms is a number, with microseconds
//	ok           whether the run passed, see [conform.Report.OK]
//	summary      as [Summary] returns it
//	passed, failed, known, skipped
//	counts       status → number of cases, see [Status]
//	results      one for each case:
//	  id, level, title, rules, mode (of an initiator)
//	  requirements  of {key, level, text, source}
//	  propose       what an initiator is told to propose, if that is not its choice
//	  script        lines
//	  legal         of {said, ends, verdict, reports, one_read, because}
//	  extra         word → rest of the line, for lines that the format does not define
//	  verdict       "pass", "fail", "warn", "info", "unsupported", "skipped", "error"
//	  status        as [Status] returns it
//	  counted       "passed", "failed", "known" or "skipped"
//	  reason        one sentence
//	  outcome       the index in legal of the outcome that matched, or null
//	  expected_to_fail  the reason, if the case is in the list of expected failures
//	  names         placeholder → name, as a transcript writes it
//	  start, duration_ms
//	  events        of {at_us, from, kind, hex, note}, with all bytes
//	  transcript    the events as lines for people
func JSON(w io.Writer, name string, r *conform.Report) error {
	n := total(r.Results)
	doc := jsonReport{
		Format: jsonFormat, Party: name, Role: r.Role.String(), Strict: r.Strict,
		Start: r.Start, DurationMS: milliseconds(r.Duration),
		OK: r.OK(), Summary: Summary(r), Passed: n[passed], Failed: n[failed], Known: n[known], Skipped: n[skipped],
		Counts:  count(r.Results),
		Results: make([]jsonResult, len(r.Results)),
	}
	for i := range r.Results {
		doc.Results[i] = resultJSON(&r.Results[i])
	}
	return encode(w, doc)
}

// JSONCases writes the cases as one array, with the fields that results of [JSON] have
// from id to legal.
func JSONCases(w io.Writer, cases []*conform.Case) error {
	docs := make([]jsonCase, len(cases))
	for i, c := range cases {
		docs[i] = caseJSON(c)
	}
	return encode(w, docs)
}

func encode(w io.Writer, doc any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

type jsonReport struct {
	Format     string         `json:"format"`
	Party      string         `json:"party"`
	Role       string         `json:"role"`
	Strict     bool           `json:"strict"`
	Start      time.Time      `json:"start"`
	DurationMS float64        `json:"duration_ms"`
	OK         bool           `json:"ok"`
	Summary    string         `json:"summary"`
	Passed     int            `json:"passed"`
	Failed     int            `json:"failed"`
	Known      int            `json:"known"`
	Skipped    int            `json:"skipped"`
	Counts     map[string]int `json:"counts"`
	Results    []jsonResult   `json:"results"`
}

type jsonCase struct {
	ID           string            `json:"id"`
	Level        conform.Level     `json:"level"`
	Title        string            `json:"title"`
	Rules        []string          `json:"rules"`
	Requirements []jsonRequirement `json:"requirements"`
	Mode         string            `json:"mode,omitempty"`
	Propose      []string          `json:"propose,omitzero"`
	Script       []string          `json:"script"`
	Legal        []jsonOutcome     `json:"legal"`
	Extra        map[string]string `json:"extra,omitempty"`
}

type jsonRequirement struct {
	Key    string        `json:"key"`
	Level  conform.Level `json:"level"`
	Text   string        `json:"text"`
	Source string        `json:"source"`
}

type jsonOutcome struct {
	Said    []string        `json:"said"`
	Ends    conform.Ending  `json:"ends"`
	Verdict conform.Verdict `json:"verdict"`
	Reports string          `json:"reports,omitempty"`
	OneRead bool            `json:"one_read,omitempty"`
	Because string          `json:"because"`
}

type jsonResult struct {
	jsonCase
	Verdict    conform.Verdict   `json:"verdict"`
	Status     string            `json:"status"`
	Counted    string            `json:"counted"`
	Reason     string            `json:"reason"`
	Outcome    *int              `json:"outcome"`
	Expected   string            `json:"expected_to_fail,omitempty"`
	Names      map[string]string `json:"names"`
	Start      time.Time         `json:"start"`
	DurationMS float64           `json:"duration_ms"`
	Events     []jsonEvent       `json:"events"`
	Transcript []string          `json:"transcript"`
}

type jsonEvent struct {
	AtUS int64             `json:"at_us"`
	From string            `json:"from"`
	Kind conform.EventKind `json:"kind"`
	Hex  string            `json:"hex,omitempty"`
	Note string            `json:"note,omitempty"`
}

func caseJSON(c *conform.Case) jsonCase {
	doc := jsonCase{
		ID: c.ID, Level: c.Level, Title: c.Title, Mode: initiatorMode(c),
		Rules: nonNil(c.Rules), Propose: c.Propose, Script: nonNil(c.Script), Extra: c.Extra,
		Requirements: []jsonRequirement{}, Legal: []jsonOutcome{},
	}
	for _, q := range c.Requirements {
		doc.Requirements = append(doc.Requirements, jsonRequirement(q))
	}
	for _, o := range c.Legal {
		doc.Legal = append(doc.Legal, jsonOutcome{nonNil(o.Sent), o.Ends, o.Verdict, o.Reports, o.OneRead, o.Reason})
	}
	return doc
}

// initiatorMode returns the task of an initiator, and "" for a responder.
func initiatorMode(c *conform.Case) string {
	if c.Role == multiselect.Responder {
		return ""
	}
	return c.Mode
}

func resultJSON(r *conform.Result) jsonResult {
	doc := jsonResult{
		jsonCase: caseJSON(r.Case),
		Verdict:  r.Verdict, Status: Status(r), Counted: groupOf(r),
		Reason: r.Reason, Expected: r.Expected,
		Names: make(map[string]string), Start: r.Start, DurationMS: milliseconds(r.Duration),
		Events: []jsonEvent{}, Transcript: lines(r.Transcript().String()),
	}
	if i := outcomeIndex(r); i >= 0 {
		doc.Outcome = &i
	}
	for placeholder, name := range r.Names {
		doc.Names[placeholder] = quoteName(name)
	}
	for _, e := range r.Events {
		doc.Events = append(doc.Events, jsonEvent{
			e.At.Microseconds(), e.From.String(), e.Kind, hex.EncodeToString(e.Data), e.Note,
		})
	}
	return doc
}

// outcomeIndex returns the index of the legal outcome that matched, or -1.
func outcomeIndex(r *conform.Result) int {
	if r.Outcome == nil {
		return -1
	}
	return slices.IndexFunc(r.Case.Legal, func(o conform.Outcome) bool {
		return o.Reason == r.Outcome.Reason && o.Ends == r.Outcome.Ends && slices.Equal(o.Sent, r.Outcome.Sent)
	})
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
