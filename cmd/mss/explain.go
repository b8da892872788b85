package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"
)

// explanation describes a failure in words: a summary, and the rows of a small
// table with the stage, the answers, the fault and advice.
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

// explain returns why an attempt failed. It does no I/O.
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
		add("early", a.sentEarly())
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

// summary returns the first line.
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
		return fmt.Sprintf("%s ended the connection: %s", a.peer, endOf(a.err))
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

// sentEarly describes the part of standard input that a lazy dial has sent before
// it failed.
func (a *attempt) sentEarly() string {
	switch {
	case a.mode != lazyMode:
		return ""
	case a.early == 0:
		return "nothing of standard input was sent"
	}
	return amount(a.early) + " of standard input had been sent with the proposal"
}

// fault describes the blame in words.
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
		return "not the protocol's: nothing was sent"
	}
	return "unknown: the peer's or the network's"
}
