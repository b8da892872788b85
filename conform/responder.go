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
	// Dial opens a new stream to it: any stream, best one that has CloseWrite.
	Dial func(ctx context.Context) (io.ReadWriteCloser, error)
	// Protocols are names that it serves as echo. The first is A of the scripts.
	// The others make more cases fit: B is the second one, Raw the first without a
	// slash at the front, Nine the first of nine bytes, Long the first of 127 bytes
	// or more.
	Protocols []string
	// Budget is the time after which it ends a negotiation. If zero, it states
	// none, and the cases about it are skipped.
	Timeout time.Duration
}

// RunResponder plays the selected cases, one after the other. The error is about
// the options; whatever goes wrong in a case is in its result. When ctx ends, the
// cases that are left are skipped.
func RunResponder(ctx context.Context, r Responder, o Options) (*Report, error) {
	return run(ctx, multiselect.Responder, &o, r.play)
}

// roles says which names play which part.
func (r *Responder) roles() names {
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

// play plays a case once, or once for each place where it can be split.
func (r Responder) play(ctx context.Context, c *Case, o *Options, res *Result) {
	res.Names = r.roles()
	if missing := lacks(c, res.Names); missing != "" {
		res.Verdict, res.Reason = VerdictSkipped, "the responder is not known to serve "+missing
		return
	}
	if c.timed && r.Timeout == 0 {
		res.Verdict, res.Reason = VerdictSkipped, "the responder states no budget"
		return
	}
	everywhere(c, res, func(at cut) cut { return r.once(ctx, c, o, res, at) })
}

// once plays a case once, and returns what became of the cut.
func (r Responder) once(ctx context.Context, c *Case, o *Options, res *Result, at cut) cut {
	timeout := o.timeout()
	switch {
	case c.timed:
		timeout += r.Timeout
	case r.Timeout > 0: // whoever only waits for its budget must not look as if it had decided
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
	// A write that is blocked when the time is over returns then.
	defer context.AfterFunc(ctx, s.cut)()
	if c.twoWays && !s.halves() {
		res.Verdict, res.Reason = VerdictSkipped, "one direction of this stream cannot be ended alone"
		return at
	}
	p := &play{c: c, o: o, judge: j, names: res.Names, s: s, cut: at, cancel: func() {}}
	came, err := p.run(ctx)
	if err != nil {
		res.Verdict, res.Reason = VerdictError, err.Error()
		return p.cut
	}
	res.settle(c, o, j, p, came, timeout)
	return p.cut
}

// lacks returns the placeholder that the party has no name for, or "".
func lacks(c *Case, n names) string {
	for _, key := range c.needs {
		if n[key] == "" {
			return key
		}
	}
	return ""
}

// everywhere plays a case once; or, if it is to be split everywhere, once for each
// place, until one play is worse than the first.
func everywhere(c *Case, res *Result, once func(at cut) cut) {
	done := once(cut{})
	if !c.splits() {
		return
	}
	first, most := res.Verdict, done.sent
	for at := 1; at < most && res.Verdict == first; at++ {
		once(cut{at: at})
		if res.Verdict != first {
			res.Reason = fmt.Sprintf("split behind %d bytes: %s", at, res.Reason)
		}
	}
}
