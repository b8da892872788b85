package conform

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
)

// Responder is a responder under test.
type Responder struct {
	// Dial opens a new stream to the responder. The tester closes it. Cases that end one
	// direction require a stream with CloseWrite, and are skipped otherwise.
	Dial func(ctx context.Context) (io.ReadWriteCloser, error)
	// Protocols are names that the responder serves as an echo. In scripts, ${A} is the
	// first and ${B} the second name; ${Raw} is the first name that does not begin with a
	// slash, ${Nine} the first of nine bytes, and ${Long} the first of at least 127
	// bytes. A case is skipped if there is no name for its placeholders.
	Protocols []string
	// Timeout is the time limit after which the responder ends a negotiation. If zero,
	// it is unknown, and the cases about it are skipped.
	Timeout time.Duration
}

// RunResponder plays the selected cases against a responder, one after the other. It
// returns an error only for invalid options; a failure in a case is part of its result.
// After the end of ctx the remaining cases are skipped.
func RunResponder(ctx context.Context, r Responder, o Options) (*Report, error) {
	return run(ctx, multiselect.Responder, &o, r.play)
}

// placeholders returns the names for the placeholders of scripts.
func (r *Responder) placeholders() names {
	n := make(names)
	for i, name := range r.Protocols {
		is := map[string]bool{
			"A": i == 0, "B": i == 1, "Raw": !strings.HasPrefix(name, "/"),
			"Nine": len(name) == 9, "Long": len(name) >= 127,
		}
		for key, ok := range is {
			if ok && n[key] == "" {
				n[key] = name
			}
		}
	}
	return n
}

// play plays a case once, or once for each position at which it can be split.
func (r Responder) play(ctx context.Context, c *Case, o *Options, res *Result) {
	res.Names = r.placeholders()
	if missing := missingName(c, res.Names); missing != "" {
		res.Verdict, res.Reason = VerdictSkipped, "Responder.Protocols lacks "+placeholderHelp[missing]
		return
	}
	if c.timed && r.Timeout == 0 {
		res.Verdict, res.Reason = VerdictSkipped, "Responder.Timeout, its time limit, is not set"
		return
	}
	playSplits(c, res, func(at cut) cut { return r.playOnce(ctx, c, o, res, at) })
}

// playOnce plays a case once. It returns the cut with the number of bytes that were sent.
func (r Responder) playOnce(ctx context.Context, c *Case, o *Options, res *Result, at cut) cut {
	timeout := o.timeout()
	switch {
	case c.timed:
		timeout += r.Timeout
	case r.Timeout > 0: // its time limit must not be mistaken for a decision
		timeout = min(timeout, r.Timeout*3/4)
	}
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	j, err := newJudge(c, res.Names, r.Protocols, o.quiet())
	if err != nil {
		res.Verdict, res.Reason = VerdictError, err.Error()
		return at
	}
	conn, err := r.Dial(ctx)
	if err != nil {
		res.Verdict, res.Reason = VerdictError, fmt.Sprintf("no stream to the responder: %v", err)
		return at
	}
	s := newStream(conn, c.Role, time.Now())
	defer func() { res.Events = s.finish() }()
	// Stopping the stream also unblocks a Write when the time expires.
	defer context.AfterFunc(ctx, s.stop)()
	if c.twoWays && !s.canCloseWrite() {
		res.Verdict, res.Reason = VerdictSkipped, "one direction of this stream cannot be ended alone"
		return at
	}
	p := &play{c: c, o: o, judge: j, names: res.Names, s: s, cut: at, cancel: func() {}}
	match, err := p.run(ctx)
	if err != nil {
		res.Verdict, res.Reason = VerdictError, err.Error()
		return p.cut
	}
	res.recordOutcome(c, o, j, p, match, timeout)
	return p.cut
}

// placeholderHelp describes the names that placeholders require.
var placeholderHelp = map[string]string{
	"A":    "a name",
	"B":    "a second name",
	"Raw":  "a name that does not begin with a slash",
	"Nine": "a name of 9 bytes",
	"Long": "a name of at least 127 bytes",
}

// missingName returns the first placeholder for which the party has no name, or "".
func missingName(c *Case, n names) string {
	for _, key := range c.needs {
		if n[key] == "" {
			return key
		}
	}
	return ""
}

// playSplits plays a case once. If the case is to be split, it plays it again for each
// position, until a verdict differs from the first one.
func playSplits(c *Case, res *Result, once func(at cut) cut) {
	done := once(cut{})
	if !c.splits() {
		return
	}
	first, total := res.Verdict, done.sent
	for at := 1; at < total && res.Verdict == first; at++ {
		once(cut{at: at})
		if res.Verdict != first {
			res.Reason = fmt.Sprintf("split after %d bytes: %s", at, res.Reason)
		}
	}
}
