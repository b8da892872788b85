package conform

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
)

// do is what the tester does in a step.
type do uint8

const (
	doSend       do = iota
	doAwait         // until the party has said what stands there
	doSplit         // from here on, writes are cut
	doCloseWrite    // ends its direction
	doClose         // ends the stream
	doReset         // resets the stream
	doQuiet         // waits for a quiet period
	doCancel        // cancels the initiator
)

// step is one step of a script.
type step struct {
	do   do
	said []element // of doSend and doAwait
	each int       // of doSplit: so many bytes a write; 0 is "each", see playEach
}

var simpleSteps = map[string]do{
	"close-write": doCloseWrite, "close": doClose, "reset": doReset, "quiet": doQuiet, "cancel": doCancel,
}

// reader reads a case file. The format is that of cases/README.md.
type reader struct {
	role  multiselect.Role
	quote func(key string) (Requirement, bool)

	cases  []*Case
	c      *Case    // the one that is being read
	block  []string // lines of a transcript that have not been parsed yet
	repeat int      // how often the next line is said
	gap    bool     // a blank line stands behind the last transcript
}

// parse reads the cases of one file.
func parse(role multiselect.Role, text string, quote func(key string) (Requirement, bool)) ([]*Case, error) {
	r := &reader{role: role, quote: quote, repeat: 1}
	for i, line := range strings.Split(text, "\n") {
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("at the end: %w", err)
	}
	return r.cases, nil
}

func (r *reader) line(line string) error {
	if strings.HasPrefix(line, "#") {
		return nil
	}
	if line == "" || strings.ContainsRune("<> ", rune(line[0])) {
		if r.c == nil && line != "" {
			return errors.New("a line of a case without a case")
		}
		r.block = append(r.block, line)
		if r.repeat > 1 && line != "" {
			return r.flush()
		}
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	word, rest, _ := strings.Cut(line, " ")
	if word == "case" {
		return r.begin(rest)
	}
	if r.c == nil {
		return fmt.Errorf("%q without a case", word)
	}
	return r.word(word, rest)
}

// begin ends a case and begins the next one.
func (r *reader) begin(id string) error {
	if err := r.end(); err != nil {
		return err
	}
	rule, _, ok := strings.Cut(id, "-")
	if !ok || strings.ContainsAny(id, " \t") {
		return fmt.Errorf("the id %q is not RULE-words", id)
	}
	r.c = &Case{ID: id, Role: r.role, Rules: []string{rule}, Mode: "select"}
	return nil
}

// word reads a line that begins with a word. Words that are not known are
// skipped, so that the format can grow.
func (r *reader) word(word, rest string) error {
	c := r.c
	switch word {
	case "title":
		c.Title = rest
	case "level":
		l := slices.Index(levels[:], rest)
		if l < 0 {
			return fmt.Errorf("no such level: %q", rest)
		}
		c.Level = Level(l)
	case "rules":
		c.Rules = append(c.Rules, strings.Fields(rest)...)
	case "quotes":
		for _, key := range strings.Fields(rest) {
			q, ok := r.quote(key)
			if !ok {
				return fmt.Errorf("no such sentence: %q", key)
			}
			c.Requirements = append(c.Requirements, q)
		}
	case "needs":
		return r.needs(strings.Fields(rest))
	case "mode":
		c.Mode = rest
	case "propose":
		return r.propose(rest)
	case "legal":
		return r.legal(rest)
	default:
		return r.step(word, rest)
	}
	return nil
}

func (r *reader) needs(words []string) error {
	for _, w := range words {
		switch w {
		case "half-close":
			r.c.twoWays = true
		case "budget":
			r.c.timed = true
		default:
			return fmt.Errorf("no such need: %q", w)
		}
	}
	return nil
}

// propose reads the names that an initiator is told to propose, quoted; none at
// all is an empty list.
func (r *reader) propose(rest string) error {
	r.c.Propose = []string{}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return fmt.Errorf("a name that is not quoted: %s", rest)
		}
		name, _ := strconv.Unquote(quoted)
		r.c.Propose = append(r.c.Propose, name)
		rest = rest[len(quoted):]
	}
	return nil
}

