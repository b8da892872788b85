package multistream

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/dropin"
	"github.com/multiselect/multiselect/wire"
)

// LazyConn is a stream whose protocol is negotiated without a round trip of its own: the
// header and the proposal are sent with the first bytes that are written, and the answer
// is removed before the first bytes that are read. It is safe for concurrent use.
//
// A Write sends data before the answer only if no responder can parse it as a proposal,
// in one write of the stream; other data waits for the answer (R29). The count that it
// returns is exact. On a stream without a LocalAddr, such as those of go-libp2p, a
// goroutine reads the answer from the second Write on, or from a first of more than 4 KiB.
//
// If the peer refuses, or calls have waited for the answer for 10 s in total, the stream
// is reset, or closed if it has no Reset. From then on every call returns the same error,
// except Close, which returns nil.
//
// Deadlines are those of the stream below. A deadline that expires while the answer is
// outstanding ends the blocked calls, which may be repeated.
//
// Close sends the unsent header and proposal, half-closes the stream, and waits for the answer
// of the peer, for at most 150 ms; the package config changes that. A goroutine waits on, so that
// written data is not lost, and ends after at most 10 s: see [multiselect.LazyStream.Close].
type LazyConn interface {
	io.ReadWriteCloser
	// Flush sends the header and the proposal unless they were sent before. It returns
	// without waiting for the answer.
	Flush() error
}

// NewMSSelect returns a stream that proposes the protocol. It sends nothing yet. If the
// name cannot be proposed (R9), or begins or ends with white space or NUL, c is ended and
// every call returns the error.
func NewMSSelect[T StringLike](c io.ReadWriteCloser, proto T) LazyConn {
	return newLazy(c, c, proto)
}

// NewMultistream is [NewMSSelect] for a stream on which both headers were exchanged
// before: it sends the proposal alone, and expects the answer alone. After a failure the
// stream remains the caller's, and Close closes it.
func NewMultistream[T StringLike](c io.ReadWriteCloser, proto T) LazyConn {
	return newLazy(&headerFilter{newCoreStream(c), len(wire.HeaderFrame), wire.HeaderFrame}, c, proto)
}

type lazyConn[T StringLike] struct {
	stream  *multiselect.LazyStream
	below   io.ReadWriteCloser
	proto   T
	err     error       // the reason for which stream is nil
	isConn  bool        // below has an address
	mustEnd bool        // Close ends below, because the core cannot
	wrote   atomic.Bool // Write was called
	read    atomic.Bool // Read has returned data
	reader  sync.Once
}

// maxQuiet is the size in bytes of a first Write that needs no reader of the answer: the core
// makes one write of the stream for it.
const maxQuiet = 4096

func newLazy[T StringLike](c, below io.ReadWriteCloser, proto T) LazyConn {
	l := &lazyConn[T]{below: below, proto: proto}
	_, l.isConn = below.(interface{ LocalAddr() net.Addr })
	_, l.mustEnd = c.(*headerFilter)
	if !l.mustEnd && !isBuffered(below) { // here the peer's header comes after the first Write
		c = &rendezvous{c, l.startReader}
	}
	config, ctx := begin()
	l.stream, l.err = (&multiselect.Client{Limits: config.Lazy}).Lazy(ctx, c, string(proto))
	return l
}

// startReader starts a goroutine that reads the answer if none has arrived, unless the stream
// is a connection. A connection accepts writes while the peer's bytes are unread. Other streams
// may not: those of go-libp2p's mocknet may block the second Write. So the reader is started
// before that, and streams with one request have none.
func (l *lazyConn[T]) startReader() {
	if !l.isConn {
		l.reader.Do(func() {
			if l.stream.State() == multiselect.LazyPending {
				go l.wait()
			}
		})
	}
}

// wait waits for the outcome. A panic of the stream has ended the stream and the negotiation:
// every call returns an error.
func (l *lazyConn[T]) wait() {
	defer func() { _ = recover() }()
	l.stream.Wait(context.Background())
}

