package attempt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
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
func explain(a *Attempt) explanation {
	x := explanation{summary: a.summary()}
	add := func(key, text string) {
		if text != "" {
			x.rows = append(x.rows, row{key, text})
		}
	}
	add("stage", a.stage())
	if a.connected {
		add("proposed", terminal.QuoteNames(a.Protocols[:min(len(a.refused)+1, len(a.Protocols))]))
		add("early", a.sentEarly())
		add("answered", a.answered())
	}
	if names, known := a.offers(); known {
		add("offers", terminal.SummarizeNames(names, " (mss ls shows all)"))
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
func (a *Attempt) summary() string {
	if a.rung != "" && a.Err != nil {
		above := *a
		above.rung = ""
		return a.rung + ": " + above.summary()
	}
	switch exit.Code(a.Err) {
	case exit.Connect:
		return fmt.Sprintf("cannot connect to %s: %s", a.Peer, transport.Reason(a.Err))
	case exit.Timeout:
		return fmt.Sprintf("timed out after %v %s (%s)", a.Timeout, a.stage(), a.Peer)
	case exit.Violation:
		if oversize := a.oversize(); oversize != "" {
			return fmt.Sprintf("%s broke the protocol: its answer%s is %s", a.Peer, a.question(), oversize)
		}
		return fmt.Sprintf("%s broke the protocol: it answered %s", a.Peer, a.answered())
	case exit.Closed:
		return fmt.Sprintf("%s ended the connection: %s", a.Peer, DescribeEnd(a.Err))
	case exit.Refused:
		if len(a.Protocols) == 0 {
			return fmt.Sprintf("%s does not list its protocols", a.Peer)
		}
		return fmt.Sprintf("nothing in common: %s refused %s", a.Peer, terminal.QuoteNames(a.refused))
	case exit.Interrupted:
		return "interrupted"
	case exit.Internal:
		return fmt.Sprintf("internal error: %v", a.Err)
	}
	return a.Err.Error()
}

// sentEarly describes the part of standard input that a lazy dial has sent before
// it failed.
func (a *Attempt) sentEarly() string {
	switch {
	case a.mode != LazyMode:
		return ""
	case a.early == 0:
		return "nothing of standard input was sent"
	}
	return terminal.CountBytes(a.early) + " of standard input had been sent with the proposal"
}

// fault describes the blame in words.
func (a *Attempt) fault() string {
	switch a.blame() {
	case multiselect.BlamePeer:
		return "the peer's"
	case multiselect.BlameSlowPeer:
		return "the peer's or the network's: too slow, or waiting for something else"
	case multiselect.BlameLocal:
		return "this side's"
	}
	switch exit.Code(a.Err) {
	case exit.Refused:
		return "nobody's: a refusal is a normal answer"
	case exit.Connect:
		return "not the protocol's: nothing was sent"
	}
	return "unknown: the peer's or the network's"
}
