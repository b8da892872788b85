package conform

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// play is one conversation of a case with the party under test.
type play struct {
	c      *Case
	o      *Options
	judge  *judge
	names  names
	s      *stream
	cancel func() // of the initiator
	cut    cut

	awaited []part
	silence time.Duration // how long nothing has changed
	late    bool          // the time was over
}

// cut says where the tester's bytes are cut into writes.
type cut struct {
	each int // so many bytes a write; 0 is no limit
	at   int // a write ends behind so many bytes of all; 0 is nowhere
	sent int
}

// next returns how many of n bytes the next write takes.
func (c *cut) next(n int) int {
	if c.each > 0 {
		n = min(n, c.each)
	}
	if c.sent < c.at {
		n = min(n, c.at-c.sent)
	}
	return n
}

// run plays the script and waits for an outcome. It returns the outcome's index,
// or -1. When the time is over the script is, too: what a party does because the
// tester goes on or hangs up then is not what was asked.
func (p *play) run(ctx context.Context) (int, error) {
	for _, s := range p.c.steps {
		if ctx.Err() != nil || p.isOver() {
			break
		}
		if err := p.step(ctx, s); err != nil {
			return -1, err
		}
	}
	for {
		h, changed := p.heard(true)
		came, open, silence := p.judge.decide(h)
		if came >= 0 || !open {
			return came, nil
		}
		if !p.wait(ctx, changed, silence) {
			return -1, nil
		}
	}
}

func (p *play) heard(finished bool) (heard, <-chan struct{}) {
	said, reads, ended, changed := p.s.snapshot()
	return heard{said: said, reads: reads, ended: ended, finished: finished, silence: p.silence}, changed
}

// all is what has been heard when nothing more is to be asked.
func (p *play) all() heard {
	h, _ := p.heard(true)
	return h
}

// isOver reports whether going on makes no sense: the party has ended the stream,
// or nothing legal can come of it any more. Where the task is to end it, and what was
// said is legal, that does not count: the script says the rest behind it.
func (p *play) isOver() bool {
	h, _ := p.heard(false)
	came, open, _ := p.judge.decide(h)
	if came >= 0 && p.c.hangsUp() {
		return false
	}
	return h.ended || !open
}

// wait waits for a change. It also returns when nothing changes for so long, if
// that is not 0, and adds that to the silence. It reports false when the time is
// over.
func (p *play) wait(ctx context.Context, changed <-chan struct{}, long time.Duration) bool {
	var silence <-chan time.Time
	if long > 0 {
		timer := time.NewTimer(long)
		defer timer.Stop()
		silence = timer.C
	}
	select {
	case <-changed:
		p.silence = 0
	case <-silence:
		p.silence += long
	case <-ctx.Done():
		p.late = errors.Is(context.Cause(ctx), context.DeadlineExceeded)
		return false
	}
	return true
}

func (p *play) step(ctx context.Context, s step) error {
	switch s.do {
	case doSend:
		return p.send(ctx, s.said)
	case doAwait:
		parts, err := p.names.parts(s.said)
		if err != nil {
			return err
		}
		p.awaited = append(p.awaited, parts...)
		p.await(ctx)
	case doSplit:
		p.cut.each = s.each
	case doCloseWrite:
		p.s.closeWrite()
	case doClose:
		p.s.close()
	case doReset:
		p.s.reset()
	case doCancel:
		p.s.record(Event{From: p.s.party, Kind: EventNote, Note: "the initiator is cancelled"})
		p.cancel()
	case doQuiet:
		for !p.isOver() && p.silence < p.o.quiet() {
			_, changed := p.heard(false)
			if !p.wait(ctx, changed, p.o.quiet()) {
				break
			}
		}
		p.silence = 0
	}
	return nil
}

// await waits until all that stands above has been said, or nothing more will be.
func (p *play) await(ctx context.Context) {
	for {
		h, changed := p.heard(false)
		if fit, _ := compare(h.said, p.awaited, p.judge.served); fit == full || fit == more || h.ended || p.isOver() {
			return
		}
		if !p.wait(ctx, changed, 0) {
			return
		}
	}
}

// send writes the lines, in one write, or cut. A write that fails is in the
// events, and what it means is for the judge to say.
func (p *play) send(ctx context.Context, said []element) error {
	if ctx.Err() != nil {
		return nil
	}
	var b []byte
	for _, e := range said {
		line, err := p.names.expandLine(e.line)
		if err != nil {
			return fmt.Errorf("%s: %w", p.c.ID, err)
		}
		for range e.times {
			b = line.AppendBytes(b)
		}
	}
	for len(b) > 0 {
		n := p.cut.next(len(b))
		if p.s.write(b[:n]) != nil {
			return nil
		}
		p.cut.sent += n
		b = b[n:]
	}
	return nil
}
