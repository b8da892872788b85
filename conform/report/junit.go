package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/multiselect/multiselect/conform"
)

// JUnit writes the XML that CI systems read: one testsuite with a testcase for each case.
// Name is the name of the party under test. The class name consists of the role and the
// level: "conform.responder.MUST". Known failures are skipped, since the format has no word
// for them; reasons of warn and info are in system-out.
func JUnit(w io.Writer, name string, r *conform.Report) error {
	suite := junitSuite{
		Name:      fmt.Sprintf("multistream-select 1.0 conformance, %v: %s", r.Role, name),
		Timestamp: r.Start.UTC().Format("2006-01-02T15:04:05"),
		Time:      seconds(r.Duration),
		Properties: []junitProperty{
			{"party", name},
			{"role", r.Role.String()},
			{"strict", fmt.Sprint(r.Strict)},
		},
	}
	for i := range r.Results {
		suite.add(&r.Results[i])
	}
	suites := junitSuites{
		Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Skipped: suite.Skipped,
		Time: suite.Time, Suites: []junitSuite{suite},
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suites); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// The elements, with the attributes that Jenkins, GitLab and GitHub Actions read.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"` // UTC
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string       `xml:"name,attr"`
	Classname string       `xml:"classname,attr"`
	Time      string       `xml:"time,attr"`
	Skipped   *junitRemark `xml:"skipped"`
	Error     *junitRemark `xml:"error"`
	Failure   *junitRemark `xml:"failure"`
	SystemOut string       `xml:"system-out,omitempty"`
}

type junitRemark struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (s *junitSuite) add(r *conform.Result) {
	c := junitCase{
		Name:      r.Case.ID,
		Classname: fmt.Sprintf("conform.%v.%v", r.Case.Role, r.Case.Level),
		Time:      seconds(r.Duration),
	}
	s.Tests++
	details := r.Case.Title + "\n" + strings.Join(transcriptLines(r), "\n")
	switch group := groupOf(r); {
	case r.Verdict == conform.VerdictError:
		s.Errors++
		c.Error = &junitRemark{reasonOf(r), "tester", details}
	case group == failed:
		s.Failures++
		c.Failure = &junitRemark{reasonOf(r), r.Case.Level.String(), details}
	case group == skipped || group == known && r.Verdict == conform.VerdictFail:
		s.Skipped++
		// The schema has no type for skipped, so the verdict is part of the message.
		c.Skipped = &junitRemark{Message: Status(r) + ": " + reasonOf(r)}
	case r.Verdict != conform.VerdictPass:
		c.SystemOut = fmt.Sprintf("%v: %s\n%s", r.Verdict, reasonOf(r), details)
	}
	s.Cases = append(s.Cases, c)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
