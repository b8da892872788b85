package multiselect

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// Client is the initiator: it proposes protocols, one after the other, until
// the peer agrees to one. The zero value is ready; a Client holds no state and
// may be copied and used by many goroutines.
//
// [Client.SelectOneOf] is all that most callers need. The other methods are
// the same negotiation in steps, on a [Communicator].
type Client struct {
	// Limits bound each negotiation.
	Limits Limits
	// Unbuffered is for streams whose Write returns only when the peer has
	// read, such as two [io.Pipe]: a write then goes on beside the next read,
	// in a goroutine that has ended when the call returns. [net.Pipe] is
	// recognised without it.
	Unbuffered bool
	// Unguarded lets a lazy stream send anything before the peer has agreed. Set
	// it only for peers that are known to end the stream when they refuse, see
	// [Muxer.OneShot]: any other may read what was meant for the protocol that it
	// refused as a proposal of another one.
	//
	// Without it a Write takes along what no responder takes for a proposal,
	// whatever its limits and however it reads lengths: what reads as messages
	// behind lengths of at most four bytes, none of which is complete and ends
	// with a newline or begins with a slash (R29). Other writes wait for the
	// answer.
	Unguarded bool
}

// SelectOneOf negotiates on a new stream: it sends the header and the first
// protocol in one write, proposes the next protocol each time the peer refuses,
// and returns the one that the peer agreed to. A protocol that is listed twice
// is proposed once.
//
// On success the stream is the protocol's: nothing behind the peer's answer
// has been read, no deadline was set, and nothing of this package can touch the
// stream any more. On any error the stream has been ended, by ResetWithError,
// Reset or Close as the package documentation says; the caller need not close it
// again. The error is an [*Error]; if the peer refused everything, it is
// [ErrNotSupported].
//
// The negotiation ends when ctx ends or when [Limits].Timeout is over.
func (cl *Client) SelectOneOf(ctx context.Context, stream io.ReadWriteCloser, protocols ...string) (string, error) {
	mustExist(stream)
	c := communicators.Get().(*Communicator)
	running := c
	defer func() {
		if running != nil {
			running.abandonOn(stream)
		}
	}()
	// The first exchange is usually all, and is done right here, see short.go.
	const header = len(wire.HeaderFrame)
	var come passage
	var n int
	var err error
	if len(protocols) > 0 && isShortSize(protocols[0]) && isShort(&cl.Limits) && traceOf(ctx) == nil && !cl.Unbuffered && !isUnbuffered(stream) {
		asked := firstFrame(&c.small, len(protocols[0]))
		if fill(asked[header+1:], protocols[0]) && (len(protocols) == 1 && cl.Limits.Timeout < 0 && ctx.Done() == nil || cl.prepare(ctx, c, stream, protocols)) {
			come = atRead
			n, err = stream.Write(asked)
			if n >= len(asked) && err == nil {
				// The echo is no shorter than "na", and after that the peer says nothing
				// before it is asked: nothing of the protocol's can be read here (R12).
				come = atTake
				n, err = stream.Read(asked)
				if n == len(asked) && isHeader(&c.small) && isEcho(asked[header:], protocols[0]) && (c.stream == nil || c.settle()) {
					running = nil
					communicators.Put(c)
					return protocols[0], nil
				}
			}
		}
	}
	running = nil
	return cl.goOn(ctx, c, stream, protocols, come, n, err)
}

// SelectOn is [Client.SelectOneOf] on a Communicator, from the start of
// the conversation or from where the steps have brought it.
func (cl *Client) SelectOn(ctx context.Context, c *Communicator, protocols ...string) (string, error) {
	return cl.run(ctx, c, protocols, 0, nil)
}

