package multiselect

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// Client is the initiator: it proposes protocols, one after the other, until the peer agrees to
// one. The zero value is ready. A Client holds no state: it may be copied, and used concurrently.
//
// Most callers need only [Client.SelectOneOf]. [Client.Lazy] saves the round trip. The other
// methods are steps of a negotiation, on a [Communicator].
type Client struct {
	// Limits bound each negotiation.
	Limits Limits
	// Unbuffered must be set for streams whose Write returns only when the peer has read, such as
	// two [io.Pipe] (R28). A write then runs concurrently with the next read, in a goroutine that
	// ends before the call returns. [net.Pipe] is recognized without it.
	Unbuffered bool
	// Unguarded lets a lazy stream send any data before the peer has agreed. It must be set only
	// for peers that are known to end the stream when they refuse, see [Muxer.OneShot]: any other
	// peer may read the data as proposals.
	//
	// If it is false, a Write sends data early only if no known responder can read a proposal in it
	// (R29). Other data waits for the answer. The data is read as messages with lengths of at most
	// four bytes; none of them may be complete and end with a newline or begin with a slash.
	Unguarded bool
}

// SelectOneOf negotiates on a new stream. It sends the header and the first protocol in one write
// (R1), proposes the next protocol after each refusal, and returns the one that the peer agreed to.
// It proposes a protocol that is listed twice once.
//
// After success the stream is the protocol's: no byte after the peer's answer has been read (R12),
// the stream's deadlines are as they were, and this package keeps no reference to it. After an
// error the stream has been ended, by ResetWithError, Reset or Close as the package documentation
// says (R25), and the caller need not close it. The error is an [*Error]; it is [ErrNotSupported]
// if the peer refused every protocol.
//
// SelectOneOf blocks until the negotiation has ended, ctx is done, or [Limits].Timeout expires. It
// panics if the stream is nil.
func (cl *Client) SelectOneOf(ctx context.Context, stream io.ReadWriteCloser, protocols ...string) (string, error) {
	mustExist(stream)
	c := communicators.Get().(*Communicator)
	running := c
	defer resetAfterPanic(&running, stream)
	// The first exchange, in line: see fastpath.go.
	const header = len(wire.HeaderFrame)
	stage := firstNotMade
	var n int
	var err error
	if len(protocols) > 0 && hasFastLength(protocols[0]) && isFast(&cl.Limits) && traceOf(ctx) == nil && !cl.Unbuffered && !isUnbuffered(stream) && isPlain(stream) {
		asked := firstFrame(&c.in.inline, len(protocols[0]))
		if fill(asked[header+1:], protocols[0]) && (len(protocols) == 1 && cl.Limits.Timeout < 0 && ctx.Done() == nil || cl.prepareFirst(ctx, c, stream, protocols)) {
			stage = firstWritten
			n, err = stream.Write(asked)
			if n >= len(asked) && err == nil {
				// The echo is no shorter than "na", and a peer sends nothing after "na"
				// before the next proposal: no byte of the protocol is read here (R12).
				stage = firstRead
				n, err = stream.Read(asked)
				if n == len(asked) && rules.HasHeader(c.in.inline[:]) && rules.IsEcho(asked[header:], protocols[0]) && (c.stream == nil || c.tryRelease()) {
					running = nil
					communicators.Put(c)
					return protocols[0], nil
				}
			}
		}
	}
	running = nil
	return cl.continueSelect(ctx, c, stream, protocols, stage, n, err)
}

// firstStage is the progress of the first exchange in line.
type firstStage uint8

const (
	firstNotMade firstStage = iota
	firstWritten            // the Write has returned
	firstRead               // the Read has returned
)

// prepareFirst checks the other protocols and starts the timer. It is not inlined, so that the
// stack below SelectOneOf's Read stays small.
func (cl *Client) prepareFirst(ctx context.Context, c *Communicator, stream io.ReadWriteCloser, protocols []string) bool {
	return areFastNames(protocols[1:]) && c.armFirst(stream, ctx, &cl.Limits)
}

