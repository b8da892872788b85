package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/conform/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// writers are all formats of one run.
var writers = map[string]func(io.Writer, *conform.Report) error{
	"report.txt":  report.Text,
	"report.tap":  report.TAP,
	"report.json": func(w io.Writer, r *conform.Report) error { return report.JSON(w, "127.0.0.1:4001", r) },
	"report.xml":  func(w io.Writer, r *conform.Report) error { return report.JUnit(w, "127.0.0.1:4001", r) },
	"report.html": func(w io.Writer, r *conform.Report) error { return report.HTML(w, "127.0.0.1:4001", r) },
	"matrix.html": func(w io.Writer, _ *conform.Report) error {
		return report.Matrix(w, "Conformance of the field", sampleParties())
	},
}

func write(t *testing.T, format string, r *conform.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := writers[format](&b, r); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for format := range writers {
		got := write(t, format, sampleReport(multiselect.Responder))
		file := filepath.Join("testdata", format)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not as it was; look at the difference, and run with -update if it is right", file)
		}
	}
}

// The same run counts the same everywhere: passed are pass, warn and info; failed are the
// miss, the error and the pass that was not expected; known are the failure that was expected
// and the case that fails sometimes.
func TestCounts(t *testing.T) {
	r := sampleReport(multiselect.Responder)
	const want = "3 passed, 3 failed, 2 known, 2 skipped"
	if got := report.Summary(r); got != want {
		t.Fatalf("Summary: %q, want %q", got, want)
	}
	text := strings.Split(strings.TrimSuffix(write(t, "report.txt", r), "\n"), "\n")
	if last := text[len(text)-1]; last != want {
		t.Errorf("last line of the text: %q, want %q", last, want)
	}
	const parts = "passed: 1 pass + 1 info + 1 warn; failed: 1 fail + 1 unexpected + 1 error; " +
		"known: 1 fail, known + 1 either; skipped: 1 unsupported + 1 skipped"
	if line := text[len(text)-2]; line != parts {
		t.Errorf("the line before it: %q, want %q", line, parts)
	}
	var doc struct {
		OK                             bool
		Summary                        string
		Passed, Failed, Known, Skipped int
		Counts                         map[string]int
		Results                        []struct{ Status, Counted string }
	}
	if err := json.Unmarshal([]byte(write(t, "report.json", r)), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OK || doc.Summary != want || len(doc.Results) != len(r.Results) {
		t.Errorf("JSON: ok %v, %q, %d results", doc.OK, doc.Summary, len(doc.Results))
	}
	counted, status := make(map[string]int), make(map[string]int)
	for _, r := range doc.Results {
		counted[r.Counted]++
		status[r.Status]++
	}
	if n := map[string]int{"passed": doc.Passed, "failed": doc.Failed, "known": doc.Known, "skipped": doc.Skipped}; !maps.Equal(n, counted) || !maps.Equal(doc.Counts, status) {
		t.Errorf("JSON: %v and %v, its results %v and %v", n, doc.Counts, counted, status)
	}
	if html := write(t, "report.html", r); !strings.Contains(html, want) {
		t.Errorf("the page does not say %q", want)
	}
}

var (
	summary = regexp.MustCompile(`<p class="sum \w+"><strong>(.*?)</strong> as (\w+): (.*?)</p>`)
	headers = regexp.MustCompile(`<th scope="colgroup" colspan="(\d+)">(\w+)</th>`)
	row     = regexp.MustCompile(`<tr><th scope="row">(.*?)</th><td>(responder|initiator)</td>(.*?)</tr>`)
	cell    = regexp.MustCompile(`<td class="num[^"]*">(\d+)</td>`)
)

// The bar of a party and its row in the table have the same counts.
func TestPageCounts(t *testing.T) {
	html := write(t, "matrix.html", nil)
	bars := make(map[string]string)
	for _, m := range summary.FindAllStringSubmatch(html, -1) {
		bars[m[1]+" "+m[2]] = m[3]
	}
	rows := row.FindAllStringSubmatch(html, -1)
	if len(bars) != 4 || len(rows) != len(bars) {
		t.Fatalf("%d bars, %d rows", len(bars), len(rows))
	}
	for _, m := range rows {
		cells, parts := cell.FindAllStringSubmatch(m[3], -1), []string(nil)
		for _, h := range headers.FindAllStringSubmatch(html, -1) {
			columns, err := strconv.Atoi(h[1])
			if err != nil || columns > len(cells) {
				t.Fatal(columns, len(cells), err)
			}
			sum := 0
			for _, c := range cells[:columns] {
				n, _ := strconv.Atoi(c[1])
				sum += n
			}
			cells = cells[columns:]
			if h[2] != "known" || sum > 0 {
				parts = append(parts, fmt.Sprint(sum, " ", h[2]))
			}
		}
		if got, want := strings.Join(parts, ", "), bars[m[1]+" "+m[2]]; got != want {
			t.Errorf("%s as %s: the row has %q, the bar %q", m[1], m[2], got, want)
		}
	}
}

func TestAllGood(t *testing.T) {
	r := &conform.Report{Role: multiselect.Initiator, Results: sampleReport(multiselect.Initiator).Results[:1]}
	var doc struct{ OK bool }
	if err := json.Unmarshal([]byte(write(t, "report.json", r)), &doc); err != nil || !doc.OK {
		t.Errorf("JSON: ok %v, %v", doc.OK, err)
	}
	if text := write(t, "report.txt", r); text != "pass         R2-header: says its header\n\npassed: 1 pass\n1 passed, 0 failed, 0 skipped\n" {
		t.Errorf("text: %q", text)
	}
}

// What readers of JUnit read.
type (
	junitRemark struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitCounts struct {
		Tests    int     `xml:"tests,attr"`
		Failures int     `xml:"failures,attr"`
		Errors   int     `xml:"errors,attr"`
		Skipped  int     `xml:"skipped,attr"`
		Time     float64 `xml:"time,attr"`
	}
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		junitCounts
		Suites []struct {
			junitCounts
			Name      string `xml:"name,attr"`
			Timestamp string `xml:"timestamp,attr"`
			Cases     []struct {
				Name      string        `xml:"name,attr"`
				Classname string        `xml:"classname,attr"`
				Time      float64       `xml:"time,attr"`
				Skipped   []junitRemark `xml:"skipped"`
				Errors    []junitRemark `xml:"error"`
				Failures  []junitRemark `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
)

// The counts in the attributes are those of the elements, and each failure says
// what, why, and how it came to it.
func TestJUnitParses(t *testing.T) {
	var doc junitSuites
	r := sampleReport(multiselect.Responder)
	if err := xml.Unmarshal([]byte(write(t, "report.xml", r)), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Suites) != 1 || doc.Suites[0].junitCounts != doc.junitCounts {
		t.Fatalf("suites %+v below %+v", doc.Suites, doc.junitCounts)
	}
	suite := doc.Suites[0]
	if _, err := time.Parse("2006-01-02T15:04:05", suite.Timestamp); err != nil || suite.Time != 1.234567 {
		t.Errorf("timestamp %v, time %v", err, suite.Time)
	}
	var n junitCounts
	for i, c := range suite.Cases {
		n.Tests++
		n.Failures += len(c.Failures)
		n.Errors += len(c.Errors)
		n.Skipped += len(c.Skipped)
		if c.Name != r.Results[i].Case.ID || !strings.HasPrefix(c.Classname, "conform.responder.") || c.Time < 0 {
			t.Errorf("testcase %d: %+v", i, c)
		}
		for _, failure := range c.Failures {
			if failure.Message == "" || failure.Type != r.Results[i].Case.Level.String() || !strings.Contains(failure.Text, "> /echo/1.0.0") {
				t.Errorf("%s: %+v", c.Name, failure)
			}
		}
	}
	if n.Time = suite.Time; n != suite.junitCounts {
		t.Errorf("elements %+v, attributes %+v", n, suite.junitCounts)
	}
	if want := (junitCounts{Tests: 10, Failures: 2, Errors: 1, Skipped: 4, Time: suite.Time}); n != want {
		t.Errorf("counts %+v, want %+v", n, want)
	}
}

var tapLine = regexp.MustCompile(`^(not )?ok (\d+) - ((?:[^#\\]|\\#|\\\\)+?)(?: # (TODO|SKIP) (.+))?$`)

// TAP, as a harness reads it.
func TestTAPParses(t *testing.T) {
	r := sampleReport(multiselect.Responder)
	text := strings.Split(strings.TrimSuffix(write(t, "report.tap", r), "\n"), "\n")
	if text[0] != "TAP version 14" || text[1] != "1..10" {
		t.Fatalf("it begins %q", text[:2])
	}
	var bad, todo, skip, n int
	inside := false
	for _, line := range text[2:] {
		switch {
		case line == "  ---":
			inside = true
		case line == "  ...":
			inside = false
		case inside:
			if !strings.HasPrefix(line, "  ") && line != "" {
				t.Errorf("inside of a block: %q", line)
			}
		default:
			m := tapLine.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("no line of TAP: %q", line)
			}
			n++
			switch {
			case m[4] == "TODO":
				todo++
			case m[4] == "SKIP":
				skip++
			case m[1] != "":
				bad++
			}
		}
	}
	if inside || n != 10 || bad != 3 || todo != 2 || skip != 2 {
		t.Errorf("%d lines, %d not ok, %d TODO, %d SKIP", n, bad, todo, skip)
	}
}

// The bytes of an event can be had back from the JSON.
func TestJSONBytes(t *testing.T) {
	r := sampleReport(multiselect.Initiator)
	var doc struct {
		Format  string
		Results []struct {
			Outcome    *int
			Names      map[string]string
			Transcript []string
			Events     []struct {
				Kind, From, Hex string
				AtUS            int `json:"at_us"`
			}
		}
	}
	if err := json.Unmarshal([]byte(write(t, "report.json", r)), &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Results[0]
	if doc.Format != "multiselect-conform/2" || first.Outcome == nil || *first.Outcome != 0 || doc.Results[1].Outcome != nil {
		t.Errorf("format %q, outcomes %v and %v", doc.Format, first.Outcome, doc.Results[1].Outcome)
	}
	if e := first.Events[2]; e.Hex != "83006e61" || e.From != "initiator" || e.Kind != "data" || e.AtUS != 741 {
		t.Errorf("event %+v", e)
	}
	if first.Names["Raw"] != `"e\ncho"` {
		t.Errorf("names %v", first.Names)
	}
	if text := strings.Join(first.Transcript, "\n"); !strings.Contains(text, "< /echo/1.0.0") {
		t.Errorf("transcript %s", text)
	}
}

func TestJSONCases(t *testing.T) {
	var b bytes.Buffer
	if err := report.JSONCases(&b, []*conform.Case{sampleCase(multiselect.Responder, "R2-a", conform.LevelMust, "a")}); err != nil {
		t.Fatal(err)
	}
	var docs []struct {
		ID    string
		Legal []struct{ Said []string }
	}
	if err := json.Unmarshal(b.Bytes(), &docs); err != nil || len(docs) != 1 || docs[0].ID != "R2-a" || len(docs[0].Legal) != 2 {
		t.Errorf("%v: %s", err, &b)
	}
}

// A peer that never stops does not make a report without end.
func TestLimits(t *testing.T) {
	r := &conform.Report{Role: multiselect.Responder, Results: sampleReport(multiselect.Responder).Results[1:2]}
	flood := &r.Results[0]
	flood.Events = nil
	for range 300 {
		flood.Events = append(flood.Events, conform.Event{From: multiselect.Responder, Data: bytes.Repeat([]byte("\x03na\n"), 1000)})
	}
	flood.Events = append(flood.Events, conform.Event{From: multiselect.Responder, Data: bytes.Repeat([]byte{0xff}, 1<<20)})
	flood.Names["Long"] = strings.Repeat("long", 1<<16)
	for format, most := range map[string]int{"report.txt": 20 << 10, "report.tap": 20 << 10, "report.xml": 40 << 10, "report.html": 200 << 10} {
		got := write(t, format, r)
		if len(got) > most || !strings.Contains(got, "more") && !strings.Contains(got, "not shown") {
			t.Errorf("%s has %d bytes, at most %d are right, and it says what is left out", format, len(got), most)
		}
	}
}

// Nothing in the page comes from elsewhere, and nothing that a peer says is markup.
func TestPageStandsAlone(t *testing.T) {
	for _, format := range []string{"report.html", "matrix.html"} {
		html := write(t, format, sampleReport(multiselect.Responder))
		for _, foreign := range []string{"<script", "src=", "@import", "url(", `rel="stylesheet"`, "<rust>", "<can>", "<iframe"} {
			if strings.Contains(html, foreign) {
				t.Errorf("%s contains %s", format, foreign)
			}
		}
		if !strings.Contains(html, `<a href="https://github.com/multiformats/go-varint/issues/1">`) {
			t.Errorf("%s: the reference of a known failure is no link", format)
		}
		ids := make(map[string]bool)
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %s stands there twice", format, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range regexp.MustCompile(` href="#([^"]+)"`).FindAllStringSubmatch(html, -1) {
			if !ids[m[1]] {
				t.Errorf("%s: nothing has the id %s", format, m[1])
			}
		}
	}
}

// An error of the writer is returned, wherever it comes.
func TestWriterFails(t *testing.T) {
	broken := errors.New("no space left")
	for format, write := range writers {
		for _, after := range []int{0, 30, 700} {
			w := &brokenWriter{left: after, err: broken}
			if err := write(w, sampleReport(multiselect.Responder)); !errors.Is(err, broken) {
				t.Errorf("%s, after %d bytes: %v", format, after, err)
			}
		}
	}
}

type brokenWriter struct {
	left int
	err  error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, w.err
	}
	w.left -= len(p)
	return len(p), nil
}
