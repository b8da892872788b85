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

// Initiator is an initiator under test. [Streams] and [Command] make one.
type Initiator struct {
	// Run is one initiator: it opens a stream to the tester, does the task, and
	// returns when that is done. It is called once for each case, in a goroutine
	// of its own. It returns nil if a protocol was agreed, an error that wraps
	// [ErrRefused] if all were refused, one that wraps [errors.ErrUnsupported] if
	// it cannot do what the task asks for, and any other error if the negotiation
	// failed. When ctx ends it has to return.
	Run func(ctx context.Context, task Task) error
	// Accept returns the stream that Run opens. It is called beside Run. When ctx
	// ends it has to return.
	Accept func(ctx context.Context) (io.ReadWriteCloser, error)
	// Protocols are the names that it proposes whatever the task says, in this
	// order. If nil, it proposes what it is told to.
	Protocols []string
}

// ErrRefused says that the responder refused all that was proposed.
var ErrRefused = errors.New("conform: all protocols were refused")

// Task is what an initiator has to do in a case.
type Task struct {
	// Case is the id of the case, for logs.
	Case string
	// Mode is one of these. In all of them the initiator is an echo after the
	// agreement: it writes back what it reads, and when reading ends it ends the
	// stream.
	//
	//	select      proposes Protocols in order until one is accepted
	//	ls          asks for the list and then proposes, on the same stream, its last
	//	            name; or Protocols, if there is no name in it or it is refused
	//	lazy        proposes Protocols[0] and sends "early" with it at once
	//	lazy-read   proposes Protocols[0] and reads at once
	//	lazy-close  writes "early", and then closes the stream as a whole
	//	lazy-half   writes "early", ends its direction, and reads to the end
	Mode string
	// Protocols are what it proposes.
	Protocols []string
	// Timeout is when it gives up.
	Timeout time.Duration
}

// RunInitiator plays the selected cases, one after the other. The error is about
// the options; whatever goes wrong in a case is in its result. When ctx ends, the
// cases that are left are skipped.
func RunInitiator(ctx context.Context, i Initiator, o Options) (*Report, error) {
	return run(ctx, multiselect.Initiator, &o, i.play)
}

// The names that an initiator proposes unless it chooses itself.
var proposals = []string{"/conform/1.0.0", "/conform/2.0.0"}

// task returns what the initiator has to do in a case, and the names of the
// script. The last is the reason why the case does not fit.
func (i *Initiator) task(c *Case, o *Options) (t Task, n names, unfit string) {
	t = Task{Case: c.ID, Mode: c.Mode, Protocols: proposals, Timeout: 2 * o.timeout()}
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
	switch missing := lacks(c, n); {
	case c.Propose != nil && i.Protocols != nil:
		return t, n, "the initiator proposes what it wants"
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

// play plays a case once, or once for each place where it can be split.
func (i Initiator) play(ctx context.Context, c *Case, o *Options, res *Result) {
	task, n, unfit := i.task(c, o)
	res.Names = n
	if unfit != "" {
		res.Verdict, res.Reason = VerdictSkipped, unfit
		return
	}
	everywhere(c, res, func(at cut) cut { return i.once(ctx, c, o, res, task, at) })
}

// once plays a case once, and returns what became of the cut.
func (i Initiator) once(ctx context.Context, c *Case, o *Options, res *Result, task Task, at cut) cut {
	j, err := newJudge(c, res.Names, nil, o.quiet())
	if err != nil {
		res.Verdict, res.Reason = VerdictError, err.Error()
		return at
	}
	// The time of the case is the tester's. If it ended the initiator as well, that
	// would look like an initiator that ends its stream.
	a := i.begin(ctx, task)
	defer a.cancel()
	ctx, stop := context.WithTimeout(ctx, o.timeout())
	defer stop()
	conn, err := a.stream(ctx, i.Accept, o.quiet())
	if _, none := conn.(nothing); none && c.Propose == nil {
		err = a.err // only names that cannot be proposed are a reason to open none
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
	defer context.AfterFunc(ctx, s.cut)()
	if c.twoWays && !s.halves() {
		a.cancel()
		s.finish()
		a.wait(o.timeout())
		res.Verdict, res.Reason = VerdictSkipped, "one direction of this stream cannot be ended alone"
		return at
	}
	p := &play{c: c, o: o, judge: j, names: res.Names, s: s, cut: at, cancel: a.cancel}
	came, err := p.run(ctx)
	h := p.all()
	res.Events = s.finish()
	reported := a.wait(o.timeout())
	res.Events = append(res.Events, Event{At: time.Since(s.start), From: c.Role, Kind: EventNote, Note: reports(reported)})
	switch {
	case err != nil:
		res.Verdict, res.Reason = VerdictError, err.Error()
	case errors.Is(reported, errors.ErrUnsupported):
		res.Verdict, res.Reason = VerdictUnsupported, "the initiator says: "+reported.Error()
	case errors.Is(reported, errStuck):
		res.Verdict, res.Reason = VerdictFail, reported.Error()
	default:
		res.settle(c, o, j, p, came, o.timeout())
		res.compare(c, o, j, p, j.reached(h), reported)
	}
	return p.cut
}

// compare holds what the initiator reports against what the outcomes that came
// true demand, and takes the first one that fits.
func (r *Result) compare(c *Case, o *Options, j *judge, p *play, came []int, reported error) {
	if r.Outcome == nil {
		return
	}
	said := "agreed"
	switch {
	case errors.Is(reported, ErrRefused):
		said = "refused"
	case reported != nil:
		said = "failed"
	}
	for _, i := range came {
		outcome := &c.Legal[i]
		if outcome.Reports == "" || outcome.Reports == said {
			r.settle(c, o, j, p, i, 0)
			return
		}
	}
	r.Verdict = missed(c.Level)
	if r.Verdict == VerdictWarn && o.Strict {
		r.Verdict = VerdictFail
	}
	r.Reason = fmt.Sprintf("the initiator reports that it %s (%v); right is %q: %s", said, reported, r.Outcome.Reports, r.Outcome.Reason)
	r.Outcome = nil
}

func reports(err error) string {
	if err == nil {
		return "the initiator reports an agreement"
	}
	return "the initiator reports: " + err.Error()
}