// waitFor is wait with a time limit.
func (l *lazyConn[T]) waitFor(limit time.Duration) {
	defer func() { _ = recover() }()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	l.stream.Wait(ctx)
}

func (l *lazyConn[T]) Read(p []byte) (n int, err error) {
	switch {
	case l.err != nil:
		return 0, l.err
	case len(p) == 0:
		err = l.stream.Wait(context.Background())
	default:
		n, err = l.stream.Read(p)
		if err == nil && !l.read.Load() {
			l.read.Store(true)
		}
	}
	return n, l.translate(err)
}

func (l *lazyConn[T]) Write(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if len(p) > maxQuiet || l.wrote.Load() || l.wrote.Swap(true) {
		l.startReader()
	}
	n, err := l.stream.Write(p)
	return n, l.translate(err)
}

func (l *lazyConn[T]) Flush() error {
	if l.err != nil {
		return l.err
	}
	l.wrote.Store(true)
	return l.translate(l.stream.Flush())
}

// Close returns the error of the stream's own Close, or that too many streams linger. It
// omits the outcome of the negotiation: earlier calls have returned it, if any were made.
//
// The wait for the answer is for programs that end: go-libp2p closes the connections of a host
// before their streams, and a peer that has answered has received the data written before. Its
// end has been sent then, too.
func (l *lazyConn[T]) Close() error {
	if l.err != nil {
		l.below.Close()
		return nil
	}
	agreed := l.stream.State() == multiselect.LazyAgreed
	if agreed && !l.read.Load() && !l.isConn {
		l.wait() // now the outcome is observed, and Close needs no goroutine
	}
	err := l.stream.Close()
	if wait := dropin.Current().CloseWait; err == nil && wait > 0 && !agreed {
		l.waitFor(wait)
	}
	if l.mustEnd && err == nil && l.stream.State() != multiselect.LazyAgreed {
		go func() {
			defer func() { _ = recover() }() // as in wait
			if l.wait(); l.stream.State() == multiselect.LazyFailed {
				endStream(l.below)
			}
		}()
	}
	if _, failed := errors.AsType[*multiselect.Error](err); failed {
		l.below.Close()
		return nil
	}
	if err == net.ErrClosed {
		return nil
	}
	return err
}

func (l *lazyConn[T]) translate(err error) error {
	if err == nil {
		return nil
	}
	return initiatorError(err, []T{l.proto})
}

// rendezvous is a stream whose Write may block until the peer's own Write is read: two
// [io.Pipe], say. There the answer is read from the first Write on.
type rendezvous struct {
	io.ReadWriteCloser
	startReader func()
}

func (r *rendezvous) Write(p []byte) (int, error) {
	r.startReader()
	return r.ReadWriteCloser.Write(p)
}

// headerFilter removes this side's header from the bytes that are sent, and inserts the
// peer's into the bytes that are received.
type headerFilter struct {
	*coreStream
	toRemove int    // bytes of this side's header
	toInsert string // rest of the peer's header
}

func (h *headerFilter) Write(p []byte) (int, error) {
	removed := min(h.toRemove, len(p))
	h.toRemove -= removed
	if removed == len(p) {
		return removed, nil
	}
	n, err := h.coreStream.Write(p[removed:])
	return removed + n, err
}

func (h *headerFilter) Read(p []byte) (int, error) {
	if h.toInsert == "" {
		return h.coreStream.Read(p)
	}
	n := copy(p, h.toInsert)
	h.toInsert = h.toInsert[n:]
	return n, nil
}

// LocalAddr lets the core recognise a [net.Pipe].
func (h *headerFilter) LocalAddr() net.Addr {
	if isBuffered(h.ReadWriteCloser) {
		return h.coreStream.LocalAddr()
	}
	return nil
}
