package multiselect

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/multiselect/multiselect/internal/names"
	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// Negotiate answers the peer's proposals on a new stream until one of them is registered, and
// returns the protocol and its handler. It refuses unknown protocols, after which the peer may
// propose others (R10), and answers "ls" with the list of protocols (R19).
//
// After success the stream is the protocol's: the agreement is written, no byte after the peer's
// proposal has been read (R12), the stream's deadlines are as they were, and this package keeps no
// reference to it. After an error the stream has been ended, by ResetWithError, Reset or Close as
// the package documentation says (R25). The error is an [*Error].
//
// Negotiate blocks until the negotiation has ended, ctx is done, or [Limits].Timeout expires. It
// panics if the stream is nil.
func (m *Muxer) Negotiate(ctx context.Context, stream io.ReadWriteCloser) (string, Handler, error) {
	mustExist(stream)
	found, c, err := m.negotiateFirst(ctx, stream)
	if c == nil {
		return found.Name(), found.Value(), nil
	}
	return m.run(ctx, c, found, err)
}

// NegotiateOn is [Muxer.Negotiate] on a Communicator: from the start of the
// conversation, or after [Muxer.Handshake].
func (m *Muxer) NegotiateOn(ctx context.Context, c *Communicator) (string, Handler, error) {
	return m.run(ctx, c, nil, nil)
}

// ServeStream negotiates on a new stream and calls the handler, in the calling goroutine and with
// ctx. It returns the error of [Muxer.Negotiate], or nil after the handler has returned.
//
// If a [*net.TCPConn] was reset before the agreement was written (R17), the handler gets a stream
// that embeds it, and whose Read and WriteTo end with that error and not with [io.EOF].
func (m *Muxer) ServeStream(ctx context.Context, stream io.ReadWriteCloser) error {
	protocol, h, err := m.Negotiate(ctx, stream)
	if err != nil {
		return err
	}
	h(ctx, protocol, stream)
	return nil
}

// Handshake waits for the peer's header and sends its own, without waiting for a
// proposal. Any error ends the stream.
func (m *Muxer) Handshake(ctx context.Context, c *Communicator) error {
	return c.step(ctx, Responder, &m.Limits, m.Unbuffered, "", func() error {
		if m.HeaderFirst {
			c.queueHeader()
		}
		if err := c.readHeader(0); err != nil {
			return err
		}
		return c.finish()
	})
}

// run is the loop of the responder: it answers the messages that have arrived, and reads
// more. If c.fast is set, it continues after a first exchange in line, with its entry found
// and its error. The Read is made here, since the stack below it is most of the cost of a
// half-open negotiation: with two more calls that on a yamux stream would grow to 4 KiB.
func (m *Muxer) run(ctx context.Context, c *Communicator, found *names.Node[Handler], err error) (protocol string, h Handler, _ error) {
	if err := c.checkUsable(Responder); err != nil {
		return "", nil, err
	}
	running := c
	defer resetAfterPanic(&running, c.stream)
	if !c.fast {
		err = c.begin(ctx, Responder, &m.Limits, m.Unbuffered)
		c.ignoresWriteErrs = true
		if m.HeaderFirst {
			c.queueHeader()
		}
	}
	if found != nil {
		protocol, h = found.Name(), found.Value()
	}
	for h == nil && err == nil {
		if protocol, h, err = m.advance(c); h != nil || err != nil {
			break
		}
		var buffer []byte
		if buffer, err = c.prepareRead(int(c.maxMessage), m.shortest()); err == nil {
			n, failed := c.stream.Read(buffer)
			err = c.in.record(n, len(buffer), failed)
		}
	}
	if err == nil {
		err = c.checkChannel()
	}
	if err == nil {
		h = afterReset(h, c.ignoredWriteErr())
	}
	err = c.end(ctx, protocol, c.refusedNames(err), false, m.classifyEnd(c, err))
	running = nil
	if err != nil {
		return "", nil, err
	}
	return protocol, h, nil
}

