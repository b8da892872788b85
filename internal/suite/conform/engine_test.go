package conform_test

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/transcript"
)

type stream = io.ReadWriteCloser

func TestSuite(t *testing.T) {
	seen := make(map[string]bool)
	for role, least := range map[multiselect.Role]int{multiselect.Responder: 100, multiselect.Initiator: 60} {
		cases := conform.Cases(role)
		if len(cases) < least {
			t.Errorf("%d %v cases, want %d", len(cases), role, least)
		}
		for _, c := range cases {
			if seen[label(c)] {
				t.Errorf("%s is there twice", label(c))
			}
			seen[label(c)] = true
			if c.Role != role || len(c.Requirements) == 0 || len(c.Legal) == 0 {
				t.Errorf("%s is not whole: %+v", label(c), c)
			}
		}
	}
	if n := len(responderMutants) + len(initiatorMutants); n < 60 {
		t.Errorf("%d mutants", n)
	}
}

// A case list is the caller's.
func TestCasesAreClones(t *testing.T) {
	o := conform.Options{IDs: []string{"R2-silence"}}
	first := conform.Cases(multiselect.Responder)
	if cases, err := o.Cases(multiselect.Responder); err != nil || len(cases) != 1 || cases[0].ID != "R2-silence" {
		t.Errorf("Cases = %v, %v", cases, err)
	}
	if again := conform.Cases(multiselect.Responder); !slices.Equal(first, again) {
		t.Error("a selection changed the suite")
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []conform.Options{
		{IDs: []string{"R99-nothing"}},
		{ExpectFail: map[string]string{"R99-nothing": "it is"}},
	} {
		if _, err := o.Cases(multiselect.Responder); err == nil || !strings.Contains(err.Error(), "R99-nothing") {
			t.Errorf("Cases = %v", err)
		}
	}
	o := conform.Options{Select: regexp.MustCompile("^R13-"), IDs: []string{"R13-upper", "R2-none"}}
	if cases, err := o.Cases(multiselect.Responder); err != nil || len(cases) != 1 {
		t.Errorf("Cases = %v, %v; both have to select", cases, err)
	}
}

// A suite of the caller's own takes the place of this package's.
func TestOwnSuite(t *testing.T) {
	cases, err := conform.Parse(multiselect.Responder, "case R2-mine\n"+smallCase)
	if err != nil {
		t.Fatal(err)
	}
	report := against(t, right, conform.Options{Suite: cases})
	if len(report.Results) != 1 || report.Results[0].Case != cases[0] || report.Results[0].Verdict != conform.VerdictPass {
		t.Errorf("%+v", report.Results)
	}
	o := conform.Options{Suite: cases}
	if other, err := o.Cases(multiselect.Initiator); err != nil || len(other) != 0 {
		t.Errorf("Cases of the other role = %v, %v", other, err)
	}
}

func TestReadExpectFail(t *testing.T) {
	list, err := conform.ReadExpectFail(strings.NewReader("# known\n\nR1-echo it writes twice\n"))
	if err != nil || len(list) != 1 || list["R1-echo"] != "it writes twice" {
		t.Errorf("ReadExpectFail = %v, %v", list, err)
	}
	for _, bad := range []string{"R1-echo\n", "R1-echo a\nR1-echo b\n"} {
		if _, err := conform.ReadExpectFail(strings.NewReader(bad)); err == nil {
			t.Errorf("ReadExpectFail(%q) = nil", bad)
		}
	}
}

// against plays cases in fake time against a responder model.
func against(t *testing.T, change func(*responderModel), o conform.Options) (report *conform.Report) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		report, err = conform.RunResponder(t.Context(), conform.Responder{
			Dial: func(context.Context) (stream, error) {
				ours, theirs := newMemory()
				m := rightResponder()
				change(m)
				go m.serve(ours)
				return theirs, nil
			},
			Protocols: served[:1],
		}, o)
		if err != nil {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour)
	})
	return report
}

