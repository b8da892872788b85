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
// the stream, and waits for the answer with anything else. Its count is exact. A
// Read waits for the answer, for 10 s all in all. If the peer refuses, the stream
// is reset, or closed if it cannot be, and every call returns an [ErrNotSupported];
// but Close returns nil.
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
	return newLazy(c, proto, buffers(c))
}

// NewMultistream is [NewMSSelect] for a stream on which the header was exchanged
// before: the proposal leaves without it, and the answer is expected without it.
func NewMultistream[T StringLike](c io.ReadWriteCloser, proto T) LazyConn {
	return newLazy(&headless{c, len(wire.HeaderFrame), wire.HeaderFrame}, proto, buffers(c))
}

type lazyConn[T StringLike] struct {
	stream   *multiselect.LazyStream
	proto    T
	err      error // why there is no stream
	buffered bool
	read     sync.Once // something reads the answer
}

func newLazy[T StringLike](c io.ReadWriteCloser, proto T, buffered bool) LazyConn {
	l := &lazyConn[T]{proto: proto, buffered: buffered}
	l.stream, l.err = new(multiselect.Client).Lazy(context.Background(), c, string(proto))
	return l
}

func (l *lazyConn[T]) Read(p []byte) (n int, err error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		err = l.stream.Wait(context.Background())
	} else {
		n, err = l.stream.Read(p)
	}
	return n, l.failure(err)
}

func (l *lazyConn[T]) Write(p []byte) (int, error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	n, err := l.stream.Write(p)
	return n, l.failure(err)
}

func (l *lazyConn[T]) Flush() error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.failure(l.stream.Flush())
}

// begin is called before anything is said. Where a Write may wait until the peer
// has read, and the peer's own first Write for this side, the answer has to be read
// meanwhile.
func (l *lazyConn[T]) begin() error {
	if l.err == nil && !l.buffered {
		l.read.Do(func() { go l.stream.Wait(context.Background()) })
	}
	return l.err
}

// Close reports what the stream's own Close does, and if too many streams linger.
// What became of the negotiation has been told, or is wanted by nobody.
func (l *lazyConn[T]) Close() error {
	if l.begin() != nil {
		return nil
	}
	err := l.stream.Close()
	if _, failed := errors.AsType[*multiselect.Error](err); failed || err == net.ErrClosed {
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

// headless keeps the header from the wire, and says the peer's itself.
type headless struct {
	io.ReadWriteCloser
	unsaid  int    // bytes of this side's header
	unheard string // what is left of the peer's
}

func (h *headless) Write(p []byte) (int, error) {
	kept := min(h.unsaid, len(p))
	h.unsaid -= kept
	if kept == len(p) {
		return kept, nil
	}
	n, err := h.ReadWriteCloser.Write(p[kept:])
	return kept + n, err
}

func (h *headless) Read(p []byte) (int, error) {
	if h.unheard == "" {
		return h.ReadWriteCloser.Read(p)
	}
	n := copy(p, h.unheard)
	h.unheard = h.unheard[n:]
	return n, nil
}

// Reset is how the core ends a stream.
func (h *headless) Reset() error {
	free(h.ReadWriteCloser)
	return h.ReadWriteCloser.Close()
}

// LocalAddr is how the core recognises a [net.Pipe].
func (h *headless) LocalAddr() net.Addr {
	if s, ok := h.ReadWriteCloser.(interface{ LocalAddr() net.Addr }); ok {
		return s.LocalAddr()
	}
	return nil
}
