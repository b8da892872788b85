package differential_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// plan is all that decides how a negotiation goes: the configuration of this side, and
// everything that the stream does. The same plan played twice is the same negotiation
// twice.
type plan struct {
	role   multiselect.Role
	limits multiselect.Limits
	ending ending
	kind   kind // of the stream

	unbuffered bool     // Client.Unbuffered or Muxer.Unbuffered
	proposals  []string // of an initiator

	registered                             []string // by a responder
	matchers, noList, headerFirst, oneShot bool

	steps  []step // what the Reads return
	last   error  // what each further Read returns; nil: neither bytes nor an error
	faults []fault
}

// step is what one or more Reads return: the bytes, in one Read or in several if the
// buffer is short, and err together with the last of them.
type step struct {
	bytes string
	err   error
	count impossible // returned in place of the number of bytes, none of which are read

	// What is registered changes while the Read waits.
	change change
	name   string
}

// impossible is a count that a Read or Write must not return.
type impossible uint8

const (
	possible impossible = iota
	negative
	tooMany
)

// change is a change of the names that are registered (R16).
type change uint8

const (
	noChange change = iota
	adds
	removes
	replaces
)

// fault is a Write that fails or is short.
type fault struct {
	call    int // counted from 0
	missing int // bytes that are not written, at most all
	count   impossible
	err     error
}

// ending is what ends a negotiation from outside.
type ending struct {
	how endKind
	at  int // the call of the stream in which it happens, counted from 0
}

type endKind uint8

const (
	endsNever        endKind = iota
	couldEnd                 // the context can end, and does not
	cancelledBefore          // the context, before the call
	cancelledBecause         // before the call, with a cause
	cancelledIn              // in a call of the stream
	expiresIn                // the time limit, in the first call of the stream
	panicsIn                 // a call of the stream panics
)

// newPlan makes a plan.
func newPlan(c *choices) *plan {
	p := &plan{role: multiselect.Initiator}
	if c.below(2) == 1 {
		p.role = multiselect.Responder
	}
	p.limits = planLimits(c)
	p.kind = planKind(c)
	p.unbuffered = c.oneIn(60)
	var messages []string
	if p.role == multiselect.Initiator {
		p.proposals = planProposals(c)
		messages = planAnswers(c, distinct(p.proposals))
	} else {
		p.planMuxer(c)
		messages = planQuestions(c, p.registered)
	}
	p.planReads(c, messages)
	p.planFaults(c)
	p.planEnding(c)
	return p
}

func planLimits(c *choices) (l multiselect.Limits) {
	switch c.below(10) {
	case 6:
		l = multiselect.Limits{MaxMessage: -1, MaxProposals: -1, MaxBytes: -1, MaxListBytes: -1, MaxListNames: -1, MaxLists: -1}
	case 7:
		l = multiselect.Limits{MaxMessage: 1024, MaxProposals: 128, MaxBytes: 64 << 10}
	case 8:
		l.MaxListBytes, l.MaxListNames, l.MaxLists = c.between(1, 60), c.between(1, 5), c.between(1, 3)
	case 9:
		for _, limit := range []*int{&l.MaxMessage, &l.MaxProposals, &l.MaxBytes} {
			if c.below(2) == 1 {
				*limit = c.between(1, 70)
			}
		}
	}
	l.Timeout = pick(c, []time.Duration{0, multiselect.NoLimit, multiselect.NoLimit, time.Hour})
	return l
}

// The names from which plans choose. The exchange in line ends at 42 bytes, the inline
// buffer at 64, the length of one byte at 126, and a message of the default limit at
// 1023.
var (
	shortNames = []string{
		"/foo/1.0.0", "/bar/2.0.0", "/foo/1.0.1", "/foo/1.0", "/foo", "/a", "x", "abc", "na2", "/FOO/1.0.0",
		"/\xff\xfe", "/nul\x00", "svc/raw", "/foo/1.0.0 ", "/pre/x", "/foo/2.3.4", "/ipfs/id/1.0.0", "/multistream/1.0.1",
	}
	longNames = names(39, 40, 41, 42, 43, 44, 45, 46, 50, 60, 61, 62, 63, 64, 65, 66, 100, 125, 126, 127, 128, 200, 1022, 1023, 1024, 2000)
	manyNames = names(slices.Repeat([]int{7}, 130)...)
	badNames  = []string{"", wire.NA, wire.LS, wire.Header, "a\nb", "/foo/1.0.0\n", "\n"}
)

// names returns different names of the given lengths.
func names(lengths ...int) (made []string) {
	for i, n := range lengths {
		made = append(made, fmt.Sprintf("/%02d%s", i, strings.Repeat("n", n-3)))
	}
	return made
}

