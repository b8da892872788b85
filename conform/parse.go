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

// action is the kind of a step.
type action uint8

const (
	doSend       action = iota
	doAwait             // wait until the party has sent the elements
	doSplit             // cut the following writes
	doCloseWrite        // end the tester's direction
	doClose             // close the stream
	doReset             // reset the stream
	doQuiet             // wait for a quiet period
	doCancel            // cancel the initiator
)

// step is one step of a script.
type step struct {
	do       action
	elements []element // of doSend and doAwait
	each     int       // of doSplit: the size of a write; 0 is "each", see playEach
}

var simpleSteps = map[string]action{
	"close-write": doCloseWrite, "close": doClose, "reset": doReset, "quiet": doQuiet, "cancel": doCancel,
}

// parser reads a case file.
type parser struct {
	role  multiselect.Role
	quote func(key string) (Requirement, bool)

	cases    []*Case
	c        *Case    // the case being read
	block    []string // lines of a transcript that have not been parsed yet
	repeat   int      // how often the next line counts
	boundary bool     // a write boundary precedes the next line
}

// parse reads the cases of one file.
func parse(role multiselect.Role, text string, quote func(key string) (Requirement, bool)) ([]*Case, error) {
	lines, err := expandTables(text)
	if err != nil {
		return nil, err
	}
	p := &parser{role: role, quote: quote, repeat: 1}
	for _, l := range lines {
		if err := p.line(l.text); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.number, err)
		}
	}
	if err := p.end(); err != nil {
		return nil, fmt.Errorf("at the end: %w", err)
	}
	return p.cases, nil
}

func (p *parser) line(line string) error {
	if line == "" || line[0] == '#' {
		return nil
	}
	if strings.ContainsRune("<> ", rune(line[0])) {
		if p.c == nil {
			return errors.New("a line of a case without a case")
		}
		p.block = append(p.block, line)
		if p.repeat > 1 {
			return p.flush()
		}
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "case":
		return p.begin(rest)
	case p.c == nil:
		return fmt.Errorf("%q without a case", word)
	case word == "--":
		return p.part()
	}
	return p.word(word, rest)
}

// begin ends a case and begins the next one.
func (p *parser) begin(id string) error {
	if err := p.end(); err != nil {
		return err
	}
	rule, _, ok := strings.Cut(id, "-")
	if !ok || strings.ContainsAny(id, " \t$") {
		return fmt.Errorf("the id %q is not RULE-words", id)
	}
	if slices.ContainsFunc(p.cases, func(c *Case) bool { return c.ID == id }) {
		return fmt.Errorf("the id %q is used twice", id)
	}
	p.c = &Case{ID: id, Role: p.role, Rules: []string{rule}, Mode: "select"}
	return nil
}

// part reads a write boundary.
func (p *parser) part() error {
	if last := len(p.c.steps) - 1; len(p.c.Legal) > 0 || last < 0 || p.c.steps[last].do != doSend {
		return errors.New("a write boundary that does not follow a line of the tester")
	}
	p.boundary = true
	p.note("--")
	return nil
}

// word reads a line that begins with a word. Unknown words are kept in Extra, so that
// the format can grow.
func (p *parser) word(word, rest string) error {
	c := p.c
	switch word {
	case "title":
		c.Title = rest
		return isExpanded(rest)
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
			q, ok := p.quote(key)
			if !ok {
				return fmt.Errorf("no such sentence: %q", key)
			}
			c.Requirements = append(c.Requirements, q)
		}
	case "needs":
		return p.needs(strings.Fields(rest))
	case "mode":
		c.Mode = rest
	case "propose":
		return p.propose(rest)
	case "legal":
		return p.legal(rest)
	default:
		return p.step(word, rest)
	}
	return nil
}

// isExpanded finds a placeholder in a text that has none.
func isExpanded(text string) error {
	if strings.Contains(text, "${") {
		return fmt.Errorf("no such column: %q", text)
	}
	return nil
}

func (p *parser) needs(words []string) error {
	for _, w := range words {
		switch w {
		case "half-close":
			p.c.twoWays = true
		case "timeout":
			p.c.timed = true
		default:
			return fmt.Errorf("no such need: %q", w)
		}
	}
	return nil
}

// propose reads the quoted names that an initiator is told to propose. No name at all
// is an empty list.
func (p *parser) propose(rest string) error {
	names, err := unquoteAll(rest)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := checkPlaceholders(name); err != nil {
			return err
		}
	}
	p.c.Propose = names
	return nil
}