// continueSelect records the first exchange in line, if that was begun, and continues the
// negotiation. n and err are the result of its last Read or Write.
func (cl *Client) continueSelect(ctx context.Context, c *Communicator, stream io.ReadWriteCloser, protocols []string, stage firstStage, n int, err error) (string, error) {
	running := c
	defer resetAfterPanic(&running, stream)
	c.setStream(stream)
	first := rules.Incomplete
	if stage != firstNotMade {
		const header = len(wire.HeaderFrame)
		size := header + wire.MessageSize(len(protocols[0]))
		if stage == firstWritten {
			err = c.recordProposal(header, size, n, err)
		} else {
			first, err = c.recordExchange(header, size, protocols[0], n, err)
		}
		c.leaveFirst(Initiator, &cl.Limits)
	}
	running = nil
	return cl.run(ctx, c, protocols, first, err)
}

// SelectOn is [Client.SelectOneOf] on a Communicator, from the start of the conversation
// or after other steps. After an agreement the stream stays open, and further steps
// fail with [net.ErrClosed].
func (cl *Client) SelectOn(ctx context.Context, c *Communicator, protocols ...string) (string, error) {
	return cl.run(ctx, c, protocols, rules.Incomplete, nil)
}

// run negotiates, or continues after a first exchange in line: then c.fast is set,
// first is the verdict on its answer, and err its error.
func (cl *Client) run(ctx context.Context, c *Communicator, protocols []string, first rules.Verdict, err error) (protocol string, _ error) {
	if err := c.checkUsable(Initiator); err != nil {
		return "", err
	}
	running := c
	defer resetAfterPanic(&running, c.stream)
	tried := 1
	if !c.fast {
		tried = 0
		if err = c.begin(ctx, Initiator, &cl.Limits, cl.Unbuffered); err == nil {
			err = cl.check(protocols)
		}
	}
	if err == nil {
		tried, err = cl.selectOneOf(c, protocols, first)
	}
	if err == nil {
		protocol = protocols[tried-1]
	}
	err = c.end(ctx, protocol, protocols[:tried], false, err)
	running = nil
	if err != nil {
		return "", err
	}
	return protocol, nil
}

// selectOneOf is the loop of the initiator. It returns the number of protocols proposed;
// an agreement is on the last of them. On the fast path the first one is proposed already,
// and further exchanges are made in the inline buffer.
func (cl *Client) selectOneOf(c *Communicator, protocols []string, verdict rules.Verdict) (int, error) {
	for i, p := range protocols {
		if slices.Contains(protocols[:i], p) {
			continue
		}
		var err error
		switch {
		case c.fast && i == 0: // proposed in line
		case c.fast && len(c.in.pending()) == 0:
			verdict, err = c.exchange(p)
		default:
			if err = cl.propose(c, p); err != nil {
				return i, err
			}
		}
		if err == nil && verdict == rules.Incomplete {
			verdict, err = cl.answer(c, p)
		}
		if err != nil || verdict == rules.Agreed {
			return i + 1, err
		}
		verdict = rules.Incomplete
	}
	return len(protocols), ErrNotSupported
}

// check finds names that cannot be proposed, before a byte is sent (R9, R27).
func (cl *Client) check(protocols []string) error {
	if len(protocols) == 0 {
		return ErrNoProtocols
	}
	for _, p := range protocols {
		if err := wire.CheckName(p, cl.Limits.maxMessage()); err != nil {
			return err
		}
	}
	if len(protocols) > cl.Limits.maxProposals() && len(distinct(protocols)) > cl.Limits.maxProposals() {
		return cl.Limits.fault(rules.TooManyProposals)
	}
	return nil
}

// propose queues a proposal, unless it fails.
func (cl *Client) propose(c *Communicator, protocol string) error {
	size := wire.MessageSize(len(protocol))
	f := c.state.Propose(size, len(c.in.pending()), cl.Limits.maxProposals(), cl.Limits.maxBytes())
	if f == rules.NoFault {
		c.queueWithHeader(protocol)
	}
	return cl.Limits.fault(f)
}

