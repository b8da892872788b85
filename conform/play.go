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
	silence time.Duration // since the last change
	late    bool          // the time of the case has expired
}

// cut describes how the tester's bytes are cut into writes.
type cut struct {
	each int // the maximum size of a write; 0 is no maximum
	at   int // a write ends after so many bytes of all; 0 is nowhere
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

// run plays the script and waits for an outcome. It returns the outcome's index, or -1.
// The script ends with the time of the case: the party's answer to a later step, or to the
// end of the stream, is not part of the case.
func (p *play) run(ctx context.Context) (int, error) {
	for _, s := range p.c.steps {
		if ctx.Err() != nil || p.isDecided() {
			break
		}
		if err := p.step(ctx, s); err != nil {
			return -1, err
		}
	}
	for {
		v, changed := p.observe(true)
		match, open, silence := p.judge.decide(v)
		if match >= 0 || !open {
			return match, nil
		}
		if !p.wait(ctx, changed, silence) {
			return -1, nil
		}
	}
}

// observe returns the state of the play, and a channel that is closed when it changes.
func (p *play) observe(finished bool) (observation, <-chan struct{}) {
	received, reads, ended, changed := p.s.snapshot()
	return observation{received: received, reads: reads, ended: ended, finished: finished, silence: p.silence}, changed
}

// all returns the state of the play after the script.
func (p *play) all() observation {
	v, _ := p.observe(true)
	return v
}

// isDecided reports whether the rest of the script cannot matter: the party has ended the
// stream, or no legal outcome is possible any more. After an end that is the task, the
// script continues if an outcome matches.
func (p *play) isDecided() bool {
	v, _ := p.observe(false)
	match, open, _ := p.judge.decide(v)
	if match >= 0 && p.c.endsItself() {
		return false
	}
	return v.ended || !open
}

// wait waits for a change. If limit is not 0, it also returns after that time without a
// change, and adds it to the silence. It returns false when the time of the case expires.
func (p *play) wait(ctx context.Context, changed <-chan struct{}, limit time.Duration) bool {
	var silence <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		silence = timer.C
	}
	select {
	case <-changed:
		p.silence = 0
	case <-silence:
		p.silence += limit
	case <-ctx.Done():
		p.late = errors.Is(context.Cause(ctx), context.DeadlineExceeded)
		return false
	}
	return true
}

func (p *play) step(ctx context.Context, s step) error {
	switch s.do {
	case doSend:
		return p.send(ctx, s.elements)
	case doAwait:
		parts, err := p.names.parts(s.elements)
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
		for !p.isDecided() && p.silence < p.o.quiet() {
			_, changed := p.observe(false)
			if !p.wait(ctx, changed, p.o.quiet()) {
				break
			}
		}
		p.silence = 0
	}
	return nil
}

// await waits until all awaited elements have arrived, or no more can.
func (p *play) await(ctx context.Context) {
	for {
		v, changed := p.observe(false)
		if fit, _ := compare(v.received, p.awaited, p.judge.served); fit == full || fit == more || v.ended || p.isDecided() {
			return
		}
		if !p.wait(ctx, changed, 0) {
			return
		}
	}
}

// send writes the elements in one write, or cut. A write that fails is recorded as an
// event; the judge decides from the party's bytes.
func (p *play) send(ctx context.Context, elements []element) error {
	if ctx.Err() != nil {
		return nil
	}
	var b []byte
	for _, e := range elements {
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
