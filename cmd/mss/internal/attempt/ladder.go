package attempt

import (
	"context"
	"fmt"
	"io"

	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// ladder makes and records the negotiations below the streams of a peer, one rung
// each.
type ladder struct {
	peer  *Peer
	rungs []Rung
	live  io.Writer // receives the transcript while it is written
}

// Rung is one negotiation below the streams, as a JSON document.
type Rung struct {
	Step       string   `json:"step"` // security or muxer
	Protocol   *string  `json:"protocol"`
	Transcript []string `json:"transcript"`
}

// rungError is the failure of a negotiation below the streams. The attempt holds
// its record.
type rungError struct{ attempt *Attempt }

func (e *rungError) Error() string { return e.attempt.rung + ": " + e.attempt.Err.Error() }
func (e *rungError) Unwrap() error { return e.attempt.Err }

// Agree negotiates one rung on a connection, which stays open. Its transcript is
// indented one level deeper than that of the rung below.
func (l *ladder) Agree(ctx context.Context, step string, conn transport.Stream, protocols ...string) (string, error) {
	a := &Attempt{Peer: l.peer, rung: step, Protocols: protocols, connected: true}
	live := l.level()
	fmt.Fprintf(live, "# %s\n", step)
	t := newTalk(conn, &a.record, live)
	a.Err = a.agree(ctx, t)
	if isRefusal(a.Err) {
		a.askOffers(ctx, t)
	}
	l.rungs = append(l.rungs, Rung{step, orNull(a.protocol), a.record.lines()})
	if a.Err != nil {
		return "", &rungError{a}
	}
	return a.protocol, nil
}

// Comment adds a remark to the transcript.
func (l *ladder) Comment(text string) {
	fmt.Fprintf(l.level(), "# %s\n", text)
}

// level returns the writer for the transcript of the next rung, indented.
func (l *ladder) level() io.Writer { return l.above(l.live) }

// above returns a writer to w, indented for the next rung.
func (l *ladder) above(w io.Writer) io.Writer { return terminal.Indent(w, len(l.rungs)) }
