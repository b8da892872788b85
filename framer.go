package multiselect

import (
	"errors"
	"io"
	"sync"

	"github.com/multiselect/multiselect/wire"
)

// framer takes messages from a stream without ever reading a byte that could
// belong to what follows the negotiation: every read is capped at the end of
// the shortest thing that may come (R12). It grows with the bytes received,
// never because the peer announces many (R26).
type framer struct {
	small  [smallBuffer]byte
	stream io.ReadWriteCloser
	buf    []byte // received and not yet consumed: buf[r:w]
	r, w   int32
	got    int32 // bytes received, all in all
	queued int16 // bytes to be sent that wait in small, while it is empty
	idle   int16 // how many reads in a row have brought nothing
}

const (
	// smallBuffer takes the header and a name of 42 bytes. It is part of every
	// half-open negotiation.
	smallBuffer = 64
	// largeBuffer takes the header and the longest message of the default limit.
	largeBuffer = len(wire.HeaderFrame) + 2 + 1024
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// pending returns what has arrived and is not consumed.
func (f *framer) pending() []byte { return f.buf[f.r:f.w] }

// takeHeader consumes the header. It reports false while the header is
// incomplete, and fails at the first byte that does not belong to it.
func (f *framer) takeHeader() (bool, error) {
	switch arrived := f.pending(); {
	case !headerPossible(arrived):
		return false, ErrNotMultistream
	case len(arrived) < len(wire.HeaderFrame):
		return false, nil
	}
	f.r += int32(len(wire.HeaderFrame))
	return true, nil
}

// take consumes one message and returns its text, which is good until something
// is queued or read. n is what the message takes on the wire, 0 while it is incomplete.
func (f *framer) take(limit int) (text []byte, n int, err error) {
	text, n, err = wire.ConsumeMessage(f.pending(), limit)
	f.r += int32(n)
	return text, n, err
}

// missing returns how many bytes may be read for the message that has begun to
// arrive: what it announces, or the shortest that can be agreed on.
func (f *framer) missing(shortest, limit int) int {
	prefix, body, _ := wire.Length(f.pending(), limit)
	return max(shortest, prefix+body, len(f.pending())+1) - len(f.pending())
}

// room returns where to read to: at least one byte, at most n. Room for the first
// trusted bytes is made at once; the rest of n is the peer's announcement, and
// room for that is made only when the bytes are there to fill it (R26).
func (f *framer) room(n, trusted int) []byte {
	if f.r == f.w {
		f.r, f.w = 0, 0
	}
	if need := min(max(trusted, 1), n); int(f.w)+need > len(f.buf) {
		f.makeRoom(need)
	}
	return f.buf[f.w:min(int(f.w)+n, len(f.buf))]
}

// took takes note of what a Read into room has done. An error that comes with
// bytes comes again without. A stream that returns nothing and no error time
// and again is cut off like bufio.Reader cuts it off.
func (f *framer) took(n, room int, err error) error {
	if n <= 0 || n > room {
		return f.tookNothing(n, err)
	}
	f.w += int32(n)
	f.got += int32(n)
	f.idle = 0
	return nil
}

func (f *framer) tookNothing(n int, err error) error {
	switch {
	case n != 0:
		return errReadCount
	case err != nil:
		return readError(err, f.got)
	}
	if f.idle++; f.idle < 100 {
		return nil
	}
	return readError(io.ErrNoProgress, f.got)
}

var errReadCount = &CommunicatorError{"read", errors.New("the stream's Read returned an impossible count")}

func (f *framer) makeRoom(n int) {
	if f.buf == nil {
		f.buf = f.small[:]
	}
	if int(f.w)+n <= len(f.buf) {
		return
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
	if need <= largeBuffer {
		grown = largeBuffers.Get().(*[largeBuffer]byte)[:]
	} else {
		grown = make([]byte, max(need, 2*len(pending)))
	}
	copy(grown, pending)
	f.giveBack()
	f.buf = grown
}

// release forgets the stream.
func (f *framer) release() {
	f.giveBack()
	f.stream = nil
	f.r, f.w, f.got, f.queued, f.idle = 0, 0, 0, 0, 0
}

// giveBack gives back what buf lies in, if that was borrowed.
func (f *framer) giveBack() {
	if len(f.buf) == largeBuffer {
		largeBuffers.Put((*[largeBuffer]byte)(f.buf))
	}
	f.buf = nil
}