func (r *reader) step(word, rest string) error {
	if word == "repeat" {
		n, err := strconv.Atoi(rest)
		if err != nil || n < 2 {
			return fmt.Errorf("repeat %q", rest)
		}
		r.repeat = n
		r.note(word + " " + rest)
		return nil
	}
	var s step
	switch what, simple := simpleSteps[word]; {
	case simple:
		s.do = what
	case word == "split":
		s.do = doSplit
		if rest != "each" {
			n, err := strconv.Atoi(rest)
			if err != nil || n < 1 {
				return fmt.Errorf("split %q", rest)
			}
			s.each = n
		}
	default:
		return nil // a word of a later version
	}
	if len(r.c.Legal) > 0 {
		return fmt.Errorf("%q stands behind a legal outcome", word)
	}
	r.c.steps = append(r.c.steps, s)
	r.note(strings.TrimSpace(word + " " + rest))
	return nil
}

// note keeps lines as they stand in the file, for whoever shows the case.
func (r *reader) note(lines ...string) {
	if n := len(r.c.Legal); n > 0 {
		r.c.Legal[n-1].Sent = append(r.c.Legal[n-1].Sent, lines...)
		return
	}
	r.c.Script = append(r.c.Script, lines...)
}

// legal reads "legal ENDING [words]: reason".
func (r *reader) legal(rest string) error {
	words, because, ok := strings.Cut(rest, ": ")
	if !ok || because == "" {
		return errors.New("a legal outcome without a reason")
	}
	fields := strings.Fields(words)
	if len(fields) == 0 {
		return errors.New("a legal outcome that does not say how it ends")
	}
	end := slices.Index(endings[:], fields[0])
	if end < 0 {
		return fmt.Errorf("no such ending: %q", fields[0])
	}
	o := Outcome{Ends: Ending(end), Reason: because}
	for _, f := range fields[1:] {
		switch v := slices.Index(verdicts[:], f); {
		case v >= 0:
			o.Verdict = Verdict(v)
		case f == "agreed" || f == "refused" || f == "failed":
			o.Reports = f
		case f == "one-read":
			o.OneRead = true
		default:
			return fmt.Errorf("no such word of an outcome: %q", f)
		}
	}
	r.c.Legal = append(r.c.Legal, o)
	return nil
}

// flush parses the lines of a transcript and adds them to the script, or to the
// outcome that was begun last.
func (r *reader) flush() error {
	block := r.block
	r.block = nil
	lines, err := transcript.Parse([]byte(strings.Join(block, "\n")))
	if err != nil || len(lines) == 0 {
		return err
	}
	times := r.repeat
	r.repeat = 1
	r.c.needs = append(r.c.needs, placeholders(lines)...)
	for i, l := range lines {
		e := element{line: l, times: times}
		if n := len(r.c.Legal); n > 0 {
			if l.From != r.role {
				return fmt.Errorf("in an outcome, a line of the tester: %v", transcript.Transcript{l})
			}
			r.note(notation(l)...)
			o := &r.c.Legal[n-1]
			o.said = append(o.said, e)
			continue
		}
		r.note(notation(l)...)
		what := doSend
		if l.From == r.role {
			what = doAwait
		}
		// Lines of one side belong together, unless a blank line stands between.
		last := len(r.c.steps) - 1
		apart := l.Break || i == 0 && (r.gap || block[0] == "")
		if last < 0 || r.c.steps[last].do != what || apart {
			r.c.steps = append(r.c.steps, step{do: what})
			last++
		}
		r.c.steps[last].said = append(r.c.steps[last].said, e)
	}
	r.gap = block[len(block)-1] == ""
	return nil
}

// notation writes a line down as it stands in the file.
func notation(l transcript.Line) (lines []string) {
	if l.Break {
		lines = append(lines, "")
	}
	l.Break = false
	return append(lines, strings.Split(strings.TrimSuffix(transcript.Transcript{l}.String(), "\n"), "\n")...)
}

// end completes the case that is being read.
func (r *reader) end() error {
	if err := r.flush(); err != nil || r.c == nil {
		return err
	}
	c := r.c
	r.c = nil
	slices.Sort(c.needs)
	c.needs = slices.Compact(c.needs)
	if c.Requirements == nil {
		for _, rule := range c.Rules {
			q, ok := r.quote(rule)
			if !ok {
				return fmt.Errorf("%s: no such rule: %q", c.ID, rule)
			}
			c.Requirements = append(c.Requirements, q)
		}
	}
	switch {
	case c.Title == "":
		return fmt.Errorf("%s: no title", c.ID)
	case len(c.Legal) == 0:
		return fmt.Errorf("%s: nothing is legal", c.ID)
	}
	r.cases = append(r.cases, c)
	return nil
}
