package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
)

// Initiator is an initiator under test. [PipeInitiator], [DialInitiator] and
// [CommandInitiator] return one.
type Initiator struct {
	// Run opens a stream to the tester, performs the task and returns. It is called in
	// a goroutine of its own, once for each play; a case that is split into two writes
	// at every position has several plays. Run must return nil after an agreement, an
	// error that wraps [ErrRefused] if all proposals were refused, one that wraps
	// [errors.ErrUnsupported] if it cannot perform the task, and any other error if the
	// negotiation failed. It must return when ctx ends.
	Run func(ctx context.Context, task Task) error
	// Accept returns the tester's end of the stream that Run opens. It is called
	// concurrently with Run and must return when ctx ends. The tester closes the stream.
	Accept func(ctx context.Context) (io.ReadWriteCloser, error)
	// Protocols are the names that the initiator proposes instead of [Task.Protocols],
	// in this order. If nil, it proposes those of the task.
	Protocols []string
}

// ErrRefused means that the responder refused all proposals.
var ErrRefused = errors.New("conform: all protocols were refused")

// Task is the task of an initiator in a case.
type Task struct {
	// Case is the id of the case, for logs.
	Case string
	// Mode is one of the words below. In all modes the initiator is an echo after the
	// agreement: it writes back the bytes that it reads, and ends the stream after the
	// end of reading.
	//
	//	select      proposes Protocols in order until one is accepted
	//	ls          asks for the list, and then proposes its last name on the same
	//	            stream; or Protocols, if the list is empty or refused
	//	lazy        proposes Protocols[0] and sends "early" without waiting for the answer
	//	lazy-read   proposes Protocols[0] and reads without waiting for the answer
	//	lazy-close  like lazy, and then closes the stream in both directions
	//	lazy-half   like lazy, then ends its direction, and reads to the end
	Mode string
	// Protocols are the names to propose.
	Protocols []string
	// Timeout is the time limit that the initiator should set for the negotiation.
	Timeout time.Duration
}

// RunInitiator plays the selected cases against an initiator, one after the other. It
// returns an error only for invalid options; a failure in a case is part of its result.
// After the end of ctx the remaining cases are skipped.
func RunInitiator(ctx context.Context, i Initiator, o Options) (*Report, error) {
	return run(ctx, multiselect.Initiator, &o, i.play)
}

// defaultProposals are the names that an initiator without Protocols proposes.
var defaultProposals = []string{"/conform/1.0.0", "/conform/2.0.0"}

// newTask returns the task of the initiator in a case, and the names for the placeholders
// of the script. If the case does not fit, unfit is the reason.
func (i *Initiator) newTask(c *Case, o *Options) (t Task, n names, unfit string) {
	t = Task{Case: c.ID, Mode: c.Mode, Protocols: defaultProposals, Timeout: 2 * o.timeout()}
	if c.timed {
		t.Timeout = o.timeout() / 5
	}
	if i.Protocols != nil {
		t.Protocols = i.Protocols
	}
	n = make(names)
	for k, key := range []string{"A", "B"} {
		if k < len(t.Protocols) {
			n[key] = t.Protocols[k]
		}
	}
	switch missing := missingName(c, n); {
	case c.Propose != nil && i.Protocols != nil:
		return t, n, "the initiator chooses its proposals itself"
	case missing != "":
		return t, n, "the initiator has no second protocol to propose"
	case c.Propose != nil:
		t.Protocols = nil
		for _, p := range c.Propose {
			name, err := n.expand(p)
			if err != nil {
				return t, n, err.Error()
			}
			t.Protocols = append(t.Protocols, name)
		}
	case strings.HasPrefix(c.Mode, "lazy"):
		t.Protocols = t.Protocols[:1]
	}
	return t, n, ""
}

