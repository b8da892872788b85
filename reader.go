package multiselect

import (
	"errors"
	"io"
	"sync"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// reader buffers the bytes of the peer. It knows no stream: its owner reads to the buffer that its
// method buffer returns, which ends where the negotiation may end (R12), and records the result.
// The buffer grows with the bytes that have arrived, not with announced lengths (R26).
type reader struct {
	inline [inlineSize]byte
	buf    []byte // buf[r:w] has arrived and is not consumed; nil, inline, or larger
	r, w   int32
	total  int32 // bytes received so far
	empty  int16 // reads in a row that returned neither bytes nor an error
}

const (
	// inlineSize is enough for the header and a name of 42 bytes. Each half-open
	// negotiation holds a buffer of this size.
	inlineSize = 64
	// largeSize is enough for the header and the longest message of the default limit.
	largeSize = len(wire.HeaderFrame) + 2 + 1024
	// maxEmptyReads is the limit of [bufio.Reader].
	maxEmptyReads = 100
)

var largeBuffers = sync.Pool{New: func() any { return new([largeSize]byte) }}

// pending returns the bytes that have arrived and are not consumed.
func (f *reader) pending() []byte { return f.buf[f.r:f.w] }

// isIdle reports whether inline holds no pending bytes.
func (f *reader) isIdle() bool { return f.r == f.w || len(f.buf) > inlineSize }

// takeHeader consumes the header. It reports false while the header is incomplete, and
// fails at the first byte that differs (R3).
func (f *reader) takeHeader() (bool, error) {
	switch arrived := f.pending(); {
	case !rules.CanBeHeader(arrived):
		return false, ErrNotMultistream
	case len(arrived) < len(wire.HeaderFrame):
		return false, nil
	}
	f.r += int32(len(wire.HeaderFrame))
	return true, nil
}

// takeMessage consumes a message. The text is valid until the next message is
// queued or read. n is the size of the message, 0 while it is incomplete.
func (f *reader) takeMessage(limit int) (text []byte, n int, err error) {
	text, n, err = wire.ConsumeMessage(f.pending(), limit)
	f.r += int32(n)
	return text, n, err
}

// buffer returns a buffer for the next Read, of at least one byte and at most n. It makes
// room for the first trusted bytes. The rest of n is the peer's announcement, and gets room
// when there are bytes to fill it (R26).
func (f *reader) buffer(n, trusted int) []byte {
	if f.r == f.w {
		f.r, f.w = 0, 0
	}
	if need := min(max(trusted, 1), n); int(f.w)+need > len(f.buf) {
		f.grow(need)
	}
	return f.buf[f.w:min(int(f.w)+n, len(f.buf))]
}

func (f *reader) grow(n int) {
	if f.buf == nil {
		f.buf = f.inline[:]
	}
	pending := f.pending()
	f.w -= f.r
	f.r = 0
	need := int(f.w) + n
	if need <= len(f.buf) {
		copy(f.buf, pending)
		return
	}
	var grown []byte
	if need <= largeSize {
		grown = largeBuffers.Get().(*[largeSize]byte)[:]
	} else {
		grown = make([]byte, max(need, 2*len(pending)))
	}
	copy(grown, pending)
	f.release()
	f.buf = grown
}

// record records the result of a Read to a buffer of the given size. An error that comes
// with bytes is dropped: the next Read returns it again. A stream that returns neither
// bytes nor an error maxEmptyReads times in a row has failed.
func (f *reader) record(n, size int, err error) error {
	if n <= 0 || n > size {
		return f.recordEmpty(n, err)
	}
	f.w += int32(n)
	f.total += int32(n)
	f.empty = 0
	return nil
}

func (f *reader) recordEmpty(n int, err error) error {
	switch {
	case n != 0:
		return errReadCount
	case err != nil:
		return readError(err, f.total)
	}
	if f.empty++; f.empty < maxEmptyReads {
		return nil
	}
	return readError(io.ErrNoProgress, f.total)
}

var errReadCount = &CommunicatorError{"read", errors.New("the stream's Read returned an impossible count")}

// recordInline records that the first w bytes of inline have arrived.
func (f *reader) recordInline(w int) {
	f.buf = f.inline[:]
	f.total += int32(w) - f.w
	f.w = int32(w)
}

// clear makes the reader ready for another conversation.
func (f *reader) clear() {
	f.release()
	f.r, f.w, f.total, f.empty = 0, 0, 0, 0
}

// reset drops the bytes that have arrived.
func (f *reader) reset() {
	f.release()
	f.r, f.w = 0, 0
}

// release returns a large buffer to its pool.
func (f *reader) release() {
	if len(f.buf) == largeSize {
		largeBuffers.Put((*[largeSize]byte)(f.buf))
	}
	f.buf = nil
}
