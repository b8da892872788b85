package multiselect

import (
	"context"
	"io"

	"github.com/multiselect/multiselect/internal/names"
	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// negotiateFirst is the first exchange of [Muxer.Negotiate], in line: see fastpath.go.
// After an agreement c is nil, and the Communicator is in its pool. Otherwise Muxer.run
// continues with the results. The Reads are made here, because the stack below a blocked
// Read is most of the cost of a half-open negotiation.
func (m *Muxer) negotiateFirst(ctx context.Context, stream io.ReadWriteCloser) (found *names.Node[Handler], c *Communicator, err error) {
	c = communicators.Get().(*Communicator)
	running := c
	defer resetAfterPanic(&running, stream)
	var w, n, size int
	if !m.Unbuffered && !m.HeaderFirst && isFast(&m.Limits) && traceOf(ctx) == nil && isPlain(stream) && (m.Limits.Timeout < 0 && ctx.Done() == nil || c.armFirst(stream, ctx, &m.Limits)) {
		// Reads end where rules.Readable ends them: after the shortest message that can be
		// agreed on, and then after the one that has begun to arrive (R12).
		const header = len(wire.HeaderFrame)
		for end := header + m.shortest(); w < end && end <= inlineSize; {
			size = end - w
			n, err = stream.Read(c.in.inline[w:end])
			if n != size || !rules.HasHeader(c.in.inline[:]) {
				break
			}
			w, size = end, 0
			message := c.in.inline[header:end]
			if int(message[0]) != len(message)-1 {
				end = header + 1 + int(message[0])
				continue
			}
			if found = m.table.LookupMessage(message); found == nil {
				break
			}
			n, err = stream.Write(c.in.inline[:end]) // the echo, as ReplyTo decides (R13, R16)
			if n == end && err == nil && (c.stream == nil || c.tryRelease()) {
				running = nil
				communicators.Put(c)
				return found, nil, nil
			}
			break
		}
	}
	err = m.recordFirst(c, stream, found, w, n, size, err)
	running = nil
	return found, c, err
}

// recordFirst records the first exchange in line, if that was begun, for Muxer.run. The
// first w bytes inline have arrived. n and err are the result of the echo's Write if found
// is not nil, and else of a Read of size bytes.
func (m *Muxer) recordFirst(c *Communicator, stream io.ReadWriteCloser, found *names.Node[Handler], w, n, size int, err error) error {
	begun := c.stream != nil || w > 0 || size > 0
	c.setStream(stream)
	if !begun {
		return nil
	}
	c.leaveFirst(Responder, &m.Limits)
	c.ignoresWriteErrs = true
	c.in.recordInline(w)
	switch {
	case found != nil:
		c.state.Answer(rules.ReplyEcho, m.Limits.maxProposals(), m.Limits.maxBytes())
		c.recordFastMessage(w)
		return c.recordFastWrite(w, n, err)
	case size > 0:
		if err = c.in.record(n, size, err); err != nil {
			if done, _ := c.takeHeader(); done { // its error has the phase
				c.phase = PhaseProposal
			}
		}
		return err
	}
	return nil // the next Read returns its error again
}
