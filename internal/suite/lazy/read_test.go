package lazy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// scriptWithDeadlines is a stream with deadlines, whose peer has sent all chunks in advance.
// Without deadlines a Read could not read the answer itself. They are never needed.
type scriptWithDeadlines struct{ *streamtest.Script }

func newScript(chunks ...string) scriptWithDeadlines {
	return scriptWithDeadlines{streamtest.NewScript(chunks...)}
}

func (scriptWithDeadlines) SetReadDeadline(time.Time) error  { return nil }
func (scriptWithDeadlines) SetWriteDeadline(time.Time) error { return nil }

// TestLazyReadAfterAnswer splits an agreement and data after it at each byte, and reads with
// buffers of different sizes. Each byte of the data is returned once and in order. If
// all arrives together and fits into the buffer, the stream is read once.
func TestLazyReadAfterAnswer(t *testing.T) {
	const agreement = "\x13/multistream/1.0.0\n\x0b/foo/1.0.0\n"
	for _, size := range []int{1, 2, 31, 32, 33, 63, 64, 65, 96, 97, 500} {
		for _, length := range []int{1, 5, 32, 33, 100} {
			reply := strings.Repeat("0123456789abcdef", 7)[:length]
			whole := agreement + reply
			for cut := 1; cut <= len(whole); cut++ {
				stream := newScript(whole[:cut], whole[cut:])
				if cut == len(whole) {
					stream.Chunks = stream.Chunks[:1]
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
					if got == reply && err == nil && cut == len(whole) && together && stream.Reads != 1 {
						t.Errorf("read %d, reply %d: %d reads of the stream", size, length, stream.Reads)
					}
				}
				if err != io.EOF || got != reply {
					t.Fatalf("read %d, reply %d, cut %d: %q, %v", size, length, cut, got, err)
				}
			}
		}
	}
}

// TestLazyReadAfterRefusal checks that bytes after a refusal or a violation have no effect,
// also if they are received in one read with it.
func TestLazyReadAfterRefusal(t *testing.T) {
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
		for _, rest := range []string{"", "x", strings.Repeat("/foo/1.0.0\n", 40)} {
			for _, size := range []int{1, 40, 64, 200, 4096} {
				name := fmt.Sprintf("%.30q, %d after it, read %d", tc.answer, len(rest), size)
				stream := newScript(tc.answer + rest)
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
				if len(stream.Ended) == 0 {
					t.Errorf("%s: the stream is open", name)
				}
			}
		}
	}
}

// resetAfterRead is a stream that resets the lazy stream over it after each Read.
type resetAfterRead struct {
	scriptWithDeadlines
	l *multiselect.LazyStream
}

func (s *resetAfterRead) Read(p []byte) (int, error) {
	n, err := s.scriptWithDeadlines.Read(p)
	s.l.Reset()
	return n, err
}

// TestLazyReadOfFailure checks that Read returns no data that was received after an
// agreement if the negotiation fails for another reason.
func TestLazyReadOfFailure(t *testing.T) {
	stream := &resetAfterRead{scriptWithDeadlines: newScript("\x13/multistream/1.0.0\n\x0b/foo/1.0.0\nhello")}
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

// TestLazyReadDuringWrite checks that a Write which is blocked by the peer does not keep
// other calls from reading its answer.
func TestLazyReadDuringWrite(t *testing.T) {
	for _, data := range []string{"y", strings.Repeat("y", 100)} {
		for _, tc := range []struct {
			sends []string // the first before the peer reads
			want  error
		}{
			{[]string{"\x13/multistream/1.0.0\n", "\x0b/foo/1.0.0\n", "hello"}, nil},
			{[]string{"SSH-2.0-OpenSSH\r\n"}, multiselect.ErrNotMultistream},
		} {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := streamtest.IOPipes()
				start := time.Now()
				l, err := new(multiselect.Client).Lazy(t.Context(), ours, "/foo/1.0.0")
				if err != nil {
					t.Fatal(err)
				}
				go l.Write([]byte(data))
				go func() {
					io.WriteString(theirs, tc.sends[0])
					go io.Copy(io.Discard, theirs)
					for _, message := range tc.sends[1:] {
						io.WriteString(theirs, message)
					}
				}()
				synctest.Wait()
				buf := make([]byte, 100)
				n, err := l.Read(buf)
				if !errors.Is(err, tc.want) || err == nil && string(buf[:n]) != "hello" {
					t.Errorf("%d bytes early: Read = %q, %v", len(data), buf[:n], err)
				}
				if waited := time.Since(start); waited > 0 {
					t.Errorf("%d bytes early: it took %v", len(data), waited)
				}
				l.Reset()
				theirs.Close()
			})
		}
	}
}

// TestLazyReadBeforeWrite has a Read as the first call. The Write that follows sends the header
// and the proposal with its data; without one, they are sent after 1 ms.
func TestLazyReadBeforeWrite(t *testing.T) {
	for _, writes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := apitest.Pipe(apitest.LargeBuffer)
			l := apitest.Lazy(t, a)
			start := time.Now()
			read := make(chan string)
			go func() {
				got := make([]byte, 5)
				n, err := io.ReadFull(l, got)
				if err != nil {
					t.Errorf("Read = %d, %v", n, err)
				}
				read <- string(got)
			}()
			synctest.Wait()
			want, after := apitest.LazyFlight, time.Millisecond
			if writes {
				streamtest.MustWrite(t, l, "\x09request")
				want, after = want+"\x09request", 0
			}
			streamtest.MustRead(t, b, want)
			if took := time.Since(start); took != after {
				t.Errorf("sent after %v, want %v", took, after)
			}
			if got := a.Writes(); len(got) != 1 || got[0] != want {
				t.Errorf("writes: %q, want %q", got, want)
			}
			streamtest.MustWrite(t, b, apitest.LazyFlight+"reply")
			if got := <-read; got != "reply" {
				t.Errorf("Read returns %q", got)
			}
		})
	}
}

// TestLazyHTTP sends requests with net/http, which reads before it writes, until one is a single
// write, as without a negotiation. A busy machine may delay some of the writes by more than 1 ms.
func TestLazyHTTP(t *testing.T) {
	var s netmux.Server
	web, err := s.ProtocolListener("http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	l := streamtest.Listen(t, "tcp")
	go s.Serve(l)
	defer s.Close()
	var counted *streamtest.Counter
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		counted = &streamtest.Counter{Conn: conn}
		return new(multiselect.Client).Lazy(ctx, counted, "http/1.1")
	}}
	client := &http.Client{Transport: transport}
	for range 100 {
		response, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if string(body) != "hello" || err != nil {
			t.Fatalf("body: %q, %v", body, err)
		}
		if counted.Writes.Load() == 1 {
			return
		}
	}
	t.Error("no request was sent in one write with the proposal")
}
