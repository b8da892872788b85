package conform

import (
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// Verdict is the verdict on a party for one case.
type Verdict uint8

const (
	VerdictPass        Verdict = iota
	VerdictFail                // a MUST or robustness case was missed, or a SHOULD if Strict
	VerdictWarn                // a SHOULD was missed
	VerdictInfo                // for information only
	VerdictUnsupported         // the party lacks an optional feature
	VerdictSkipped             // the case does not fit the party or the stream
	VerdictError               // the tester failed
)

var verdicts = [...]string{"pass", "fail", "warn", "info", "unsupported", "skipped", "error"}

func (v Verdict) String() string { return verdicts[v] }

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Result is the result of one case.
type Result struct {
	Case    *Case
	Verdict Verdict
	// Reason explains the verdict in one sentence: the reason of the outcome that
	// matched, or the difference between the conversation and all legal outcomes.
	Reason string
	// Outcome is the legal outcome that matched, or nil.
	Outcome *Outcome
	// Expected is the reason in [Options.ExpectFail] for which the case should fail, or
	// "". If it is set, a pass makes the run fail, unless it begins with [Sometimes].
	Expected string
	// Events are the events on the stream, in order. If the case was played once for
	// each split, they are those of the last play, which decided the verdict.
	Events []Event
	// Names maps the placeholders of the script to names: "A" to "/echo/1.0.0".
	Names map[string]string
	// Start is the time at which the case began.
	Start time.Time
	// Duration is the time that the case took, with all its plays.
	Duration time.Duration
}

// Bad reports whether the result makes a run fail. It is true for an unexpected failure,
// for an unexpected pass, and for an error of the tester.
func (r *Result) Bad() bool {
	switch {
	case r.Verdict == VerdictError:
		return true
	case r.Verdict == VerdictSkipped, r.Verdict == VerdictUnsupported, strings.HasPrefix(r.Expected, Sometimes):
		return false
	}
	return (r.Verdict == VerdictFail) == (r.Expected == "")
}

// Event is an event on the stream.
type Event struct {
	At   time.Duration    // since the play began
	From multiselect.Role // the side that caused it
	Kind EventKind
	Data []byte // for EventData, the bytes
	Note string // for EventReset and EventWriteFailed, the error; for EventNote, the text
}

// EventKind is the kind of an [Event].
type EventKind uint8

const (
	EventData        EventKind = iota // bytes: one write of the tester, or one read
	EventHalfClosed                   // one direction was ended: no more bytes will come from there
	EventClosed                       // the stream was closed
	EventReset                        // the stream was reset
	EventWriteFailed                  // a write of the tester failed
	EventNote                         // a remark of the tester, in Note
)

var eventKinds = [...]string{"data", "half-close", "closed", "reset", "failed", "note"}

func (k EventKind) String() string { return eventKinds[k] }

// MarshalText implements [encoding.TextMarshaler].
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Transcript returns the events in the notation of package transcript. Each write and read
// of the tester is a block of its own. Times, and events without data, are comments.
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

// Report is the result of a run.
type Report struct {
	Role     multiselect.Role // of the party under test
	Strict   bool
	Start    time.Time
	Duration time.Duration
	Results  []Result // in the order of the cases
}

// Count returns the number of cases with the verdict.
func (r *Report) Count(v Verdict) (n int) {
	for i := range r.Results {
		if r.Results[i].Verdict == v {
			n++
		}
	}
	return n
}

// OK reports whether the run passed: [Result.Bad] is false for every result.
func (r *Report) OK() bool {
	for i := range r.Results {
		if r.Results[i].Bad() {
			return false
		}
	}
	return true
}
