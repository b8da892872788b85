package multiselect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// Negotiate answers the peer's proposals on a new stream until one of them is
// registered, and returns it with its handler. Unknown protocols are refused,
// and the peer may go on; "ls" is answered with the list of protocols.
//
// On success the stream is the protocol's: the agreement is written, nothing
// behind the peer's proposal has been read, no deadline was set, and nothing of
// this package can touch the stream any more. On any error the stream has been
// ended, by ResetWithError, Reset or Close as the package documentation says.
// The error is an [*Error].
//
// The negotiation ends when ctx ends or when [Limits].Timeout is over.
func (m *Muxer) Negotiate(ctx context.Context, stream io.ReadWriteCloser) (string, Handler, error) {
	mustExist(stream)
	found, c, err := m.short(ctx, stream)
	if c == nil {
		return found.name, found.handler, nil
	}
	return m.run(ctx, c, found, err)
}

// NegotiateOn is [Muxer.Negotiate] on a Communicator, from the start of the
// conversation or after [Muxer.Handshake].
func (m *Muxer) NegotiateOn(ctx context.Context, c *Communicator) (string, Handler, error) {
	return m.run(ctx, c, nil, nil)
}

// Handle negotiates and then calls the handler, in the same goroutine and with
// the same ctx. It returns the error of [Muxer.Negotiate], or nil when the
// handler has returned.
func (m *Muxer) ServeStream(ctx context.Context, stream io.ReadWriteCloser) error {
	protocol, h, err := m.Negotiate(ctx, stream)
	if err != nil {
		return err
	}
	h(ctx, protocol, stream)
	return nil
}

// Handshake waits for the peer's header and answers it, without waiting for a
// proposal. An error ends the stream.
func (m *Muxer) Handshake(ctx context.Context, c *Communicator) error {
	if err := c.usable(Responder); err != nil {
		return err
	}
	running := c
	defer abandon(&running)
	err := m.begin(ctx, c)
	if err == nil && !c.headerReceived {
		m.greet(c)
		err = c.header(0)
	}
	if err == nil {
		err = c.finish()
	}
	err = c.end(ctx, "", nil, true, err)
	running = nil
	return err
}

// run waits and takes what has arrived, in turn. The waiting is done here, and
// not where it is found out that something is missing, because the stack that
// it takes is what a half-open negotiation costs: with two calls more, that of
// a yamux stream would need 4 KiB.
func (m *Muxer) run(ctx context.Context, c *Communicator, found *node, failed error) (protocol string, h Handler, err error) {
	if err := c.usable(Responder); err != nil {
		return "", nil, err
	}
	running := c
	defer abandon(&running)
	if err = failed; c.left == leftNever {
		err = m.begin(ctx, c)
		c.tolerant = true
		m.greet(c)
	}
	if found != nil {
		protocol, h = found.name, found.handler
	}
	for h == nil && err == nil {
		if protocol, h, err = m.advance(c); h != nil || err != nil {
			break
		}
		var room []byte
		if room, err = c.prepare(int(c.limit), m.shortest()); err == nil {
			n, failed := c.stream.Read(room)
			err = c.took(n, len(room), failed)
		}
	}
	if isEarlyData(err, c.lastWasNA) && c.flush() == nil { // it may have been read with the proposal
		c.part(&m.Limits)
	}
	err = c.end(ctx, protocol, c.refusedNames(err), false, goodbye(err, c.lastWasNA))
	running = nil
	if err != nil {
		return "", nil, err
	}
	return protocol, h, nil
}

func (m *Muxer) begin(ctx context.Context, c *Communicator) error {
	return c.begin(ctx, Responder, &m.Limits, m.Unbuffered)
}

// greet queues the header if it is to leave before the peer's has arrived.
func (m *Muxer) greet(c *Communicator) {
	if m.HeaderFirst {
		c.sayHeader()
	}
}

