package conform

import (
	"fmt"
	"strings"
	"time"
)

// judge holds what happens against what is legal.
type judge struct {
	legal  []Outcome
	parts  [][]part // of each outcome
	served []string
	quiet  time.Duration
}

func newJudge(c *Case, n names, served []string, quiet time.Duration) (*judge, error) {
	j := &judge{legal: c.Legal, served: served, quiet: quiet}
	for _, o := range c.Legal {
		parts, err := n.parts(o.said)
		if err != nil {
			return nil, err
		}
		j.parts = append(j.parts, parts)
	}
	return j, nil
}

// heard is what the party has said and done so far.
type heard struct {
	said  []byte
	reads int
	ended bool
	// finished: the script is, nothing more will be asked.
	finished bool
	// silence is how long nothing has changed since.
	silence time.Duration
}

// patience is how many quiet periods a silence has to last that is held against
// the party: a machine may be busy.
const patience = 10

// silenceFor returns how long the silence of an outcome has to last.
func (j *judge) silenceFor(o *Outcome) time.Duration {
	if o.Verdict != VerdictPass {
		return patience * j.quiet
	}
	return j.quiet
}

// state is what can be said about an outcome.
type state uint8

const (
	impossible state = iota
	possible
	silent // possible, if the party stays quiet from now on
	true_
)

func (j *judge) state(i int, h heard) state {
	o := &j.legal[i]
	fit, _ := compare(h.said, j.parts[i], j.served)
	switch {
	case fit == differs || fit == more || o.OneRead && h.reads > 1:
		return impossible
	case o.OneRead && h.reads == 1 && fit != full:
		return impossible
	}
	done := fit == full
	switch o.Ends {
	case EndAbort:
		done = h.ended
	case EndClosed:
		done = done && h.ended
	case EndQuiet:
		if h.ended {
			return impossible
		}
		if done && h.finished && h.silence < j.silenceFor(o) {
			return silent
		}
	}
	switch {
	case done && (h.finished || h.ended):
		return true_
	case h.ended:
		return impossible
	}
	return possible
}

// decide returns the first outcome that has come true, or -1, whether another one
// still may, and how much more silence decides on one, or 0.
func (j *judge) decide(h heard) (came int, open bool, silence time.Duration) {
	came = -1
	for i := range j.legal {
		switch j.state(i, h) {
		case true_:
			if came < 0 {
				came = i
			}
		case silent:
			open = true
			if more := j.silenceFor(&j.legal[i]) - h.silence; silence == 0 || more < silence {
				silence = more
			}
		case possible:
			open = true
		}
	}
	return came, open, silence
}

// reached returns all outcomes that have come true.
func (j *judge) reached(h heard) (all []int) {
	for i := range j.legal {
		if j.state(i, h) == true_ {
			all = append(all, i)
		}
	}
	return all
}

// explain says how what happened differs from all that is legal.
func (j *judge) explain(h heard, timeout time.Duration, timedOut bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "it said %s", quote(h.said))
	switch {
	case h.ended:
		b.WriteString(" and ended the stream")
	case timedOut:
		fmt.Fprintf(&b, " and nothing more in %v, and did not end the stream", timeout)
	}
	if h.reads > 1 {
		fmt.Fprintf(&b, ", in %d reads", h.reads)
	}
	for i, o := range j.legal {
		word := ", or "
		if i == 0 {
			word = "; legal is "
		}
		how := map[Ending]string{
			EndAny: "", EndQuiet: " and then silence", EndClosed: " and then the end",
			EndAbort: ", at most, and the end of the stream",
		}[o.Ends]
		if o.OneRead {
			how += ", at once"
		}
		fmt.Fprintf(&b, "%s%s%s (%s)", word, describe(j.parts[i]), how, o.Reason)
	}
	return b.String()
}