func (cl *Client) run(ctx context.Context, c *Communicator, protocols []string, tried int, failed error) (protocol string, err error) {
	if err := c.usable(Initiator); err != nil {
		return "", err
	}
	running := c
	defer abandon(&running)
	if err = failed; c.left == leftNever {
		if err = cl.begin(ctx, c); err == nil {
			err = cl.check(protocols)
		}
	}
	if err == nil && c.left != leftAgreed {
		tried, err = cl.selectOneOf(c, protocols, tried)
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

func (cl *Client) begin(ctx context.Context, c *Communicator) error {
	return c.begin(ctx, Initiator, &cl.Limits, cl.Unbuffered)
}

// selectOneOf returns how many of the protocols were proposed; the last of
// them is the one agreed on.
func (cl *Client) selectOneOf(c *Communicator, protocols []string, tried int) (int, error) {
	if c.left == leftAsked {
		if err := cl.answer(c, protocols[tried-1]); err != ErrNotSupported {
			return tried, err
		}
	}
	for i, p := range protocols[tried:] {
		if slices.Contains(protocols[:tried+i], p) {
			continue
		}
		if err := cl.propose(c, p); err != nil {
			return tried + i, err
		}
		if err := cl.answer(c, p); err != ErrNotSupported {
			return tried + i + 1, err
		}
	}
	return len(protocols), ErrNotSupported
}

// check finds what cannot be proposed before a byte is sent (R9).
func (cl *Client) check(protocols []string) error {
	if len(protocols) == 0 {
		return ErrNoProtocols
	}
	for _, p := range protocols {
		if err := wire.CheckName(p, cl.Limits.message()); err != nil {
			return err
		}
	}
	if len(protocols) <= cl.Limits.proposals() {
		return nil
	}
	return exceeded("proposals", len(distinct(protocols)), cl.Limits.proposals())
}

// propose queues a proposal. What has failed was not proposed.
func (cl *Client) propose(c *Communicator, protocol string) error {
	if err := c.tally.mayPropose(&cl.Limits); err != nil {
		return err
	}
	if err := cl.ask(c, protocol); err != nil {
		return err
	}
	c.tally.proposals++
	return nil
}

// ask queues a question. Nothing has been read beyond the last answer, so what
// is there already is the answer to nothing (R14).
func (cl *Client) ask(c *Communicator, text string) error {
	if len(c.pending()) > 0 {
		return fmt.Errorf("%w: it came before the question", ErrUnexpectedAnswer)
	}
	if err := c.tally.send(wire.MessageSize(len(text)), &cl.Limits); err != nil {
		return err
	}
	c.say(text)
	return nil
}

// answer reads the answer to a proposal, up to the end of the echo: if it is
// "na", what follows can only be negotiation (R12).
func (cl *Client) answer(c *Communicator, protocol string) error {
	echo := wire.MessageSize(len(protocol))
	if err := cl.awaitHeader(c, echo); err != nil {
		return err
	}
	c.phase = PhaseProposal
	text, err := c.reply(int(c.limit), echo)
	if err != nil {
		return err
	}
	if err := c.tally.receive(wire.MessageSize(len(text)), &cl.Limits); err != nil {
		return err
	}
	switch judge(text, protocol) {
	case agreed:
		return nil
	case refused:
		return ErrNotSupported
	}
	return c.unexpected(text, ErrUnexpectedAnswer)
}

func (cl *Client) awaitHeader(c *Communicator, shortest int) error {
	if c.headerReceived {
		return nil
	}
	return c.header(shortest)
}

// Handshake sends the header, if it was not sent, and waits for the peer's. It
// costs a round trip which the other methods save: they send the header with
// their first question.
func (cl *Client) Handshake(ctx context.Context, c *Communicator) error {
	return cl.step(ctx, c, "", func() error {
		c.sayHeader()
		if err := cl.awaitHeader(c, 0); err != nil {
			return err
		}
		return c.finish()
	})
}

// TrySelect makes one proposal. [ErrNotSupported] means that the peer refused
// it and that the stream can be used for another one; [ErrInvalidName] that
// nothing was sent. Any other error ends the stream.
func (cl *Client) TrySelect(ctx context.Context, c *Communicator, protocol string) error {
	return cl.step(ctx, c, protocol, func() error {
		if err := cl.check([]string{protocol}); err != nil {
			return err
		}
		if err := cl.propose(c, protocol); err != nil {
			return err
		}
		return cl.answer(c, protocol)
	})
}

// List asks the peer for its protocols. [ErrNotSupported] means that the peer
// does not tell; many do not, and nothing should depend on it. The stream can
// be used afterwards in both cases.
func (cl *Client) List(ctx context.Context, c *Communicator) (list wire.List, err error) {
	err = cl.step(ctx, c, "", func() error {
		if err = cl.ask(c, wire.LS); err == nil {
			list, err = cl.answerList(c)
		}
		return err
	})
	return list, err
}

// ListAndTrySelect asks for the peer's protocols and makes one proposal, in one
// flight: after one round trip the caller knows both whether the peer agreed
// and, where the peer tells, what else it speaks. The error is that of
// [Client.TrySelect]; from a peer that does not tell the list is empty.
func (cl *Client) ListAndTrySelect(ctx context.Context, c *Communicator, protocol string) (list wire.List, err error) {
	err = cl.step(ctx, c, protocol, func() error {
		if err := cl.check([]string{protocol}); err != nil {
			return err
		}
		if err := cl.ask(c, wire.LS); err != nil {
			return err
		}
		if err := cl.propose(c, protocol); err != nil {
			return err
		}
		if list, err = cl.answerList(c); err != nil && err != ErrNotSupported {
			return err
		}
		return cl.answer(c, protocol)
	})
	return list, err
}

// step runs one step on a Communicator that goes on to live.
func (cl *Client) step(ctx context.Context, c *Communicator, protocol string, do func() error) error {
	if err := c.usable(Initiator); err != nil {
		return err
	}
	running := c
	defer abandon(&running)
	before := c.tally.proposals
	err := cl.begin(ctx, c)
	if err == nil {
		err = do()
	}
	var proposed []string
	if c.tally.proposals > before {
		proposed = []string{protocol}
	}
	err = c.end(ctx, protocol, proposed, true, err)
	running = nil
	return err
}

// answerList reads the answer to "ls", which has limits of its own.
func (cl *Client) answerList(c *Communicator) (wire.List, error) {
	if err := cl.awaitHeader(c, shortestMessage); err != nil {
		return wire.List{}, err
	}
	c.phase = PhaseList
	text, err := c.reply(cl.Limits.listBytes(), shortestMessage)
	if err != nil {
		return wire.List{}, err
	}
	list, err := judgeList(text, cl.Limits.listNames())
	if err != nil && err != ErrNotSupported {
		err = c.unexpected(text, err)
	}
	return list, err
}
