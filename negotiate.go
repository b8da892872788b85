package multiselect

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/multiselect/multiselect/wire"
)

// Negotiate answers the peer's proposals on a new stream until one of them is
// registered, and returns it with its handler. Unknown protocols are refused,
// and the peer may go on; "ls" is answered with the list of protocols.
//
// On success the stream is the protocol's: the agreement is written, nothing
// behind the peer's proposal has been read, no deadline was set, and nothing of
// this package can touch the stream any more. On any error the stream has been
// reset, if it has a method Reset() error or ResetWithError(uint32) error, and
// closed otherwise. The error is an [*Error].
//
// The negotiation ends when ctx ends or when [Limits].Budget is over. Either
// resets or closes the stream, which must unblock its Read and Write.
func (m *Muxer) Negotiate(ctx context.Context, stream io.ReadWriteCloser) (string, Handler, error) {
	c := acquire(stream)
	protocol, h, err := m.run(ctx, c)
	c.release()
	return protocol, h, err
}

// NegotiateOver is [Muxer.Negotiate] on a Communicator, from the start of the
// conversation or after [Muxer.Handshake].
func (m *Muxer) NegotiateOver(ctx context.Context, c *Communicator) (string, Handler, error) {
	return m.run(ctx, c)
}

// Handle negotiates and then calls the handler, in the same goroutine and with
// the same ctx. It returns the error of [Muxer.Negotiate], or nil when the
// handler has returned.
func (m *Muxer) Handle(ctx context.Context, stream io.ReadWriteCloser) error {
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
	err := m.begin(ctx, c)
	if err == nil {
		err = m.handshake(c)
	}
	if err == nil {
		err = c.finish()
	}
	return c.end(ctx, "", nil, true, err)
}

func (m *Muxer) run(ctx context.Context, c *Communicator) (protocol string, h Handler, err error) {
	if err = m.begin(ctx, c); err == nil {
		protocol, h, err = m.negotiate(c)
	}
	if err = c.end(ctx, protocol, nil, false, err); err != nil {
		return "", nil, err
	}
	return protocol, h, nil
}

func (m *Muxer) begin(ctx context.Context, c *Communicator) error {
	return c.begin(ctx, Responder, &m.Limits, m.Unbuffered)
}

// handshake reads the peer's header. Ours leaves with the first answer if the
// proposal is there already (R1), and otherwise when next flushes before it
// reads.
func (m *Muxer) handshake(c *Communicator) error {
	if c.headerReceived {
		return nil
	}
	return c.header(m.shortest())
}

// negotiate answers one message after the other.
func (m *Muxer) negotiate(c *Communicator) (string, Handler, error) {
	if err := m.handshake(c); err != nil {
		return "", nil, err
	}
	c.phase = PhaseProposal
	lastWasNA := false
	for answered := false; ; answered = true {
		text, err := c.next(m.shortest())
		if err != nil {
			return "", nil, afterNA(lastWasNA, err)
		}
		if err := c.tally.receive(wire.MessageSize(len(text)), &m.Limits); err != nil {
			return "", nil, err
		}
		protocol, h := m.lookup(text)
		listing := !m.NoList && c.tally.mayList(&m.Limits)
		answer := replyTo(text, h != nil, len(c.pending()) > 0, listing)
		if err := c.unheard(); err != nil && (answered || answer != replyEcho) {
			return "", nil, err
		}
		if answer != replyList {
			if err := c.tally.propose(&m.Limits); err != nil {
				return "", nil, err
			}
		}
		switch answer {
		case replyEcho:
			c.say(protocol)
			return protocol, h, c.finish()
		case replyList:
			m.list(c)
		case replyNA:
			c.say(wire.NA)
		}
		lastWasNA = answer == replyNA
	}
}

// list answers "ls". A list that does not fit is not cut: half a list would be
// taken for the whole (R21).
func (m *Muxer) list(c *Communicator) {
	c.tally.lists++
	names, ok := m.listed()
	if !ok {
		c.say(wire.NA)
		return
	}
	c.sayHeader()
	f := c.flight()
	f.bytes = wire.AppendList(f.bytes, names)
}

func (m *Muxer) listed() ([]string, bool) {
	most := m.Limits.listNames()
	if m.Listed == nil && int(m.table.count.Load()) > most {
		return nil, false // before they are all collected and sorted
	}
	var names []string
	for _, name := range m.Protocols() {
		if m.Listed == nil || m.Listed(name) {
			names = append(names, name)
		}
	}
	return names, len(names) <= most && wire.ListSize(names) <= m.Limits.listBytes()
}

// afterNA tells a peer that gave up from one that was cut off: after a refusal
// the end of the stream, and anything that is no message, is how initiators
// say goodbye (R18).
func afterNA(lastWasNA bool, err error) error {
	failed, ok := errors.AsType[*CommunicatorError](err)
	if !lastWasNA || !ok || failed.Op != "read" || isTimeout(err) || errors.Is(err, net.ErrClosed) {
		return err
	}
	return ErrGaveUp
}
