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
	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/internal/watchdog"
	"github.com/multiselect/multiselect/wire"
)

// LazyStream is a stream that negotiates its protocol while it is used: the header and the proposal
// are sent with the first bytes written, and the answer is read before the first bytes read.
// [Client.Lazy] returns one.
//
// A LazyStream is a [net.Conn] with more methods. All of them may be called concurrently. At first
// the outcome of the negotiation is pending. The first call that writes, reads, flushes, waits or
// closes sends the header and the proposal. Until the outcome is known,
//
//   - Write sends its data early if the guard allows it (R29), and otherwise blocks
//     until the peer has agreed; see [Client.Unguarded];
//   - Read, ReadFrom, WriteTo, SyscallConn, [LazyStream.Wait] and [LazyStream.Detach]
//     block. [Limits].Timeout bounds the total time during which calls block for the
//     outcome (R24); when it expires, the stream is ended.
//
// After the agreement every call goes directly to the stream. If the peer refuses or breaks the
// protocol, the stream is ended as the package documentation describes, no further byte is sent,
// and every call returns one [*Error] (R30). After Close, reads, writes and changes of deadlines
// return [net.ErrClosed]; [LazyStream.Wait] still returns the outcome. The count that Write returns
// is always exact: the number of bytes of its argument that were written.
//
// Deadlines work as on any net.Conn, also for calls that wait for the answer. An expired deadline
// leaves the negotiation unchanged. If the stream lacks SetReadDeadline or SetWriteDeadline, the
// deadline methods return [os.ErrNoDeadline]. A read deadline set on the stream itself applies
// until one is set here.
type LazyStream struct {
	// Immutable after Client.Lazy has returned.
	protocol     string
	stream       io.ReadWriteCloser
	firstSize    int           // size of the header and the proposal in bytes
	timeout      time.Duration // Limits.timeout; 0 is no limit
	maxBytes     int32         // Limits.MaxBytes
	maxMessage   int16         // Limits.MaxMessage
	unguarded    bool          // Client.Unguarded
	hasDeadlines bool          // the stream has deadlines

	in, out half

	// mu guards all fields below and those of in and out, except as noted. It is
	// never held during a Read, Write or Close of the stream.
	mu      sync.Mutex
	cond    *sync.Cond // signals changes; nil until a goroutine waits
	err     error      // returned by all calls in state LazyFailed
	state   LazyState
	closed  bool // Close or Reset was called
	lingers lingerProgress
	// The peer has agreed, and no call has waited for that; see Close.
	unobserved bool

	// The first flight. While writing is set, only the call that set it changes guard and
	// firstSent, and it writes to the stream without mu.
	unbuffered  bool // Write returns after the peer has read; immutable
	sendStarted bool // a write of the header was attempted, so an answer may arrive
	writing     bool // a call is writing before the agreement
	blocked     bool // that call is one of the waiters, see earlyWrite
	guard       guard.State
	firstSent   int // bytes of the header and the proposal sent

	// The answer. The goroutine that moves reader on from readerNone reads the stream and
	// uses c without mu, with two exceptions: mu guards its timer until reader is
	// readerDone, and any goroutine may end the stream through it. Without mu, inline
	// belongs to a first Write while writing is set, and later to a Read that is the reader.
	inline          [inlineSize]byte
	c               *Communicator // nil until needed, see communicator
	reader          answerReader
	interrupted     bool   // the reader in a caller's goroutine must return
	foreignTimeouts uint16 // number of expired deadlines set on the stream by its owner

	// The timeout of the negotiation, which runs while calls wait.
	waiters     int32         // calls that wait for the outcome
	firstWait   time.Duration // time of the first of them, since epoch
	timeoutLeft time.Duration // unused part of timeout, or noTimeout
	endCause    error         // first reason for which this side ends the stream
}

// LazyState is the state of the negotiation on a [LazyStream].
type LazyState uint8

const (
	LazyPending LazyState = iota // the outcome is not known
	LazyAgreed                   // the peer has agreed; the stream is the protocol's
	LazyFailed                   // every call returns the reason
)

// String returns "pending", "agreed" or "failed".
func (s LazyState) String() string {
	return [...]string{"pending", "agreed", "failed"}[min(s, LazyFailed)]
}

