package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Prober asks a peer for one protocol after the other, on as few connections
// as the peer allows.
type Prober struct {
	Peer    *Peer
	Timeout time.Duration // of all questions together, to explain an error
	Live    io.Writer     // receives the transcript while it is written

	Connected bool // is set when a connection was made

	talk       *talk // the stream for the next question, if not nil
	asked      int   // questions on talk
	calls      int
	transcript strings.Builder // of all connections
}

// perStream bounds the questions on one stream, since responders limit them.
const perStream = 32

// Ask returns the answer for one protocol. Some peers end the stream after a
// refusal; these are asked again on a new connection, because only a failure on a
// fresh one is an answer.
func (pr *Prober) Ask(ctx context.Context, protocol string) Finding {
	if ctx.Err() != nil && pr.Connected {
		return notAsked(protocol, context.Cause(ctx))
	}
	if pr.asked >= perStream {
		pr.HangUp()
	}
	reused := pr.talk != nil
	err := pr.askOnce(ctx, protocol)
	if reused && exit.Code(err) == exit.Closed {
		err = pr.askOnce(ctx, protocol)
	}
	f := Finding{Protocol: protocol, Answer: "error", ExitCode: exit.Code(err)}
	_, below := errors.AsType[*rungError](err) // the protocol was not proposed
	switch {
	case err == nil:
		f.Answer = "yes"
	case isRefusal(err) && !below:
		f.Answer, f.ExitCode = "no", exit.Finding
	default:
		a := &Attempt{Peer: pr.Peer, Timeout: pr.Timeout, Protocols: []string{protocol}, connected: pr.Connected}
		a.Fail(err)
		x := explain(a)
		f.Err, f.Error, f.rows = err, &x.summary, x.rows
		f.Stage, f.Answered, f.Blame, f.Next = a.stage(), a.answered(), a.blame().String(), x.next
	}
	return f
}

// notAsked returns the finding about a protocol for which no time was left.
func notAsked(protocol string, why error) Finding {
	text := "not asked: no time was left"
	if exit.Code(why) == exit.Interrupted {
		text = "not asked: interrupted"
	}
	return Finding{
		Protocol: protocol, Answer: "error", Error: &text, Stage: "not asked",
		Blame: multiselect.BlameNone.String(), ExitCode: exit.Code(why), Err: why,
	}
}

func (pr *Prober) askOnce(ctx context.Context, protocol string) error {
	if pr.talk == nil {
		pr.calls++
		if pr.calls > 1 {
			fmt.Fprintf(io.MultiWriter(pr.Peer.ladder.above(pr.Live), &pr.transcript), "# another %s\n", pr.Peer.Address.Form.Carrier())
		}
		t, err := pr.Peer.call(ctx, new(Record), io.MultiWriter(pr.Live, &pr.transcript))
		if err != nil {
			return err
		}
		pr.talk, pr.Connected = t, true
	}
	pr.asked++
	err := pr.talk.try(ctx, protocol)
	if !isRefusal(err) {
		pr.HangUp() // an agreed stream cannot be used for another question
	}
	return err
}

// HangUp closes the stream, if there is one.
func (pr *Prober) HangUp() {
	if pr.talk != nil {
		pr.talk.conn.Close()
	}
	pr.talk, pr.asked = nil, 0
}

// Lines returns the transcript of all connections.
func (pr *Prober) Lines() []string { return lines(pr.transcript.String()) }
