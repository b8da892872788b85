package conform

import "github.com/multiselect/multiselect"

// Case is one case: a script for the tester, and the outcomes that are legal. It is
// read-only.
type Case struct {
	// ID is a rule of docs/protocol.md and a few words: "R10-empty". It never changes.
	ID string
	// Role is the role of the party under test.
	Role multiselect.Role
	// Level is the kind of demand that a failure misses.
	Level Level
	// Title describes the case in a few words.
	Title string
	// Rules are the rules of docs/protocol.md that the case checks, that of the ID first.
	Rules []string
	// Requirements are the sentences that the case checks: of a specification, if there
	// is one, or else of the rules.
	Requirements []Requirement
	// Mode is the task of an initiator: "select", "lazy", …, see [Task].
	Mode string
	// Propose are the names that an initiator is told to propose. If nil, the tester or
	// the initiator chooses them.
	Propose []string
	// Script is the tester's part, line by line as in the file, with tables expanded.
	Script []string
	// Legal lists the allowed outcomes. The first that matches counts.
	Legal []Outcome
	// Extra holds the lines that begin with a word which the format does not define, by
	// that word. They do not influence a run. The tests of the Go library read some, see
	// cases/README.md.
	Extra map[string]string

	steps   []step
	needs   []string // keys of the names that the party under test must have
	twoWays bool     // it needs a stream of which one direction can be ended
	timed   bool     // it needs a party that states its time limit
}

// Requirement is a sentence of a specification, or a rule.
type Requirement struct {
	Key    string // "C7", "R10"
	Level  Level
	Text   string // verbatim
	Source string // the URL or path of the document
}

// Level is the kind of demand that a case checks.
type Level uint8

const (
	LevelMust       Level = iota // the specification demands it
	LevelShould                  // the specification recommends it
	LevelMay                     // the specification allows it
	LevelRobustness              // the specification is silent, and peers suffer
	LevelInfo                    // for information, never missed
)

var levels = [...]string{"MUST", "SHOULD", "MAY", "robustness", "info"}

func (l Level) String() string { return levels[l] }

// MarshalText implements [encoding.TextMarshaler].
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Outcome is one of the legal outcomes of a [Case].
type Outcome struct {
	// Sent is everything that the party under test sends, line by line as in the file.
	Sent []string
	// Ends is the required end of the stream.
	Ends Ending
	// Verdict is the verdict on this outcome: [VerdictPass], or less.
	Verdict Verdict
	// Reports is the result that an initiator must report: "agreed", "refused",
	// "failed", or "" for any.
	Reports string
	// OneRead requires that everything in Sent arrives in one read.
	OneRead bool
	// Reason explains why the outcome is legal.
	Reason string

	elements []element
}

// Ending is the state of a stream after the last line of an [Outcome].
type Ending uint8

const (
	// EndAny accepts every state: the party has sent all of Sent and no more.
	EndAny Ending = iota
	// EndQuiet requires that the party sends all of Sent, and then for [Options].Quiet
	// neither sends anything nor ends the stream.
	EndQuiet
	// EndClosed requires that the party sends all of Sent and then ends its direction.
	EndClosed
	// EndAbort requires that the party ends the stream, by closing or resetting it. The
	// last messages of Sent, or all, may be missing, because a reset overtakes them.
	EndAbort
)

var endings = [...]string{"any", "quiet", "closed", "abort"}

func (e Ending) String() string { return endings[e] }

// MarshalText implements [encoding.TextMarshaler].
func (e Ending) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// endsItself reports whether the task of the case tells the initiator to end its
// direction.
func (c *Case) endsItself() bool { return c.Mode == "lazy-close" || c.Mode == "lazy-half" }

// splits reports whether the case is played once for each place where the bytes of the
// tester can be cut in two.
func (c *Case) splits() bool {
	for _, s := range c.steps {
		if s.do == doSplit && s.each == 0 {
			return true
		}
	}
	return false
}
