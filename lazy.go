package multiselect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"github.com/multiselect/multiselect/internal/guard"
	"github.com/multiselect/multiselect/wire"
)

// LazyStream is a stream that negotiates its protocol on the way: the header and
// the proposal travel with the first bytes that are written, and the answer is
// taken off in front of the first bytes that are read. [Client.Lazy] makes it.
//
// It is a [net.Conn] with more methods, and any number of goroutines may use
// it. Until the outcome is known it is pending. Whatever the first call is, it
// sends the header and the proposal: a Read, an empty Write, [LazyStream.Flush],
// CloseWrite and Close too. Afterwards
//
//   - a Write takes along what may travel before the agreement, and waits for
//     the agreement with the rest, see [Client.Unguarded];
//   - Read, ReadFrom, WriteTo, SyscallConn, [LazyStream.Wait] and
//     [LazyStream.Detach] wait for the outcome. [Limits].Timeout is the time that
//     calls may wait for it, all in all; when it is over the stream is ended.
//
// Once the peer has agreed, every call goes straight to the stream. If it
// refused, or broke the protocol, the stream has been ended as the package
// documentation says, nothing more reaches the wire, and every call returns the
// same [*Error]. After Close all calls return [net.ErrClosed]. The count that a
// Write returns is exact in all cases: bytes of its argument that were written.
//
// Deadlines hold as on any net.Conn, also while the answer is awaited, and a call
// that ran into one leaves the negotiation as it was. A stream without
// SetReadDeadline and SetWriteDeadline has none: [os.ErrNoDeadline]. A read
// deadline that was set on the stream itself counts until one is set here.
type LazyStream struct {
	protocol     string
	stream       io.ReadWriteCloser
	firstSize    int // of the header and the proposal
	timeout      time.Duration
	maxBytes     int32 // Limits.MaxBytes
	maxMessage   int16 // Limits.MaxMessage
	unguarded    bool
	hasDeadlines bool // the stream

	in, out half

	// mu guards what follows, and change tells that something of it did. No
	// Read, Write or Close of the stream is called while it is held.
	mu     sync.Mutex
	cond   *sync.Cond // if anybody has waited
	err    error      // why state is LazyFailed
	state  LazyState
	closed bool

	// The half that sends.
	unbuffered  bool // a Write returns when the peer has read
	sendStarted bool // the header is on its way, whether or not it got through: somebody may listen
	writing     bool // a call writes, and has guard and sent to itself
	guard       guard.State
	firstSent   int // bytes of the header and the proposal

	// The half that hears the answer. What small does not do, with the header, the
	// proposal and the answer to that, is done by c, see communicator. c belongs to
	// whoever moved pump on from readerNone, but for what serves the budget.
	inline          [smallBuffer]byte
	c               *Communicator
	reader          answerReader
	interrupted     bool   // the inline pump is to return
	foreignTimeouts uint16 // how often the pump met a deadline of the stream's owner
	waiters         int32  // while there are any, the budget runs
	firstWait       time.Duration
	timeoutLeft     time.Duration // of the budget, or noBudget
	endCause        error         // why this side ended it
}

// LazyState is what a [LazyStream] knows of the outcome.
type LazyState uint8

const (
	LazyPending LazyState = iota // the peer has not answered
	LazyAgreed                   // the stream is the protocol's
	LazyFailed                   // every call returns why
)

func (s LazyState) String() string {
	switch s {
	case LazyPending:
		return "pending"
	case LazyAgreed:
		return "agreed"
	default:
		return "failed"
	}
}

// half is one direction, as far as its callers see it.
type half struct {
	direct   atomic.Bool // calls go straight to the stream
	closed   bool
	deadline time.Time
}

// Lazy returns a stream on which the protocol will be negotiated. Nothing is sent
// and nothing is waited for. There is one proposal: a peer that refuses it has
// ended the matter (R30), so propose what the peer is known to speak.
//
// The values of ctx count, such as a [Trace]; its end does not end the stream.
// It fails with [ErrInvalidName] for names that cannot be proposed, and for those
// that begin or end with white space or NUL, which some responders trim. Then
// the stream has been ended; otherwise it belongs to the LazyStream.
func (cl *Client) Lazy(ctx context.Context, stream io.ReadWriteCloser, protocol string) (*LazyStream, error) {
	mustExist(stream)
	l := &LazyStream{
		protocol:   protocol,
		stream:     stream,
		firstSize:  len(wire.HeaderFrame) + wire.MessageSize(len(protocol)),
		timeout:    min(cl.Limits.timeout(), maxBudget),
		maxBytes:   int32(max(-1, min(cl.Limits.MaxBytes, math.MaxInt32))),
		maxMessage: int16(cl.Limits.message()),
		unguarded:  cl.Unguarded,
	}
	if l.timeoutLeft = l.timeout; l.timeoutLeft == 0 {
		l.timeoutLeft = noTimeout
	}
	running := l
	defer func() {
		if running != nil {
			running.communicator().abandon()
		}
	}()
	l.hasDeadlines = asDeadliner(stream) != nil
	if !isShort(&cl.Limits) || traceOf(ctx) != nil || !isShortName(protocol) || !hasGraphicEnds(protocol) || cl.Unbuffered || isUnbuffered(stream) {
		running = nil
		return cl.initLazy(ctx, l)
	}
	running = nil
	return l, nil
}