// advance consumes the messages that have arrived and queues the answers. It returns no
// handler while bytes are missing. This side's header is sent with the first answer if the
// proposal has arrived (R1), and otherwise before the next read (R11).
func (m *Muxer) advance(c *Communicator) (string, Handler, error) {
	if !c.state.HeaderReceived {
		if done, err := c.takeHeader(); !done || err != nil {
			return "", nil, err
		}
	}
	c.phase = PhaseProposal
	for {
		text, done, err := c.takeMessage(int(c.maxMessage))
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

// answer answers one message (R4, R10, R16, R19). It returns the handler after an agreement.
func (m *Muxer) answer(c *Communicator, text []byte) (string, Handler, error) {
	if f := c.state.Receive(wire.MessageSize(len(text)), m.Limits.maxBytes()); f != rules.NoFault {
		return "", nil, m.Limits.fault(f)
	}
	protocol, h := m.lookup(text)
	lists := !m.NoList && c.state.MayList(m.Limits.maxLists())
	reply := rules.ReplyTo(text, h != nil, len(c.in.pending()) > 0, lists)
	if err := c.flushList(); err != nil {
		return "", nil, err
	}
	if reply == rules.ReplyList {
		if err := m.sendList(c); err != nil {
			return "", nil, err
		}
	} else if f := c.state.Answer(reply, m.Limits.maxProposals(), m.Limits.maxBytes()); f != rules.NoFault {
		if f == rules.TooMuchSent {
			c.keepRefused(text)
		}
		return "", nil, m.Limits.fault(f)
	}
	switch reply {
	case rules.ReplyEcho:
		c.queueWithHeader(protocol)
		return protocol, h, nil
	case rules.ReplyNA:
		c.keepRefused(text)
		c.queueWithHeader(wire.NA)
	}
	if c.state.MustEnd(m.OneShot) {
		if err := c.finish(); err != nil && !isUndelivered(err) {
			return "", nil, err
		} else if err != nil {
			c.ensureRare().writeErr = err // the stream ends in any case (R17, R32)
		}
		c.drainAfterRefusal(&m.Limits)
		return "", nil, ErrGaveUp
	}
	return "", nil, c.ignoredWriteErr()
}

// maxRefused is the number of bytes of refused names that are kept for an error.
const maxRefused = 1024

// keepRefused keeps a name for [Error].Protocols, if there is room.
func (c *Communicator) keepRefused(name []byte) {
	if c.refused == nil {
		c.refused = flights.Get().(*flight)
	}
	if f := c.refused; len(f.bytes)+len(name) <= maxRefused {
		f.bytes = append(append(binary.AppendUvarint(f.bytes, uint64(len(name)+1)), name...), '\n')
	}
}

// refusedNames returns the kept names if err is an error, and empties the buffer.
func (c *Communicator) refusedNames(err error) (refused []string) {
	if c.refused == nil {
		return nil
	}
	for kept := c.refused.bytes; err != nil && len(kept) > 0; {
		name, n, _ := wire.ConsumeMessage(kept, wire.MaxMessage)
		refused = append(refused, string(name))
		kept = kept[n:]
	}
	c.refused.bytes = c.refused.bytes[:0]
	return refused
}

// classifyEnd returns [ErrGaveUp] for a peer that has given up (R18), [ErrListed] for one that
// has closed after a list (R19), and otherwise err.
func (m *Muxer) classifyEnd(c *Communicator, err error) error {
	end := rules.EndHere
	failed, ok := errors.AsType[*CommunicatorError](err)
	switch {
	case !ok || failed.Op != "read" || failed == errReadCount, isTimeout(err), isLocalClose(err),
		errors.Is(err, io.ErrClosedPipe), errors.Is(err, io.ErrNoProgress):
	case errors.Is(err, ErrMalformed), errors.Is(err, ErrTooLarge):
		end = rules.EndMalformed
	default:
		end = rules.EndPeer
	}
	switch {
	case len(c.in.pending()) == 0 && c.state.HasListed(end):
		return fmt.Errorf("%w: %w", ErrListed, err)
	case !c.state.HasGivenUp(end):
		return err
	}
	if end == rules.EndMalformed {
		if c.flush(c.isUnbuffered()) == nil { // the refusal may still be queued
			c.drainAfterRefusal(&m.Limits)
		}
		return ErrGaveUp
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrGaveUp
	}
	return fmt.Errorf("%w: %w", ErrGaveUp, err)
}

// refusalGrace is the time between a refusal and the end of the stream. It need not grow
// with the distance of the peer: the end of the stream travels as fast as the refusal.
const refusalGrace = 500 * time.Millisecond

// drainAfterRefusal lets a refusal reach the peer before the stream is ended, since a reset, or the
// Close of a TCP connection with unread bytes, would overtake it. It half-closes the stream and
// discards incoming bytes until EOF, for at most refusalGrace and up to the limit on bytes. It has
// no effect on a stream without deadlines or without CloseWrite.
func (c *Communicator) drainAfterRefusal(l *Limits) {
	s, ok := c.stream.(interface {
		CloseWrite() error
		SetReadDeadline(t time.Time) error
	})
	if !ok || s.CloseWrite() != nil {
		return
	}
	err := net.ErrClosed // the deadline that ends the stream must not be undone
	c.life.unlessEnded(func() { err = s.SetReadDeadline(time.Now().Add(refusalGrace)) })
	if err == nil {
		discard(c.stream, int64(l.maxBytes()))
	}
}

// discard reads from a stream until an error, at most limit bytes. Like a negotiation, it ends
// after many reads in a row that return neither bytes nor an error.
func discard(stream io.Reader, limit int64) {
	io.Copy(io.Discard, io.LimitReader(&progressReader{Reader: stream}, limit))
}

// progressReader fails with [io.ErrNoProgress] after maxEmptyReads.
type progressReader struct {
	io.Reader
	empty int
}

func (r *progressReader) Read(p []byte) (n int, err error) {
	if n, err = r.Reader.Read(p); n > 0 {
		r.empty = 0
	} else if r.empty++; err == nil && r.empty >= maxEmptyReads {
		err = io.ErrNoProgress
	}
	return n, err
}
