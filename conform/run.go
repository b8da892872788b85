package conform

import (
	"context"
	"time"

	"github.com/multiselect/multiselect"
)

// player plays a case and records the result in r.
type player func(ctx context.Context, c *Case, o *Options, r *Result)

func run(ctx context.Context, role multiselect.Role, o *Options, play player) (*Report, error) {
	cases, err := o.Cases(role)
	if err != nil {
		return nil, err
	}
	report := &Report{Role: role, Strict: o.Strict, Start: time.Now()}
	for _, c := range cases {
		report.Results = append(report.Results, runCase(ctx, c, o, play))
	}
	report.Duration = time.Since(report.Start)
	return report, nil
}

// runCase plays one case, or skips it if ctx has ended.
func runCase(ctx context.Context, c *Case, o *Options, play player) Result {
	if o.OnStart != nil {
		o.OnStart(c)
	}
	r := Result{Case: c, Expected: o.ExpectFail[c.ID], Start: time.Now()}
	if ctx.Err() != nil {
		r.Verdict, r.Reason = VerdictSkipped, "the run ended before this case: "+context.Cause(ctx).Error()
	} else {
		play(ctx, c, o, &r)
	}
	r.Duration = time.Since(r.Start)
	if o.OnResult != nil {
		o.OnResult(r)
	}
	return r
}

// recordOutcome records the verdict for the legal outcome that matched, or, if matched is
// negative, for a missed case.
func (r *Result) recordOutcome(c *Case, o *Options, j *judge, p *play, matched int, timeout time.Duration) {
	r.Outcome = nil
	if matched >= 0 {
		outcome := &c.Legal[matched]
		r.Outcome, r.Verdict, r.Reason = outcome, outcome.Verdict, outcome.Reason
		if c.Level == LevelInfo && r.Verdict == VerdictPass {
			r.Verdict = VerdictInfo
		}
	} else {
		r.Reason = j.explain(p.all(), timeout, p.late)
		r.Verdict = missedVerdict(c.Level)
	}
	if r.Verdict == VerdictWarn && o.Strict {
		r.Verdict = VerdictFail
	}
}

// missedVerdict returns the verdict on a party that matched no legal outcome of a case.
func missedVerdict(l Level) Verdict {
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
