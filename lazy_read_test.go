package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
)

// said is a stream on which the peer has said all that it will say, in pieces: a
// Read brings one of them at most.
type said struct {
	pieces []string
	reads  int
	ended  bool
}

func (s *said) Read(p []byte) (int, error) {
	s.reads++
	switch {
	case s.ended:
		return 0, io.ErrClosedPipe
	case len(s.pieces) == 0:
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; s.pieces[0] == "" {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *said) Write(p []byte) (int, error)      { return len(p), nil }
func (s *said) Close() error                     { s.ended = true; return nil }
func (s *said) SetReadDeadline(time.Time) error  { return nil }
func (s *said) SetWriteDeadline(time.Time) error { return nil }

// Wherever what the peer says is cut, and however much a Read asks for, every
// byte behind the agreement arrives once and in order. Where it comes in one piece
// and is asked for in one Read, the stream is read once.
func TestLazyReadBehindAnswer(t *testing.T) {
	const agreement = "\x13/multistream/1.0.0\n\x0b/foo/1.0.0\n"
	for _, size := range []int{1, 2, 31, 32, 33, 63, 64, 65, 96, 97, 500} {
		for _, length := range []int{1, 5, 32, 33, 100} {
			reply := strings.Repeat("0123456789abcdef", 7)[:length]
			whole := agreement + reply
			for cut := 1; cut <= len(whole); cut++ {
				stream := &said{pieces: []string{whole[:cut], whole[cut:]}}
				if cut == len(whole) {
					stream.pieces = stream.pieces[:1]
				}
				l, err := new(multiselect.Client).Lazy(context.Background(), stream, "/foo/1.0.0")
				if err == nil {
					err = l.Flush()
				}
				if err != nil {
					t.Fatal(err)
				}
				got, buf := "", make([]byte, size)
				for err == nil {
					var n int
					n, err = l.Read(buf)
					got += string(buf[:n])
					together := length <= 64-len(agreement) && size >= length || size >= len(whole)
					if got == reply && err == nil && cut == len(whole) && together && stream.reads != 1 {
						t.Errorf("read %d, reply %d: %d reads of the stream", size, length, stream.reads)
					}
				}
				if err != io.EOF || got != reply {
					t.Fatalf("read %d, reply %d, cut %d: %q, %v", size, length, cut, got, err)
				}
			}
		}
	}
}

// What is behind a refusal, or a breach, changes nothing, however much of it is
// read along.
func TestLazyReadBehindRefusal(t *testing.T) {
	const header = "\x13/multistream/1.0.0\n"
	for _, tc := range []struct {
		answer string
		want   error
	}{
		{header + "\x03na\n", multiselect.ErrNotSupported},
		{header + header, multiselect.ErrUnexpectedAnswer},
		{header + "\x65" + strings.Repeat("n", 100) + "\n", multiselect.ErrUnexpectedAnswer},
		{"HTTP/1.1 400 Bad Request\r\n", multiselect.ErrNotMultistream},
		{header + "\x0b/foo/1.0.1\n", multiselect.ErrUnexpectedAnswer},
	} {
		for _, behind := range []string{"", "x", strings.Repeat("/foo/1.0.0\n", 40)} {
			for _, size := range []int{1, 40, 64, 200, 4096} {
				name := fmt.Sprintf("%.30q, %d behind it, read %d", tc.answer, len(behind), size)
				stream := &said{pieces: []string{tc.answer + behind}}
				l, err := new(multiselect.Client).Lazy(context.Background(), stream, "/foo/1.0.0")
				if err == nil {
					err = l.Flush()
				}
				if err != nil {
					t.Fatal(err)
				}
				if n, err := l.Read(make([]byte, size)); n != 0 || !errors.Is(err, tc.want) {
					t.Errorf("%s: Read = %d, %v", name, n, err)
				}
				if !stream.ended {
					t.Errorf("%s: the stream is open", name)
				}
			}
		}
	}
}
