package multistream

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// LazyConn is a stream whose protocol is negotiated on the way: header and
// proposal travel with the first bytes that are written, and the answer is taken
// off in front of the first that are read. Any number of goroutines may use it.
//
// A Write takes along what no responder can take for a proposal, in one write of
// the stream, and waits for the answer with anything else. Its count is exact. On a
// stream that has no LocalAddr, such as those of go-libp2p, it leaves a goroutine to
// read the answer.
//
// If the peer refuses, or does not answer while something waits for it for 10 s, all
// in all, the stream is reset, or closed if it cannot be. From then on every call
// returns the same error, and Close nil.
//
// Deadlines are those of the stream below. One that passes while the answer is
// awaited is returned to whoever waits, who may wait again.
//
// Close does not wait for the peer. A goroutine takes the answer, so that what was
// written is not lost, and is over after 10 s: see [multiselect.LazyStream.Close].
type LazyConn interface {
	io.ReadWriteCloser
	// Flush sends header and proposal if nothing has sent them. It does not wait
	// for the answer.
	Flush() error
}

// NewMSSelect returns a stream that proposes the protocol. Nothing is sent yet. If
// the name cannot be proposed (R9) or is blank at an end, c is ended, and every
// call says why.
func NewMSSelect[T StringLike](c io.ReadWriteCloser, proto T) LazyConn {
	return newLazy(c, c, proto)
}

// NewMultistream is [NewMSSelect] for a stream on which the header was exchanged
// before: the proposal leaves without it, and the answer is expected without it. When
// that fails, the stream is left to the caller, and to Close.
func NewMultistream[T StringLike](c io.ReadWriteCloser, proto T) LazyConn {
	return newLazy(&headless{hold(c), len(wire.HeaderFrame), wire.HeaderFrame}, c, proto)
}

type lazyConn[T StringLike] struct {
	stream *multiselect.LazyStream
	below  io.ReadWriteCloser
	proto  T
	err    error // why there is no stream
	isConn bool  // it has an address
	isOurs bool  // to end: what is handed to the core does not
	reader sync.Once
}

func newLazy[T StringLike](c, below io.ReadWriteCloser, proto T) LazyConn {
	l := &lazyConn[T]{below: below, proto: proto}
	_, l.isConn = below.(interface{ LocalAddr() net.Addr })
	_, l.isOurs = c.(*headless)
	if !l.isOurs && !buffers(below) { // there the peer says nothing first
		c = &rendezvous{c, l.hear}
	}
	l.stream, l.err = new(multiselect.Client).Lazy(context.Background(), c, string(proto))
	return l
}

// hear has the answer read. A connection takes what is written whether or not its
// peer's words are read. Of a stream nobody knows: those of go-libp2p's mocknet take
// two Writes and no third.
func (l *lazyConn[T]) hear() {
	if !l.isConn {
		l.reader.Do(func() { go l.stream.Wait(context.Background()) })
	}
}

func (l *lazyConn[T]) Read(p []byte) (n int, err error) {
	switch {
	case l.err != nil:
		return 0, l.err
	case len(p) == 0:
		err = l.stream.Wait(context.Background())
	default:
		n, err = l.stream.Read(p)
	}
	return n, l.failure(err)
}

func (l *lazyConn[T]) Write(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.stream.Write(p)
	l.hear()
	return n, l.failure(err)
}

func (l *lazyConn[T]) Flush() error {
	if l.err != nil {
		return l.err
	}
	err := l.stream.Flush()
	l.hear()
	return l.failure(err)
}

// Close reports what the stream's own Close does, and if too many streams linger.
// What became of the negotiation has been told, or is wanted by nobody.
func (l *lazyConn[T]) Close() error {
	if l.err != nil {
		l.below.Close()
		return nil
	}
	err := l.stream.Close()
	if l.isOurs && err == nil && l.stream.State() != multiselect.LazyAgreed {
		go func() {
			if l.stream.Wait(context.Background()) != nil {
				end(l.below)
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

func (l *lazyConn[T]) failure(err error) error {
	if err == nil {
		return nil
	}
	return refusal(err, []T{l.proto})
}

// rendezvous is a stream that may take no Write before the peer's own is read: two
// [io.Pipe], say. There the answer is read from the first Write on.
type rendezvous struct {
	io.ReadWriteCloser
	hear func()
}

func (r *rendezvous) Write(p []byte) (int, error) {
	r.hear()
	return r.ReadWriteCloser.Write(p)
}

// headless keeps the header from the wire, and says the peer's itself.
type headless struct {
	*held
	unsaid  int    // bytes of this side's header
	unheard string // what is left of the peer's
}

func (h *headless) Write(p []byte) (int, error) {
	kept := min(h.unsaid, len(p))
	h.unsaid -= kept
	if kept == len(p) {
		return kept, nil
	}
	n, err := h.held.Write(p[kept:])
	return kept + n, err
}

func (h *headless) Read(p []byte) (int, error) {
	if h.unheard == "" {
		return h.held.Read(p)
	}
	n := copy(p, h.unheard)
	h.unheard = h.unheard[n:]
	return n, nil
}

// LocalAddr is how the core recognises a [net.Pipe].
func (h *headless) LocalAddr() net.Addr {
	if buffers(h.ReadWriteCloser) {
		return h.held.LocalAddr()
	}
	return nil
}