func right(*responderModel) {}

// A missed SHOULD warns, and fails only when the tester is strict.
func TestStrict(t *testing.T) {
	apart := func(m *responderModel) { m.apart = true }
	o := conform.Options{IDs: []string{"R1-echo"}}
	if r := against(t, apart, o); r.Results[0].Verdict != conform.VerdictWarn || !r.OK() {
		t.Errorf("%v: %s", r.Results[0].Verdict, r.Results[0].Reason)
	}
	o.Strict = true
	if r := against(t, apart, o); r.Results[0].Verdict != conform.VerdictFail || r.OK() {
		t.Errorf("strict: %v: %s", r.Results[0].Verdict, r.Results[0].Reason)
	}
}

// What is expected to fail has to fail.
func TestExpectFail(t *testing.T) {
	o := conform.Options{IDs: []string{"R10-unknown"}, ExpectFail: map[string]string{"R10-unknown": "it is silent"}}
	if r := against(t, silentAt(unserved), o); !r.OK() || r.Count(conform.VerdictFail) != 1 || r.Results[0].Expected != "it is silent" {
		t.Errorf("an expected failure: %+v", r.Results[0])
	}
	if r := against(t, right, o); r.OK() {
		t.Errorf("an expected failure that did not come: %+v", r.Results[0])
	}
	o.ExpectFail["R10-unknown"] = conform.Sometimes + "it is silent"
	for name, m := range map[string]func(*responderModel){"a failure": silentAt(unserved), "a pass": right} {
		if r := against(t, m, o); !r.OK() {
			t.Errorf("%s of a case that fails sometimes: %+v", name, r.Results[0])
		}
	}
}

// What does not fit, and what is not offered, is no failure.
func TestUnfit(t *testing.T) {
	o := conform.Options{Strict: true, IDs: []string{"R13-second", "R24-silence", "R20-format"}}
	r := against(t, answering(func(s string) (string, bool, bool, bool) { return na, false, false, s == "ls" }), o)
	if !r.OK() || r.Count(conform.VerdictSkipped) != 2 || r.Count(conform.VerdictUnsupported) != 1 {
		t.Errorf("%+v", r.Results)
	}
}

// The transcript of a result is what was said, write by write, and can be read
// back.
func TestTranscript(t *testing.T) {
	var observed []string
	o := conform.Options{
		IDs:      []string{"R10-stays-open"},
		OnStart:  func(c *conform.Case) { observed = append(observed, "started "+c.ID) },
		OnResult: func(r conform.Result) { observed = append(observed, r.Verdict.String()) },
	}
	r := against(t, right, o).Results[0]
	text := r.Transcript().String()
	if _, err := transcript.Parse([]byte(text)); err != nil {
		t.Errorf("%v:\n%s", err, text)
	}
	for _, want := range []string{"> /conform/unknown\n", "< na\n", "> /echo/1.0.0 #", `<! "hello" #`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if !slices.Equal(observed, []string{"started R10-stays-open", "pass"}) {
		t.Errorf("observed %q", observed)
	}
	if r.Names["A"] != "/echo/1.0.0" || r.Outcome == nil || r.Duration <= 0 {
		t.Errorf("%+v", r)
	}
}

// When the run is ended, what is left is skipped.
func TestRunIsEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := conform.Options{Select: regexp.MustCompile("^R13-"), OnResult: func(conform.Result) { cancel() }}
	report, err := conform.RunResponder(ctx, conform.Responder{
		Dial: func(context.Context) (stream, error) {
			ours, theirs := newMemory()
			go rightResponder().serve(ours)
			return theirs, nil
		},
		Protocols: served,
	}, o)
	if err != nil || report.Count(conform.VerdictPass) != 1 || report.Count(conform.VerdictSkipped) != len(report.Results)-1 {
		t.Errorf("%+v, %v", report, err)
	}
}
