package conform

import (
	"fmt"
	"strings"
	"time"
)

// judge compares an observation with the legal outcomes of a case.
type judge struct {
	legal  []Outcome
	parts  [][]part // of each outcome
	served []string
	quiet  time.Duration
}

func newJudge(c *Case, n names, served []string, quiet time.Duration) (*judge, error) {
	j := &judge{legal: c.Legal, served: served, quiet: quiet}
	for _, o := range c.Legal {
		parts, err := n.parts(o.elements)
		if err != nil {
			return nil, err
		}
		j.parts = append(j.parts, parts)
	}
	return j, nil
}

// observation is the state of a play.
type observation struct {
	received []byte // from the party
	reads    int
	ended    bool // the party has ended the stream
	// finished: the script is, so nothing more will be asked of the party.
	finished bool
	// silence is the time since the last change.
	silence time.Duration
}

// patience is the number of quiet periods that a silence must last if it counts against
// the party, because a machine may be busy.
const patience = 10

// requiredSilence returns how long the silence of an outcome must last.
func (j *judge) requiredSilence(o *Outcome) time.Duration {
	if o.Verdict != VerdictPass {
		return patience * j.quiet
	}
	return j.quiet
}

// state is the state of an outcome after an observation.
type state uint8

const (
	impossible state = iota
	possible
	silent // it matches if the party stays quiet from now on
	matched
)

func (j *judge) state(i int, v observation) state {
	o := &j.legal[i]
	fit, _ := compare(v.received, j.parts[i], j.served)
	switch {
	case fit == differs || fit == more || o.OneRead && v.reads > 1:
		return impossible
	case o.OneRead && v.reads == 1 && fit != full:
		return impossible
	}
	done := fit == full
	switch o.Ends {
	case EndAbort:
		done = v.ended
	case EndClosed:
		done = done && v.ended
	case EndQuiet:
		if v.ended {
			return impossible
		}
		if done && v.finished && v.silence < j.requiredSilence(o) {
			return silent
		}
	}
	switch {
	case done && (v.finished || v.ended):
		return matched
	case v.ended:
		return impossible
	}
	return possible
}

// decide returns the first outcome that matches, or -1. It also returns whether another
// one still can, and how much more silence will decide on one, or 0.
func (j *judge) decide(v observation) (match int, open bool, silence time.Duration) {
	match = -1
	for i := range j.legal {
		switch j.state(i, v) {
		case matched:
			if match < 0 {
				match = i
			}
		case silent:
			open = true
			if more := j.requiredSilence(&j.legal[i]) - v.silence; silence == 0 || more < silence {
				silence = more
			}
		case possible:
			open = true
		}
	}
	return match, open, silence
}

// matches returns all outcomes that match.
func (j *judge) matches(v observation) (all []int) {
	for i := range j.legal {
		if j.state(i, v) == matched {
			all = append(all, i)
		}
	}
	return all
}

// explain describes how an observation differs from all legal outcomes.
func (j *judge) explain(v observation, timeout time.Duration, timedOut bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "it sent %s", quote(v.received))
	switch {
	case v.ended:
		b.WriteString(" and ended the stream")
	case timedOut:
		fmt.Fprintf(&b, ", then no more for %v, and did not end the stream", timeout)
	}
	if v.reads > 1 {
		fmt.Fprintf(&b, ", in %d reads", v.reads)
	}
	for i, o := range j.legal {
		word := ", or "
		if i == 0 {
			word = "; legal is "
		}
		ending := map[Ending]string{
			EndAny: "", EndQuiet: " and then silence", EndClosed: " and then the end",
			EndAbort: ", at most, and the end of the stream",
		}[o.Ends]
		if o.OneRead {
			ending += ", in one read"
		}
		fmt.Fprintf(&b, "%s%s%s (%s)", word, describe(j.parts[i]), ending, o.Reason)
	}
	return b.String()
}