// play plays a case once, or once for each position at which it can be split.
func (i Initiator) play(ctx context.Context, c *Case, o *Options, res *Result) {
	task, n, unfit := i.newTask(c, o)
	res.Names = n
	if unfit != "" {
		res.Verdict, res.Reason = VerdictSkipped, unfit
		return
	}
	playSplits(c, res, func(at cut) cut { return i.playOnce(ctx, c, o, res, task, at) })
}

// playOnce plays a case once. It returns the cut with the number of bytes that were sent.
func (i Initiator) playOnce(ctx context.Context, c *Case, o *Options, res *Result, task Task, at cut) cut {
	j, err := newJudge(c, res.Names, nil, o.quiet())
	if err != nil {
		res.Verdict, res.Reason = VerdictError, err.Error()
		return at
	}
	// The time limit of the case applies to the tester only. An initiator that it
	// cancelled would seem to have ended its stream.
	a := i.begin(ctx, task)
	defer a.cancel()
	ctx, stop := context.WithTimeout(ctx, o.timeout())
	defer stop()
	conn, err := a.stream(ctx, i.Accept, o.quiet())
	if _, none := conn.(unopened); none && c.Propose == nil {
		err = a.err // only a case with invalid names allows an initiator to open no stream
	}
	if err != nil {
		a.cancel()
		res.Verdict, res.Reason = VerdictError, fmt.Sprintf("the initiator opened no stream: %v", err)
		if errors.Is(a.wait(o.timeout()), errors.ErrUnsupported) {
			res.Verdict, res.Reason = VerdictUnsupported, a.err.Error()
		}
		return at
	}
	s := newStream(conn, c.Role, time.Now())
	defer context.AfterFunc(ctx, s.stop)()
	if c.twoWays && !s.canCloseWrite() {
		a.cancel()
		s.finish()
		a.wait(o.timeout())
		res.Verdict, res.Reason = VerdictSkipped, "one direction of this stream cannot be ended alone"
		return at
	}
	p := &play{c: c, o: o, judge: j, names: res.Names, s: s, cut: at, cancel: a.cancel}
	match, err := p.run(ctx)
	h := p.all()
	res.Events = s.finish()
	reported := a.wait(o.timeout())
	res.Events = append(res.Events, Event{At: time.Since(s.start), From: c.Role, Kind: EventNote, Note: reportNote(reported)})
	switch {
	case err != nil:
		res.Verdict, res.Reason = VerdictError, err.Error()
	case errors.Is(reported, errors.ErrUnsupported):
		res.Verdict, res.Reason = VerdictUnsupported, "the initiator reports: "+reported.Error()
	case errors.Is(reported, errStuck):
		res.Verdict, res.Reason = VerdictFail, reported.Error()
	default:
		res.recordOutcome(c, o, j, p, match, o.timeout())
		res.checkReport(c, o, j, p, j.matches(h), reported)
	}
	return p.cut
}

// checkReport compares the error of the initiator with the outcomes that matched, and
// records the first outcome that requires such an error.
func (r *Result) checkReport(c *Case, o *Options, j *judge, p *play, matched []int, reported error) {
	if r.Outcome == nil {
		return
	}
	report := "agreed"
	switch {
	case errors.Is(reported, ErrRefused):
		report = "refused"
	case reported != nil:
		report = "failed"
	}
	for _, i := range matched {
		outcome := &c.Legal[i]
		if outcome.Reports == "" || outcome.Reports == report {
			r.recordOutcome(c, o, j, p, i, 0)
			return
		}
	}
	r.Verdict = missedVerdict(c.Level)
	if r.Verdict == VerdictWarn && o.Strict {
		r.Verdict = VerdictFail
	}
	if reported != nil {
		report += fmt.Sprintf(" (%v)", reported)
	}
	r.Reason = fmt.Sprintf("the initiator reports %s; it must report %s: %s", report, r.Outcome.Reports, r.Outcome.Reason)
	r.Outcome = nil
}

func reportNote(err error) string {
	if err == nil {
		return "the initiator reports an agreement"
	}
	return "the initiator reports: " + err.Error()
}