// answer reads the answer to a proposal. It reads at most to the end of the echo: if
// the answer is "na", the bytes after it can only be negotiation (R12).
func (cl *Client) answer(c *Communicator, protocol string) (rules.Verdict, error) {
	text, err := c.readReply(PhaseProposal, int(c.maxMessage), wire.MessageSize(len(protocol)))
	if err != nil {
		return rules.Violated, err
	}
	if f := c.state.Receive(wire.MessageSize(len(text)), cl.Limits.maxBytes()); f != rules.NoFault {
		return rules.Violated, cl.Limits.fault(f)
	}
	verdict := rules.Judge(text, protocol)
	if verdict == rules.Violated {
		return verdict, c.recordOffending(text, ErrUnexpectedAnswer)
	}
	return verdict, nil
}

// Handshake sends the header, unless it was sent before, and waits for the peer's. It
// costs a round trip: the other methods send the header with their first question (R1).
// Any error ends the stream.
func (cl *Client) Handshake(ctx context.Context, c *Communicator) error {
	return c.step(ctx, Initiator, &cl.Limits, cl.Unbuffered, "", func() error {
		c.queueHeader()
		if err := c.readHeader(0); err != nil {
			return err
		}
		return c.finish()
	})
}

// TrySelect makes one proposal. After [ErrNotSupported], a refusal, the Communicator can be used
// for another proposal; after [ErrInvalidName] nothing was sent. Any other error ends the stream.
func (cl *Client) TrySelect(ctx context.Context, c *Communicator, protocol string) error {
	return c.step(ctx, Initiator, &cl.Limits, cl.Unbuffered, protocol, func() error {
		if err := cl.check([]string{protocol}); err != nil {
			return err
		}
		if err := cl.propose(c, protocol); err != nil {
			return err
		}
		return refusedError(cl.answer(c, protocol))
	})
}

// refusedError turns a refusal into [ErrNotSupported].
func refusedError(v rules.Verdict, err error) error {
	if v == rules.Refused {
		return ErrNotSupported
	}
	return err
}

// List asks the peer for its protocols (R19, R20, R21, R22). [ErrNotSupported] means that the
// peer does not answer; many do not, so a program should not depend on it. The
// Communicator can be used afterwards. Any other error ends the stream.
func (cl *Client) List(ctx context.Context, c *Communicator) (list wire.List, err error) {
	err = c.step(ctx, Initiator, &cl.Limits, cl.Unbuffered, "", func() error {
		if err := cl.ask(c); err != nil {
			return err
		}
		list, err = cl.answerList(c)
		return err
	})
	return list, err
}

// ListAndTrySelect asks for the peer's protocols and makes one proposal, in one flight and one
// round trip. It fails like [Client.TrySelect]. The list is empty if the peer refuses to send one.
func (cl *Client) ListAndTrySelect(ctx context.Context, c *Communicator, protocol string) (list wire.List, err error) {
	err = c.step(ctx, Initiator, &cl.Limits, cl.Unbuffered, protocol, func() error {
		if err := cl.check([]string{protocol}); err != nil {
			return err
		}
		if err := cl.ask(c); err != nil {
			return err
		}
		if err := cl.propose(c, protocol); err != nil {
			return err
		}
		if list, err = cl.answerList(c); err != nil && err != ErrNotSupported {
			return err
		}
		return refusedError(cl.answer(c, protocol))
	})
	return list, err
}

// ask queues an "ls".
func (cl *Client) ask(c *Communicator) error {
	f := c.state.Ask(wire.MessageSize(len(wire.LS)), len(c.in.pending()), cl.Limits.maxBytes())
	if f == rules.NoFault {
		c.queueWithHeader(wire.LS)
	}
	return cl.Limits.fault(f)
}

// answerList reads the answer to "ls", which has limits of its own (R21).
func (cl *Client) answerList(c *Communicator) (wire.List, error) {
	text, err := c.readReply(PhaseList, cl.Limits.maxListBytes(), shortestMessage)
	if err != nil {
		return wire.List{}, err
	}
	list, verdict, err := rules.JudgeList(text, cl.Limits.maxListNames())
	switch {
	case verdict == rules.Refused:
		err = ErrNotSupported
	case verdict == rules.Violated && !errors.Is(err, ErrTooLarge):
		err = c.recordOffending(text, ErrUnexpectedAnswer)
	case verdict == rules.Violated:
		err = c.recordOffending(text, err)
	}
	return list, err
}