func planName(c *choices) string {
	if c.oneIn(4) {
		return pick(c, longNames)
	}
	return pick(c, shortNames)
}

func planProposals(c *choices) (proposals []string) {
	switch c.below(200) {
	case 196, 197, 198: // about as many as are made in line
		return slices.Clone(manyNames[:c.between(30, 36)])
	case 199: // about as many as the default limit allows
		return slices.Clone(manyNames[:c.between(127, len(manyNames))])
	}
	for range 1 + c.below(4) {
		proposals = append(proposals, planName(c))
	}
	switch c.below(20) {
	case 17:
		proposals = append(proposals, proposals[c.below(len(proposals))])
	case 18:
		proposals[c.below(len(proposals))] = pick(c, badNames)
	case 19:
		proposals = nil
	}
	return proposals
}

func (p *plan) planMuxer(c *choices) {
	if !c.oneIn(20) {
		for range 1 + c.below(6) {
			p.registered = append(p.registered, planName(c))
		}
	}
	p.matchers = c.oneIn(20)
	p.noList = c.oneIn(10)
	p.headerFirst = c.oneIn(20)
	p.oneShot = c.oneIn(20)
}

func distinct(names []string) (once []string) {
	for _, name := range names {
		if !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

// planFaults makes Writes fail.
func (p *plan) planFaults(c *choices) {
	if !c.oneIn(6) {
		return
	}
	for call := range 3 {
		if !c.oneIn(2) {
			continue
		}
		f := fault{call: call, err: pick(c, failures)}
		switch c.below(6) {
		case 1:
			f.missing = c.between(1, 30)
		case 2:
			f.missing, f.err = c.between(1, 30), nil
		case 3:
			f.missing = 1 << 20
		case 4:
			f.count = pick(c, impossibles)
		case 5:
			f.count, f.err = pick(c, impossibles), nil
		}
		p.faults = append(p.faults, f)
	}
}

// planEnding ends the negotiation from outside. It does so within a call of the stream
// only if that call is sure to be made, and not concurrently with another one:
// otherwise the result would depend on which is first.
func (p *plan) planEnding(c *choices) {
	switch c.below(100) {
	case 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91:
		p.ending.how = couldEnd
	case 92:
		p.ending.how = cancelledBefore
	case 93:
		p.ending.how = cancelledBecause
	case 94, 95, 96:
		if p.isBuffered() {
			p.ending = ending{cancelledIn, c.below(4)}
		}
	case 97, 98:
		if p.isBuffered() && (p.role == multiselect.Responder || p.areValid()) {
			p.ending.how = expiresIn
			p.limits.Timeout = 1
		}
	case 99:
		if p.isBuffered() { // the library must not recover from a panic in a goroutine of its own
			p.ending = ending{panicsIn, c.below(4)}
		}
	}
}

// isBuffered reports whether Reads and Writes are never concurrent (R28).
func (p *plan) isBuffered() bool { return !p.unbuffered && p.kind != pipe }

// areValid reports whether the first proposal is sent.
func (p *plan) areValid() bool {
	valid := 0 < len(p.proposals) && len(p.proposals) <= 128 && p.limits.MaxMessage <= 0 && p.limits.MaxProposals <= 0 && p.limits.MaxBytes <= 0
	for _, name := range p.proposals {
		valid = valid && wire.CheckName(name, 1024) == nil
	}
	return valid
}

// isUntimed reports whether nothing asks for the time of the call.
func (p *plan) isUntimed() bool {
	return p.limits.Timeout < 0 && p.ending.how == endsNever && p.isBuffered()
}

// String describes the plan for the reader of a failure.
func (p *plan) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "    "+format+"\n", args...) }
	line("%s, stream %d, ending %+v, unbuffered %v", p.role, p.kind, p.ending, p.unbuffered)
	line("limits %+v", p.limits)
	if p.role == multiselect.Initiator {
		line("proposes %.100q", p.proposals)
	} else {
		line("serves %.100q, matchers %v, noList %v, headerFirst %v, oneShot %v",
			p.registered, p.matchers, p.noList, p.headerFirst, p.oneShot)
	}
	silent := 0
	for _, s := range p.steps {
		if s == (step{}) {
			silent++
			continue
		}
		if silent > 0 {
			line("%d Reads return nothing", silent)
			silent = 0
		}
		line("Read returns %.200q, error %v, count %d, change %d of %.100q", s.bytes, s.err, s.count, s.change, s.name)
	}
	line("%d Reads return nothing, and then error %v", silent, p.last)
	for _, f := range p.faults {
		line("Write %d: %d bytes missing, count %d, error %v", f.call, f.missing, f.count, f.err)
	}
	return b.String()
}