// advance takes what has arrived and queues the answers. It returns without a
// handler when something is missing. Our header leaves with the first answer if
// the proposal is there already (R1), and otherwise before the next read.
func (m *Muxer) advance(c *Communicator) (string, Handler, error) {
	if !c.headerReceived {
		if done, err := c.takeHeader(); !done || err != nil {
			return "", nil, err
		}
	}
	c.phase = PhaseProposal
	for {
		text, done, err := c.takeMessage(int(c.limit))
		if !done || err != nil {
			return "", nil, err
		}
		protocol, h, err := m.answer(c, text)
		if h != nil && err == nil {
			err = c.finish()
		}
		if h != nil || err != nil {
			return protocol, h, err
		}
	}
}

// answer answers one message. It returns the handler if that is the end.
func (m *Muxer) answer(c *Communicator, text []byte) (string, Handler, error) {
	if err := c.tally.receive(wire.MessageSize(len(text)), &m.Limits); err != nil {
		return "", nil, err
	}
	protocol, h := m.lookup(text)
	listing := !m.NoList && c.tally.mayList(&m.Limits)
	reply := replyTo(text, h != nil, len(c.pending()) > 0, listing)
	if reply == replyList {
		c.lastWasNA = !m.list(c)
		if c.lastWasNA && m.OneShot {
			return "", nil, m.onlyShot(c)
		}
		return "", nil, c.insist()
	}
	if err := c.tally.mayPropose(&m.Limits); err != nil {
		return "", nil, err
	}
	c.tally.proposals++
	if reply == replyEcho {
		c.say(protocol)
		return protocol, h, nil
	}
	c.refuse(text)
	if err := c.tally.send(wire.MessageSize(len(wire.NA)), &m.Limits); err != nil {
		return "", nil, err
	}
	if m.OneShot {
		return "", nil, m.onlyShot(c)
	}
	return "", nil, c.insist()
}

// mostRefused is how many bytes of refused names are kept for an error.
const mostRefused = 1024

// refuse says "na".
func (c *Communicator) refuse(name []byte) {
	if f := c.roomForRefused(len(name)); f != nil {
		f.bytes = wire.AppendMessage(f.bytes, string(name))
	}
	c.lastWasNA = true
	c.say(wire.NA)
}

// roomForRefused returns where names are kept for whoever asks why it all failed, as
// messages; nil if there are enough of them.
func (c *Communicator) roomForRefused(size int) *flight {
	if c.refused == nil {
		c.refused = flights.Get().(*flight)
	}
	if len(c.refused.bytes)+size > mostRefused {
		return nil
	}
	return c.refused
}

// refusedNames returns the first names that were refused, if err is an error,
// and gives the buffer back.
func (c *Communicator) refusedNames(err error) (names []string) {
	if c.refused == nil {
		return nil
	}
	for kept := c.refused.bytes; err != nil && len(kept) > 0; {
		name, n, _ := wire.ConsumeMessage(kept, wire.MaxMessage)
		names = append(names, string(name))
		kept = kept[n:]
	}
	c.refused.bytes = c.refused.bytes[:0]
	return names
}

// list answers "ls", and reports whether with a list. One that does not fit is
// not cut: half a list would be taken for the whole (R21).
func (m *Muxer) list(c *Communicator) bool {
	c.tally.lists++
	names, ok := m.listed()
	if !ok {
		c.say(wire.NA)
		return false
	}
	c.sayHeader()
	c.queueList(names)
	return true
}

// listed returns the names of the list, if they are not too many.
func (m *Muxer) listed() (names []string, ok bool) {
	most := m.Limits.listNames()
	for name := range m.names {
		if m.ListFilter != nil && !m.ListFilter(name) {
			continue
		}
		if len(names) == most {
			return nil, false
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, wire.ListSize(names) <= m.Limits.listBytes()
}

// goodbye tells a peer that gave up from one that was cut off: after a refusal
// the end of the stream, a reset, and anything that is no message, is how
// initiators say goodbye (R18). What this side or its stream has done is not.
func goodbye(err error, lastWasNA bool) error {
	failed, ok := errors.AsType[*CommunicatorError](err)
	switch {
	case !lastWasNA || !ok || failed.Op != "read" || failed == errReadCount, isTimeout(err),
		errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe), errors.Is(err, io.ErrNoProgress):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, ErrMalformed), errors.Is(err, ErrTooLarge):
		return ErrGaveUp
	}
	return fmt.Errorf("%w: %w", ErrGaveUp, err)
}