// MarshalText returns the text of String, for JSON and logs.
func (s LazyState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// half is the state of one direction of a LazyStream. Calls that belong to no
// direction, such as Wait, use a half of their own.
type half struct {
	direct   atomic.Bool // calls go directly to the stream; readable without mu
	closed   bool
	deadline time.Time
}

// Lazy returns a stream that negotiates protocol while it is used. Lazy itself does
// no I/O and returns immediately. It proposes only this protocol, and a refusal ends the
// stream (R30): propose one that the peer is known to support.
//
// Lazy uses the values of ctx, such as a [Trace]. The end of ctx has no effect on the
// stream. Lazy fails with [ErrInvalidName] if the name cannot be proposed (R9), or begins
// or ends with white space or NUL, which some responders trim; and with [ErrLimit] if the
// proposal exceeds [Limits].MaxBytes. It ends the stream if it fails, and otherwise the
// LazyStream owns the stream. Lazy panics if stream is nil.
func (cl *Client) Lazy(ctx context.Context, stream io.ReadWriteCloser, protocol string) (*LazyStream, error) {
	mustExist(stream)
	l := &LazyStream{
		protocol:   protocol,
		stream:     stream,
		firstSize:  len(wire.HeaderFrame) + wire.MessageSize(len(protocol)),
		timeout:    min(cl.Limits.timeout(), watchdog.MaxTimeout),
		maxBytes:   int32(max(-1, min(cl.Limits.MaxBytes, math.MaxInt32))),
		maxMessage: int16(cl.Limits.maxMessage()),
		unguarded:  cl.Unguarded,
	}
	if l.timeoutLeft = l.timeout; l.timeoutLeft == 0 {
		l.timeoutLeft = noTimeout
	}
	running := l
	defer func() {
		if running != nil {
			running.communicator().resetAfterPanic(stream)
		}
	}()
	l.hasDeadlines = asDeadliner(stream) != nil
	if !isFast(&cl.Limits) || traceOf(ctx) != nil || !isFastName(protocol) || !hasGraphicEnds(protocol) || cl.Unbuffered || isUnbuffered(stream) || !isPlain(stream) {
		if err := cl.initLazy(ctx, l); err != nil {
			running = nil
			return nil, err
		}
	}
	running = nil
	return l, nil
}

// initLazy completes a LazyStream with a trace, limits, an unusual name, or an unbuffered
// stream. It starts no timer: that runs only while calls wait.
func (cl *Client) initLazy(ctx context.Context, l *LazyStream) error {
	c := l.communicator()
	values := context.Background() // never ends
	if trace := traceOf(ctx); trace != nil {
		values = WithTrace(values, trace)
	}
	limits := cl.Limits
	limits.Timeout = NoLimit
	err := c.begin(values, Initiator, &limits, cl.Unbuffered)
	c.state = rules.State{}
	if err == nil && len(strings.TrimFunc(l.protocol, isBlank)) < len(l.protocol) {
		err = fmt.Errorf("%w: white space or NUL at an end of a lazy %.80q", ErrInvalidName, l.protocol)
	}
	if err == nil {
		err = cl.check([]string{l.protocol})
	}
	if err == nil {
		err = cl.Limits.fault(c.state.Propose(wire.MessageSize(len(l.protocol)), 0, cl.Limits.maxProposals(), cl.Limits.maxBytes()))
	}
	if err != nil {
		return c.end(values, "", nil, false, err)
	}
	l.unbuffered = c.isUnbuffered()
	c.state.HeaderSent = !l.unbuffered
	return nil
}

// communicator returns l.c, and takes one from the pool on first use: for the timeout, a
// trace, an answer in pieces, or the end of the stream.
func (l *LazyStream) communicator() *Communicator {
	if l.c == nil {
		l.c = communicators.Get().(*Communicator)
		l.c.stream = l.stream
		l.c.pooled = false // conclude returns it to the pool
		l.c.role = Initiator
		l.c.maxMessage = l.maxMessage
		l.c.state = rules.Proposed(l.firstSize - len(wire.HeaderFrame))
	}
	return l.c
}

// hasGraphicEnds reports whether both ends of a name are visible ASCII, so that no
// responder can trim it.
func hasGraphicEnds(name string) bool {
	return name != "" && isGraphic(name[0]) && isGraphic(name[len(name)-1])
}

func isGraphic(b byte) bool { return b > ' ' && b < 0x7f }

// isBlank reports whether a responder may trim r from a name.
func isBlank(r rune) bool { return r == 0 || unicode.IsSpace(r) }

// Protocol returns the protocol that was passed to [Client.Lazy].
func (l *LazyStream) Protocol() string { return l.protocol }

// State returns the state of the negotiation. It does not block.
func (l *LazyStream) State() LazyState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Wait blocks until the outcome is known. It returns nil if the peer has agreed, and
// otherwise the [*Error] that all calls return. Wait also works after Close: it then
// waits for the linger to half-close the stream and to read the answer.
//
// If ctx ends first, Wait returns an error that wraps ctx.Err and the cause of ctx, and
// the negotiation continues.
func (l *LazyStream) Wait(ctx context.Context) error {
	defer context.AfterFunc(ctx, l.lockAndNotify)()
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.awaitOutcome(ctx, new(half))
	for err == nil && l.lingers == lingerWrites && ctx.Err() == nil {
		l.waitChange()
	}
	return err
}

// Detach blocks until the peer has agreed and all early data is written. Then it returns
// the stream, which the caller may use in place of the LazyStream; the two share it.
// Detach fails like [LazyStream.Wait], and with [net.ErrClosed] after Close.
func (l *LazyStream) Detach(ctx context.Context) (io.ReadWriteCloser, error) {
	defer context.AfterFunc(ctx, l.lockAndNotify)()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.awaitDirect(ctx, &half{closed: l.closed}); err != nil {
		return nil, err
	}
	return l.stream, nil
}

// Stream returns the stream immediately, for access to its properties, such as the state
// of a TLS connection. Until the peer has agreed, the caller must not read from it, write
// to it or close it; see [LazyStream.Detach].
func (l *LazyStream) Stream() io.ReadWriteCloser { return l.stream }

// SyscallConn blocks until the peer has agreed, and returns the [syscall.RawConn] of the
// stream. It fails with [errors.ErrUnsupported] if the stream is not a [syscall.Conn],
// and otherwise like [LazyStream.Detach].
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

// LocalAddr returns the local address of the stream, or nil if it has none.
func (l *LazyStream) LocalAddr() net.Addr {
	if s, ok := l.stream.(interface{ LocalAddr() net.Addr }); ok {
		return s.LocalAddr()
	}
	return nil
}

// RemoteAddr returns the remote address of the stream, or nil if it has none.
func (l *LazyStream) RemoteAddr() net.Addr {
	if s, ok := l.stream.(interface{ RemoteAddr() net.Addr }); ok {
		return s.RemoteAddr()
	}
	return nil
}
