package conform

import (
	"testing"

	"github.com/multiselect/multiselect"
)

// TestResponder runs the selected cases against a responder, each as a subtest with the id
// of the case as its name. A bad result fails the subtest and logs the transcript. A case
// that is skipped or unsupported skips the subtest.
func TestResponder(t *testing.T, r Responder, o Options) {
	t.Helper()
	subtests(t, multiselect.Responder, &o, r.play)
}

// TestInitiator runs the selected cases against an initiator, each as a subtest with the id
// of the case as its name. A bad result fails the subtest and logs the transcript. A case
// that is skipped or unsupported skips the subtest.
func TestInitiator(t *testing.T, i Initiator, o Options) {
	t.Helper()
	subtests(t, multiselect.Initiator, &o, i.play)
}

func subtests(t *testing.T, role multiselect.Role, o *Options, play player) {
	t.Helper()
	cases, err := o.Cases(role)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			r := runCase(t.Context(), c, o, play)
			switch {
			case r.Bad():
				t.Errorf("%v: %s\n%v: %s\n%v", r.Verdict, r.Reason, c.Level, c.Title, r.Transcript())
			case r.Verdict == VerdictSkipped || r.Verdict == VerdictUnsupported:
				t.Skipf("%v: %s", r.Verdict, r.Reason)
			case r.Verdict != VerdictPass:
				t.Logf("%v: %s", r.Verdict, r.Reason)
			}
		})
	}
}
