package dropin

import (
	"errors"
	"io"
	"sync"

	"github.com/multiselect/multiselect/wire"
)

// tape is a stream whose peer is a script: chunks of bytes, each of which arrives
// when so many messages have been written. A Read never crosses two chunks, so
// that both implementations see the same bytes in the same pieces.
type tape struct {
	mu      sync.Mutex
	change  sync.Cond
	script  []chunk
	over    error // behind the last chunk
	writes  int   // how many Writes work, -1 for all
	written []byte
	heard   int // messages in written
	framed  int // bytes of them
	calls   struct{ reads, writes int }
}

type chunk struct {
	bytes string
	after int
}

var (
	errReset    = errors.New("the peer has reset the stream")
	errUnwanted = errors.New("the peer has stopped reading")
)

func newTape(script []chunk, over error, writes int) *tape {
	t := &tape{script: script, over: over, writes: writes}
	t.change.L = &t.mu
	return t
}

// Read waits for the first flight only: go-multistream writes that beside its
// Read. Who reads on without having said more has come to the end.
func (t *tape) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls.reads++
	if len(t.script) == 0 {
		return 0, t.over
	}
	next := &t.script[0]
	for t.heard < next.after && next.after <= 2 && t.writes != 0 {
		t.change.Wait()
	}
	if t.heard < next.after {
		return 0, t.over
	}
	n := copy(p, next.bytes)
	if next.bytes = next.bytes[n:]; next.bytes == "" {
		t.script = t.script[1:]
	}
	return n, nil
}

func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.change.Broadcast()
	t.calls.writes++
	if t.writes == 0 {
		return 0, errUnwanted
	}
	t.writes--
	t.written = append(t.written, p...)
	for {
		_, n, err := wire.ConsumeMessage(t.written[t.framed:], wire.MaxMessage)
		if n == 0 || err != nil {
			return len(p), nil
		}
		t.framed += n
		t.heard++
	}
}

func (t *tape) Close() error { return nil }

// Reset says that the tape is a stream of a multiplexer, which has buffers.
func (t *tape) Reset() error { return nil }

func (t *tape) unread() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.script {
		n += len(c.bytes)
	}
	return n
}

var _ io.ReadWriteCloser = (*tape)(nil)
