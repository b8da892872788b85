package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
)

// finding is the answer for one protocol.
type finding struct {
	Protocol string  `json:"protocol"`
	Answer   string  `json:"answer"` // yes, no or error
	Error    *string `json:"error,omitempty"`
	Stage    string  `json:"stage,omitempty"`
	Answered string  `json:"answered,omitempty"` // in words
	Blame    string  `json:"blame,omitempty"`
	Next     string  `json:"next,omitempty"`
	ExitCode int     `json:"exit_code"`

	err  error
	rows []row // for people
}

// verdict returns the exit code for all findings together.
func verdict(findings []finding) int {
	if i := slices.IndexFunc(findings, func(f finding) bool { return f.err != nil }); i >= 0 {
		return findings[i].ExitCode
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Answer == "no" }) {
		return exitFinding
	}
	return exitOK
}

// prober asks a peer for one protocol after the other, on as few connections
// as the peer allows.
type prober struct {
	peer       *peer
	timeout    time.Duration // of all questions together, to explain an error
	live       io.Writer     // receives the transcript while it is written
	talk       *talk         // the stream for the next question, if not nil
	asked      int           // questions on talk
	connected  bool          // a connection was made, ever
	calls      int
	transcript strings.Builder // of all connections
}

// perStream bounds the questions on one stream, since responders limit them.
const perStream = 32

// ask returns the answer for one protocol. Some peers end the stream after a
// refusal; these are asked again on a new connection, because only a failure on a
// fresh one is an answer.
func (pr *prober) ask(ctx context.Context, protocol string) finding {
	if ctx.Err() != nil && pr.connected {
		return notAsked(protocol, context.Cause(ctx))
	}
	if pr.asked >= perStream {
		pr.hangUp()
	}
	reused := pr.talk != nil
	err := pr.askOnce(ctx, protocol)
	if reused && exitCode(err) == exitClosed {
		err = pr.askOnce(ctx, protocol)
	}
	f := finding{Protocol: protocol, Answer: "error", ExitCode: exitCode(err)}
	_, below := errors.AsType[*rungError](err) // the protocol was not proposed
	switch {
	case err == nil:
		f.Answer = "yes"
	case isRefusal(err) && !below:
		f.Answer, f.ExitCode = "no", exitFinding
	default:
		a := &attempt{peer: pr.peer, timeout: pr.timeout, protocols: []string{protocol}, connected: pr.connected}
		a.fail(err)
		x := explain(a)
		f.err, f.Error, f.rows = err, &x.summary, x.rows
		f.Stage, f.Answered, f.Blame, f.Next = a.stage(), a.answered(), a.blame().String(), x.next
	}
	return f
}

// notAsked returns the finding about a protocol for which no time was left.
func notAsked(protocol string, why error) finding {
	text := "not asked: no time was left"
	if exitCode(why) == exitInterrupted {
		text = "not asked: interrupted"
	}
	return finding{
		Protocol: protocol, Answer: "error", Error: &text, Stage: "not asked",
		Blame: multiselect.BlameNone.String(), ExitCode: exitCode(why), err: why,
	}
}

func (pr *prober) askOnce(ctx context.Context, protocol string) error {
	if pr.talk == nil {
		pr.calls++
		if pr.calls > 1 {
			fmt.Fprintf(io.MultiWriter(pr.peer.ladder.above(pr.live), &pr.transcript), "# another %s\n", pr.peer.address.form.carrier())
		}
		t, err := pr.peer.call(ctx, new(record), io.MultiWriter(pr.live, &pr.transcript))
		if err != nil {
			return err
		}
		pr.talk, pr.connected = t, true
	}
	pr.asked++
	err := pr.talk.try(ctx, protocol)
	if !isRefusal(err) {
		pr.hangUp() // an agreed stream cannot be used for another question
	}
	return err
}

func (pr *prober) hangUp() {
	if pr.talk != nil {
		pr.talk.conn.Close()
	}
	pr.talk, pr.asked = nil, 0
}
