package conform

import "github.com/multiselect/multiselect"

// Case is one case: what the tester does, and what may come of it. It is
// read-only.
type Case struct {
	// ID is a rule of docs/protocol.md and a few words: "R10-empty-name".
	ID string
	// Role is the role of the party under test.
	Role multiselect.Role
	// Level says what it means to miss the case.
	Level Level
	// Title says in a few words what the case is.
	Title string
	// Rules are the rules of docs/protocol.md that it checks, the one in the id
	// first.
	Rules []string
	// Requirements are the sentences that it checks: of a specification, if
	// there is one, or else of the rules.
	Requirements []Requirement
	// Mode is what an initiator has to do: "select", "lazy", …, see [Task].
	Mode string
	// Propose are the names an initiator is told to propose. If nil, they are the
	// tester's choice or the initiator's.
	Propose []string
	// Script is what the tester does, line by line, as in the file.
	Script []string
	// Legal are the outcomes that are legal, of which one has to come true.
	Legal []Outcome

	steps   []step
	needs   []string // names that the party under test must have
	twoWays bool     // it needs a stream of which one direction can be ended
	timed   bool     // it needs a party that states its budget
}

// Requirement is a sentence of a specification, or a rule.
type Requirement struct {
	Key    string // "C7", "R10"
	Level  Level
	Text   string // as it stands there
	Source string // where it stands
}

// Level says what kind of demand a case is.
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
	// Said is all that the party under test says, line by line, as in the file.
	Sent []string
	// Ends says what becomes of the stream.
	Ends Ending
	// Verdict is what the outcome means: [Pass], or less.
	Verdict Verdict
	// Reports is what an initiator has to say of it: "agreed", "refused",
	// "failed", or "" for anything.
	Reports string
	// OneRead says that all of Said has to arrive at once, as far as a read can
	// tell.
	OneRead bool
	// Because says why the outcome is legal.
	Reason string

	said []element
}

// Ending says what becomes of a stream.
type Ending uint8

const (
	// Open: all was said and nothing more, and the stream is still open, or
	// ended well: nobody looks.
	EndAny Ending = iota
	// Quiet: the same, and nothing more is said, and the stream is not ended,
	// for [Options].Quiet.
	EndQuiet
	// Closed: the same, and then the party ends its direction.
	EndClosed
	// Abort: the party ended the stream, by its end or by a reset. Of what stands
	// in Said the last messages, or all, may be missing: a reset overtakes them.
	EndAbort
)

var endings = [...]string{"open", "quiet", "closed", "abort"}

func (e Ending) String() string { return endings[e] }

// MarshalText implements [encoding.TextMarshaler].
func (e Ending) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// hangsUp reports whether the task of the case tells the initiator to end its
// direction of its own accord.
func (c *Case) hangsUp() bool { return c.Mode == "lazy-close" || c.Mode == "lazy-half" }

// splits reports whether the case is played once for each place where what the
// tester sends can be cut in two.
func (c *Case) splits() bool {
	for _, s := range c.steps {
		if s.do == doSplit && s.each == 0 {
			return true
		}
	}
	return false
}
