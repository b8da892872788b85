package fault_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// emptyReader is a stream whose Read returns neither bytes nor an error after the first bytes.
type emptyReader struct {
	in    string
	reads int
}

func (s *emptyReader) Read(p []byte) (int, error) {
	s.reads++
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *emptyReader) Write(p []byte) (int, error)     { return len(p), nil }
func (s *emptyReader) Close() error                    { return nil }
func (s *emptyReader) CloseWrite() error               { return nil }
func (s *emptyReader) SetReadDeadline(time.Time) error { return nil }

// A stream that returns neither bytes nor errors is not read without end, also not after a refusal
// that ends the negotiation.
func TestEmptyReadsAreBounded(t *testing.T) {
	for _, oneShot := range []bool{false, true} {
		m := multiselect.Muxer{OneShot: oneShot, Limits: multiselect.Limits{Timeout: multiselect.NoLimit}}
		s := &emptyReader{in: messages(wire.Header, "/x")}
		err := m.ServeStream(background, s)
		if want := map[bool]error{false: io.ErrNoProgress, true: multiselect.ErrGaveUp}[oneShot]; !errors.Is(err, want) {
			t.Errorf("OneShot %v: %v, want %v", oneShot, err, want)
		}
		if s.reads > 110 {
			t.Errorf("OneShot %v: %d reads", oneShot, s.reads)
		}
	}
}
