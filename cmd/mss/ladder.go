package main

import (
	"context"
	"fmt"
	"io"
)

// ladder makes and records the negotiations below the streams of a peer, one rung
// each.
type ladder struct {
	peer  *peer
	rungs []rung
	live  io.Writer // receives the transcript while it is written
}

// rung is one negotiation below the streams.
type rung struct {
	Step       string   `json:"step"` // security or muxer
	Protocol   *string  `json:"protocol"`
	Transcript []string `json:"transcript"`
}

// rungError is the failure of a negotiation below the streams. The attempt holds
// its record.
type rungError struct{ attempt *attempt }

func (e *rungError) Error() string { return e.attempt.rung + ": " + e.attempt.err.Error() }
func (e *rungError) Unwrap() error { return e.attempt.err }

// agree negotiates one rung on a connection, which stays open. Its transcript is
// indented one level deeper than that of the rung below.
func (l *ladder) agree(ctx context.Context, step string, conn halfCloser, protocols ...string) (string, error) {
	a := &attempt{peer: l.peer, rung: step, protocols: protocols, connected: true}
	live := l.level()
	fmt.Fprintf(live, "# %s\n", step)
	t := newTalk(conn, &a.record, live)
	a.err = a.agree(ctx, t)
	if isRefusal(a.err) {
		a.askOffers(ctx, t)
	}
	l.rungs = append(l.rungs, rung{step, orNull(a.protocol), lines(a.record.text.String())})
	if a.err != nil {
		return "", &rungError{a}
	}
	return a.protocol, nil
}

// comment adds a remark to the transcript.
func (l *ladder) comment(text string) {
	fmt.Fprintf(l.level(), "# %s\n", text)
}

// level returns the writer for the transcript of the next rung, indented.
func (l *ladder) level() io.Writer { return l.above(l.live) }

// above returns a writer to w, indented for the next rung.
func (l *ladder) above(w io.Writer) io.Writer { return indent(w, len(l.rungs)) }
