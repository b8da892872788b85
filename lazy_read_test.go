package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
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
				n, err := l.Read(make([]byte, size))
				if n != 0 || !errors.Is(err, tc.want) {
					t.Errorf("%s: Read = %d, %v", name, n, err)
				}
				var failure *multiselect.Error
				if errors.As(err, &failure) && failure.BytesReceived > max(len(tc.answer), len(header)+12) {
					t.Errorf("%s: %d bytes are kept", name, failure.BytesReceived)
				}
				if !stream.ended {
					t.Errorf("%s: the stream is open", name)
				}
			}
		}
	}
}

// fails is a stream that ends the negotiation while it is read.
type fails struct {
	said
	l *multiselect.LazyStream
}

func (f *fails) Read(p []byte) (int, error) {
	n, err := f.said.Read(p)
	f.l.Reset()
	return n, err
}

// What came behind the agreement is nobody's if the negotiation fails all the same.
func TestLazyReadOfFailure(t *testing.T) {
	stream := &fails{said: said{pieces: []string{"\x13/multistream/1.0.0\n\x0b/foo/1.0.0\nhello"}}}
	l, err := new(multiselect.Client).Lazy(context.Background(), stream, "/foo/1.0.0")
	if err == nil {
		err = l.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	stream.l = l
	if n, err := l.Read(make([]byte, 100)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read = %d, %v", n, err)
	}
}

// A Write that waits for the peer keeps nobody from hearing what the peer says.
func TestLazyListensBesideWrite(t *testing.T) {
	for _, early := range []string{"y", strings.Repeat("y", 100)} {
		for _, tc := range []struct {
			says []string // before it reads, and then
			want error
		}{
			{[]string{"\x13/multistream/1.0.0\n", "\x0b/foo/1.0.0\n", "hello"}, nil},
			{[]string{"SSH-2.0-OpenSSH\r\n"}, multiselect.ErrNotMultistream},
		} {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := openIOPipes(t)
				begun := time.Now()
				l, err := new(multiselect.Client).Lazy(t.Context(), ours, "/foo/1.0.0")
				if err != nil {
					t.Fatal(err)
				}
				go l.Write([]byte(early))
				go func() {
					io.WriteString(theirs, tc.says[0])
					go io.Copy(io.Discard, theirs)
					for _, said := range tc.says[1:] {
						io.WriteString(theirs, said)
					}
				}()
				synctest.Wait()
				buf := make([]byte, 100)
				n, err := l.Read(buf)
				if !errors.Is(err, tc.want) || err == nil && string(buf[:n]) != "hello" {
					t.Errorf("%d early: Read = %q, %v", len(early), buf[:n], err)
				}
				if waited := time.Since(begun); waited > 0 {
					t.Errorf("%d early: it took %v", len(early), waited)
				}
				l.Reset()
				theirs.Close()
			})
		}
	}
}