// initLazy begins without a budget, which does not run before somebody waits, and
// checks the name.
func (cl *Client) initLazy(ctx context.Context, l *LazyStream) (*LazyStream, error) {
	c := l.communicator()
	running := c
	defer abandon(&running)
	values := context.Background() // the end of ctx does not count
	if trace := traceOf(ctx); trace != nil {
		values = WithTrace(values, trace)
	}
	limits := cl.Limits
	limits.Timeout = -1
	err := c.begin(values, Initiator, &limits, cl.Unbuffered)
	if err == nil {
		c.tally = tally{}
		err = cl.checkLazyProposal(c, l.protocol)
	}
	if err != nil {
		err = c.end(context.Background(), "", nil, false, err)
		running = nil
		return nil, err
	}
	running = nil
	l.unbuffered = c.ext != nil && c.ext.unbuffered
	c.headerSent = !l.unbuffered
	return l, nil
}

// communicator returns what serves all that is not usual: a budget, a trace, an answer
// that comes in pieces, the end of the stream.
func (l *LazyStream) communicator() *Communicator {
	if l.c == nil {
		l.c = acquire(l.stream)
		l.c.pooled = false // it is given back by decide
		l.c.role = Initiator
		l.c.limit = l.maxMessage
		l.c.headerSent = true // as far as the pump is concerned
		l.c.tally = tally{proposals: 1, sent: int32(l.firstSize - len(wire.HeaderFrame))}
	}
	return l.c
}

// checkLazyProposal finds what cannot be proposed lazily, and counts the proposal.
func (cl *Client) checkLazyProposal(c *Communicator, protocol string) error {
	if len(strings.TrimFunc(protocol, isBlank)) < len(protocol) {
		return fmt.Errorf("%w: white space or NUL at an end of a lazy %.80q", ErrInvalidName, protocol)
	}
	if err := cl.check([]string{protocol}); err != nil {
		return err
	}
	c.tally.proposals++
	return c.tally.send(wire.MessageSize(len(protocol)), &cl.Limits)
}

// hasGraphicEnds reports whether a name obviously has nothing to trim.
func hasGraphicEnds(name string) bool {
	return name != "" && isGraphic(name[0]) && isGraphic(name[len(name)-1])
}

func isGraphic(b byte) bool { return b > ' ' && b < 0x7f }

// isBlank reports whether a responder may trim r off a name.
func isBlank(r rune) bool { return r == 0 || unicode.IsSpace(r) }

// Protocol returns the protocol that was proposed.
func (l *LazyStream) Protocol() string { return l.protocol }

// State returns what is known of the outcome. It does not wait.
func (l *LazyStream) State() LazyState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Wait waits until the outcome is known, also after Close, and returns nil if
// the peer agreed, and otherwise the [*Error] that all calls return. If ctx ends
// first it returns why; the negotiation goes on.
func (l *LazyStream) Wait(ctx context.Context) error {
	defer context.AfterFunc(ctx, l.lockAndNotify)()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.awaitOutcome(ctx, new(half))
}

// Unwrap waits like Wait and returns the stream itself, which can be used instead
// of the LazyStream from there on. It fails with [net.ErrClosed] after Close.
func (l *LazyStream) Detach(ctx context.Context) (io.ReadWriteCloser, error) {
	defer context.AfterFunc(ctx, l.lockAndNotify)()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.awaitDirect(ctx, &half{closed: l.closed}); err != nil {
		return nil, err
	}
	return l.stream, nil
}

// Underlying returns the stream at once, for what can be asked of it: the state
// of a TLS connection, say. To read, write or close it would break the
// negotiation.
func (l *LazyStream) Stream() io.ReadWriteCloser { return l.stream }

// SyscallConn waits for the outcome. It fails with [errors.ErrUnsupported] if the
// stream is no [syscall.Conn].
func (l *LazyStream) SyscallConn() (syscall.RawConn, error) {
	conn, ok := l.stream.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	if _, err := l.Detach(context.Background()); err != nil {
		return nil, err
	}
	return conn.SyscallConn()
}

// LocalAddr returns that of the stream, nil if it has none.
func (l *LazyStream) LocalAddr() net.Addr {
	if s, ok := l.stream.(interface{ LocalAddr() net.Addr }); ok {
		return s.LocalAddr()
	}
	return nil
}

// RemoteAddr returns that of the stream, nil if it has none.
func (l *LazyStream) RemoteAddr() net.Addr {
	if s, ok := l.stream.(interface{ RemoteAddr() net.Addr }); ok {
		return s.RemoteAddr()
	}
	return nil
}
