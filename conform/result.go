package conform

import (
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// Verdict is what came of a case.
type Verdict uint8

const (
	VerdictPass        Verdict = iota
	VerdictFail                // a MUST or robustness was missed, or a SHOULD with Options.Strict
	VerdictWarn                // a SHOULD was missed
	VerdictInfo                // for information
	VerdictUnsupported         // the party cannot do it, and need not
	VerdictSkipped             // the case does not fit the party or the stream
	VerdictError               // the tester could not do its work
)

var verdicts = [...]string{"pass", "fail", "warn", "info", "unsupported", "skipped", "error"}

func (v Verdict) String() string { return verdicts[v] }

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Result is what came of one case.
type Result struct {
	Case    *Case
	Verdict Verdict
	// Reason says why, in one sentence: the reason of the outcome that came
	// true, or how what happened differs from all that are legal.
	Reason string
	// Outcome is the legal outcome that came true, or nil.
	Outcome *Outcome
	// Expected is the reason for which the case was expected to fail, see
	// [Options].ExpectFail. Then it counts as a failure if it passes.
	Expected string
	// Events are what happened on the stream, in order. Of a case that is played
	// once for each split they are those of the last play, which is the one that
	// decided.
	Events []Event
	// Names maps the placeholders of the script to names: "A" to "/echo/1.0.0".
	Names map[string]string
	// Start is when the case began, Duration how long it took.
	Start    time.Time
	Duration time.Duration
}

// Bad reports whether the result makes a run fail: a failure that was not
// expected, an expected one that did not come, or an error of the tester.
func (r *Result) Bad() bool {
	switch r.Verdict {
	case VerdictFail:
		return r.Expected == ""
	case VerdictError:
		return true
	case VerdictSkipped, VerdictUnsupported:
		return false
	}
	return r.Expected != ""
}

// Event is one thing that happened on the stream.
type Event struct {
	At   time.Duration    // since the case began
	From multiselect.Role // who did it
	Kind EventKind
	Data []byte // of Data
	Note string // the error of Ended or Failed, if it says more than the end
}

// EventKind says what an [Event] is.
type EventKind uint8

const (
	EventData        EventKind = iota // bytes: one write of the tester, or one read
	EventHalfClosed                   // one direction was ended: no more bytes from there
	EventClosed                       // the stream was closed
	EventReset                        // the stream was reset
	EventWriteFailed                  // a write of the tester failed
	EventNote                         // a remark of the tester, in Note
)

var eventKinds = [...]string{"data", "half-close", "closed", "reset", "failed", "note"}

func (k EventKind) String() string { return eventKinds[k] }

// MarshalText implements [encoding.TextMarshaler].
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Transcript writes the events down in the notation of package wire, each write
// and read on its own; everything that is no data, and the time, is a comment.
func (r *Result) Transcript() transcript.Transcript {
	var t transcript.Transcript
	for _, e := range r.Events {
		at := e.At.Round(time.Microsecond).String()
		if e.Kind != EventData {
			remark := at + " " + e.From.String() + ": " + e.Kind.String()
			if e.Kind == EventNote {
				remark = at
			}
			if e.Note != "" {
				remark += " " + e.Note
			}
			t = append(t, transcript.Line{Kind: transcript.KindComment, Comment: remark})
			continue
		}
		lines := transcript.Transcribe(e.From, e.Data, wire.MaxList)
		lines[0].Break = len(t) > 0
		lines[0].Comment = at
		t = append(t, lines...)
	}
	return t
}

// Report is what came of a run.
type Report struct {
	Role     multiselect.Role // of the party under test
	Strict   bool
	Start    time.Time
	Duration time.Duration
	Results  []Result // in the order of the cases
}

// Count returns how many cases have the verdict.
func (r *Report) Count(v Verdict) (n int) {
	for i := range r.Results {
		if r.Results[i].Verdict == v {
			n++
		}
	}
	return n
}

// OK reports whether no result is [Result.Bad].
func (r *Report) OK() bool {
	for i := range r.Results {
		if r.Results[i].Bad() {
			return false
		}
	}
	return true
}