func unquoteAll(text string) ([]string, error) {
	all := []string{}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, fmt.Errorf("a name that is not quoted: %s", text)
		}
		name, _ := strconv.Unquote(quoted)
		all = append(all, name)
		text = text[len(quoted):]
	}
	return all, nil
}

func (p *parser) step(word, rest string) error {
	if word == "repeat" {
		n, err := strconv.Atoi(rest)
		if err != nil || n < 2 {
			return fmt.Errorf("repeat %q", rest)
		}
		p.repeat = n
		p.note(word + " " + rest)
		return nil
	}
	var s step
	switch do, simple := simpleSteps[word]; {
	case simple:
		s.do = do
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
		return p.extra(word, rest)
	}
	switch {
	case len(p.c.Legal) > 0:
		return fmt.Errorf("%q after a legal outcome", word)
	case p.boundary:
		return fmt.Errorf("%q after a write boundary", word)
	}
	p.c.steps = append(p.c.steps, s)
	p.note(strings.TrimSpace(word + " " + rest))
	return nil
}

func (p *parser) extra(word, rest string) error {
	if _, twice := p.c.Extra[word]; twice {
		return fmt.Errorf("%q twice in a case", word)
	}
	if p.c.Extra == nil {
		p.c.Extra = make(map[string]string)
	}
	p.c.Extra[word] = rest
	return nil
}

// note records lines as they are in the file, for display.
func (p *parser) note(lines ...string) {
	if n := len(p.c.Legal); n > 0 {
		p.c.Legal[n-1].Sent = append(p.c.Legal[n-1].Sent, lines...)
		return
	}
	p.c.Script = append(p.c.Script, lines...)
}

// legal reads "legal ENDING [words]: reason".
func (p *parser) legal(rest string) error {
	words, reason, ok := strings.Cut(rest, ": ")
	if !ok || reason == "" {
		return errors.New("a legal outcome without a reason")
	}
	if p.boundary {
		return errors.New("a write boundary at the end of the script")
	}
	fields := strings.Fields(words)
	if len(fields) == 0 {
		return errors.New("a legal outcome without an ending")
	}
	end := slices.Index(endings[:], fields[0])
	if end < 0 {
		return fmt.Errorf("no such ending: %q", fields[0])
	}
	o := Outcome{Ends: Ending(end), Reason: reason}
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
	p.c.Legal = append(p.c.Legal, o)
	return isExpanded(reason)
}

// flush parses the lines of a transcript and adds them to the script, or to the latest
// outcome.
func (p *parser) flush() error {
	lines, err := transcript.Parse([]byte(strings.Join(p.block, "\n")))
	p.block = nil
	if err != nil || len(lines) == 0 {
		return err
	}
	times := p.repeat
	p.repeat = 1
	for _, l := range lines {
		keys, err := placeholders(l)
		if err != nil {
			return err
		}
		p.c.needs = append(p.c.needs, keys...)
		p.note(notation(l)...)
		if err := p.add(element{line: l, times: times}); err != nil {
			return err
		}
	}
	return nil
}

// add adds a line to the script or to the latest outcome. Consecutive lines of one side
// form one step, unless a write boundary parts them.
func (p *parser) add(e element) error {
	if n := len(p.c.Legal); n > 0 {
		if e.line.From != p.role {
			return fmt.Errorf("in an outcome, a line of the tester: %v", transcript.Transcript{e.line})
		}
		o := &p.c.Legal[n-1]
		o.elements = append(o.elements, e)
		return nil
	}
	do := doSend
	if e.line.From == p.role {
		do = doAwait
	}
	if p.boundary && do != doSend {
		return errors.New("a write boundary that does not precede a line of the tester")
	}
	last := len(p.c.steps) - 1
	if last < 0 || p.c.steps[last].do != do || p.boundary {
		p.c.steps = append(p.c.steps, step{do: do})
		last++
	}
	p.boundary = false
	p.c.steps[last].elements = append(p.c.steps[last].elements, e)
	return nil
}

// notation returns a line as it is in the file.
func notation(l transcript.Line) []string {
	return strings.Split(strings.TrimSuffix(transcript.Transcript{l}.String(), "\n"), "\n")
}

// end completes the case being read.
func (p *parser) end() error {
	if err := p.flush(); err != nil || p.c == nil {
		return err
	}
	c := p.c
	p.c = nil
	slices.Sort(c.needs)
	c.needs = slices.Compact(c.needs)
	if c.Requirements == nil {
		for _, rule := range c.Rules {
			q, ok := p.quote(rule)
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
		return fmt.Errorf("%s: no legal outcome", c.ID)
	case p.repeat > 1:
		return fmt.Errorf("%s: repeat without a line", c.ID)
	}
	p.cases = append(p.cases, c)
	return nil
}
