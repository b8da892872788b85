package conform

import (
	"context"
	"time"

	"github.com/multiselect/multiselect"
)

// player plays a case and fills in what came of it.
type player func(ctx context.Context, c *Case, o *Options, r *Result)

func run(ctx context.Context, role multiselect.Role, o *Options, play player) (*Report, error) {
	cases, err := o.Cases(role)
	if err != nil {
		return nil, err
	}
	report := &Report{Role: role, Strict: o.Strict, Start: time.Now()}
	for _, c := range cases {
		report.Results = append(report.Results, one(ctx, c, o, play))
	}
	report.Duration = time.Since(report.Start)
	return report, nil
}

// one plays one case.
func one(ctx context.Context, c *Case, o *Options, play player) Result {
	if o.OnStart != nil {
		o.OnStart(c)
	}
	r := Result{Case: c, Expected: o.ExpectFail[c.ID], Start: time.Now()}
	if ctx.Err() != nil {
		r.Verdict, r.Reason = VerdictSkipped, "the run was ended: "+context.Cause(ctx).Error()
	} else {
		play(ctx, c, o, &r)
	}
	r.Duration = time.Since(r.Start)
	if o.OnResult != nil {
		o.OnResult(r)
	}
	return r
}

// settle writes down which outcome came true, or that none did.
func (r *Result) settle(c *Case, o *Options, j *judge, p *play, came int, timeout time.Duration) {
	r.Outcome = nil
	if came >= 0 {
		outcome := &c.Legal[came]
		r.Outcome, r.Verdict, r.Reason = outcome, outcome.Verdict, outcome.Reason
		if c.Level == LevelInfo && r.Verdict == VerdictPass {
			r.Verdict = VerdictInfo
		}
	} else {
		r.Reason = j.explain(p.all(), timeout, p.late)
		r.Verdict = missed(c.Level)
	}
	if r.Verdict == VerdictWarn && o.Strict {
		r.Verdict = VerdictFail
	}
}

// missed is what it means that no legal outcome of a case came true.
func missed(l Level) Verdict {
	switch l {
	case LevelShould:
		return VerdictWarn
	case LevelMay:
		return VerdictUnsupported
	case LevelInfo:
		return VerdictInfo
	}
	return VerdictFail
}
