package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"
)

// explanation is a failure in words: what happened, and the rows of a small
// table that says where, why and what to do next.
type explanation struct {
	summary string
	rows    []row
	near    *near // the offered name that comes closest, if one does
	next    string
}

type row struct{ key, text string }

// String returns the lines for standard error.
func (x explanation) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, x.summary)
	for _, r := range x.rows {
		fmt.Fprintf(&b, "  %-9s %s\n", r.key, r.text)
	}
	return b.String()
}

// explain says why an attempt failed. It only looks at what is known already.
func explain(a *attempt) explanation {
	x := explanation{summary: a.summary()}
	add := func(key, text string) {
		if text != "" {
			x.rows = append(x.rows, row{key, text})
		}
	}
	add("stage", a.stage())
	if a.connected {
		add("proposed", displayAll(a.protocols[:min(len(a.refused)+1, len(a.protocols))]))
		add("early", a.leftEarly())
		add("answered", a.answered())
	}
	if names, known := a.offers(); known {
		add("offers", shorten(names, " (mss ls shows all)"))
		if x.near = nearest(a.refused, names); x.near != nil {
			add("nearest", x.near.String())
		}
	} else if e, ok := errors.AsType[*multiselect.Error](a.listErr); a.asked && (!ok || e.Phase != multiselect.PhaseHeader) {
		add("offers", "unknown: it does not answer ls with a list")
	}
	add("fault", a.fault())
	x.next = a.next(x.near)
	add("next", x.next)
	return x
}

// shorten keeps a long list readable. The hint says where all of it is.
func shorten(names []string, hint string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more%s", displayAll(names[:most]), len(names)-most, hint)
	}
	return displayAll(names)
}

// summary is the first line: what happened, to whom.
func (a *attempt) summary() string {
	if a.rung != "" && a.err != nil {
		above := *a
		above.rung = ""
		return a.rung + ": " + above.summary()
	}
	switch exitCode(a.err) {
	case exitConnect:
		return fmt.Sprintf("cannot connect to %s: %s", a.peer, reason(a.err))
	case exitTimeout:
		return fmt.Sprintf("timed out after %v %s (%s)", a.timeout, a.stage(), a.peer)
	case exitViolation:
		if oversize := a.oversize(); oversize != "" {
			return fmt.Sprintf("%s broke the protocol: its answer%s is %s", a.peer, a.question(), oversize)
		}
		return fmt.Sprintf("%s broke the protocol: it answered %s", a.peer, a.answered())
	case exitClosed:
		return fmt.Sprintf("%s ended the connection: %s", a.peer, lastWords(a.err))
	case exitRefused:
		if len(a.protocols) == 0 {
			return fmt.Sprintf("%s does not list its protocols", a.peer)
		}
		return fmt.Sprintf("nothing in common: %s refused %s", a.peer, displayAll(a.refused))
	case exitInterrupted:
		return "interrupted"
	case exitInternal:
		return fmt.Sprintf("internal error: %v", a.err)
	}
	return a.err.Error()
}

// leftEarly says what of standard input a lazy dial has sent before it failed.
func (a *attempt) leftEarly() string {
	switch {
	case a.mode != lazyMode:
		return ""
	case a.early == 0:
		return "nothing of standard input was sent"
	}
	return amount(a.early) + " of standard input had left with the proposal"
}

// fault says whose fault it is, in words.
func (a *attempt) fault() string {
	switch a.blame() {
	case multiselect.BlamePeer:
		return "the peer's"
	case multiselect.BlameSlowPeer:
		return "the peer's or the network's: too slow, or waiting for something else"
	case multiselect.BlameLocal:
		return "this side's"
	}
	switch exitCode(a.err) {
	case exitRefused:
		return "nobody's: a refusal is a normal answer"
	case exitConnect:
		return "not the protocol's: nothing was said"
	}
	return "unknown: the peer's or the network's"
}
