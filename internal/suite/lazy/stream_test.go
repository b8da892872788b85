package lazy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

var _ net.Conn = (*multiselect.LazyStream)(nil)

// TestLazyNames checks that Lazy rejects names that cannot be proposed lazily, and proposals
// beyond the limits. It sends nothing and ends the stream.
func TestLazyNames(t *testing.T) {
	for _, name := range []string{
		"", "na", "ls", wire.Header, "/a\nb", "/" + strings.Repeat("x", 1023),
		"/a ", "/a\t", "/a\r", "/a\x00", " /a", "/a\u00a0", "\x00/a",
	} {
		a, _ := apitest.Pipe(apitest.LargeBuffer)
		l, err := new(multiselect.Client).Lazy(context.Background(), a, name)
		_, typed := errors.AsType[*multiselect.Error](err)
		if l != nil || !typed || !errors.Is(err, multiselect.ErrInvalidName) {
			t.Errorf("Lazy(%.20q) = %v, %v", name, l, err)
		}
		if len(a.Writes()) != 0 || len(a.Ended()) != 1 {
			t.Errorf("%.20q: wrote %q, ended %q", name, a.Writes(), a.Ended())
		}
	}
	a, _ := apitest.Pipe(apitest.LargeBuffer)
	cl := multiselect.Client{Limits: multiselect.Limits{MaxBytes: 5}}
	if _, err := cl.Lazy(context.Background(), a, apitest.NameA); !errors.Is(err, multiselect.ErrLimit) {
		t.Error(err)
	}
}

// TestLazyContext checks that the end of a context ends the calls to which it was passed,
// and not the stream.
func TestLazyContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		ctx, cancel := context.WithCancelCause(context.Background())
		l, err := new(multiselect.Client).Lazy(ctx, a, apitest.NameA)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { cancel(errInjected) })
		for _, err := range []error{l.Wait(ctx), apitest.ErrOf(l.Detach(ctx))} {
			if !errors.Is(err, context.Canceled) || !errors.Is(err, errInjected) {
				t.Error(err)
			}
		}
		apitest.Agree(t, l, b)
		if s, err := l.Detach(ctx); err != nil || s != io.ReadWriteCloser(a) || l.Stream() != s {
			t.Errorf("Detach = %v, %v", s, err)
		}
	})
}

// TestLazyLacks calls the methods for which the stream lacks the means.
func TestLazyLacks(t *testing.T) {
	a, b := apitest.Pipe(apitest.LargeBuffer)
	l := apitest.Lazy(t, streamtest.Bare(a))
	for name, err := range map[string]error{
		"SetDeadline":      l.SetDeadline(time.Time{}),
		"SetReadDeadline":  l.SetReadDeadline(time.Time{}),
		"SetWriteDeadline": l.SetWriteDeadline(time.Time{}),
	} {
		if !errors.Is(err, os.ErrNoDeadline) {
			t.Errorf("%s = %v", name, err)
		}
	}
	nested := apitest.Lazy(t, l)
	if err := nested.SetReadDeadline(time.Time{}); err != os.ErrNoDeadline {
		t.Errorf("nested: %v", err)
	}
	for name, err := range map[string]error{
		"CloseRead":   l.CloseRead(),
		"SyscallConn": apitest.ErrOf(l.SyscallConn()),
	} {
		if err != errors.ErrUnsupported {
			t.Errorf("%s = %v", name, err)
		}
	}
	if l.LocalAddr() != nil || l.RemoteAddr() != nil {
		t.Error("an address of a stream that has none")
	}
	apitest.Agree(t, l, readWriter{strings.NewReader(apitest.LazyFlight), b})
	streamtest.MustWrite(t, b, "x")
	streamtest.MustRead(t, l, "x")
}

// readWriter combines a Reader and a Writer.
type readWriter struct {
	io.Reader
	io.Writer
}

// TestLazyOverTCP checks that the addresses, SyscallConn, the copying methods and CloseWrite
// of a TCP connection are passed on.
func TestLazyOverTCP(t *testing.T) {
	a, b := streamtest.Connect(t, "tcp")
	l := apitest.Lazy(t, a)
	go apitest.EchoMuxer(t, apitest.NameA, apitest.NameB).ServeStream(context.Background(), b)
	if l.LocalAddr() != a.LocalAddr() || l.RemoteAddr() != a.RemoteAddr() {
		t.Error("the addresses differ from those of the connection")
	}
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(uintptr) {}); err != nil {
		t.Error(err)
	}
	file, err := os.Open("stream_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := io.Copy(l, file); err != nil {
		t.Fatal(err)
	}
	if err := l.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := io.Copy(&got, l); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile("stream_test.go")
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes came back, want %d", got.Len(), len(want))
	}
	l.Close()
}

// TestLazyDetachAfterCloseWrite checks that Detach works after CloseWrite, and does not
// reopen writing.
func TestLazyDetachAfterCloseWrite(t *testing.T) {
	a, b := apitest.Pipe(apitest.LargeBuffer)
	l := apitest.Lazy(t, a)
	apitest.Agree(t, l, b)
	if err := l.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if s, err := l.Detach(context.Background()); err != nil || s != io.ReadWriteCloser(a) {
		t.Errorf("Detach = %v, %v", s, err)
	}
	if _, err := l.Write([]byte("x")); err != net.ErrClosed || len(a.Writes()) != 1 {
		t.Errorf("Write = %v, on the wire: %q", err, a.Writes())
	}
}

// TestLazyFirstCall makes each method the first call. Each sends the header and the proposal
// in one write, and returns without an error after the peer has agreed.
func TestLazyFirstCall(t *testing.T) {
	firstCalls := map[string]func(l *multiselect.LazyStream) error{
		"Read":            func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
		"Write":           func(l *multiselect.LazyStream) error { _, err := l.Write([]byte("x")); return err },
		"Write nothing":   func(l *multiselect.LazyStream) error { _, err := l.Write(nil); return err },
		"Write late data": func(l *multiselect.LazyStream) error { _, err := l.Write([]byte("\x02x\n")); return err },
		"Flush":           (*multiselect.LazyStream).Flush,
		"CloseWrite":      (*multiselect.LazyStream).CloseWrite,
		"CloseRead":       (*multiselect.LazyStream).CloseRead,
		"Close":           (*multiselect.LazyStream).Close,
		"Wait":            func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
		"Detach":          func(l *multiselect.LazyStream) error { _, err := l.Detach(context.Background()); return err },
		"ReadFrom":        func(l *multiselect.LazyStream) error { _, err := l.ReadFrom(strings.NewReader("x")); return err },
		"WriteTo":         func(l *multiselect.LazyStream) error { _, err := l.WriteTo(io.Discard); return err },
		"Read with a deadline": func(l *multiselect.LazyStream) error {
			l.SetDeadline(time.Now().Add(time.Hour))
			_, err := l.Read(make([]byte, 1))
			return err
		},
	}
	for name, call := range firstCalls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, a)
				called := make(chan error, 1)
				go func() { called <- call(l) }()
				streamtest.MustRead(t, b, apitest.LazyFlight)
				synctest.Wait()
				if got := a.Writes(); !strings.HasPrefix(got[0], apitest.LazyFlight) {
					t.Errorf("the first write is %q", got[0])
				}
				streamtest.MustWrite(t, b, apitest.LazyFlight+"payload")
				b.CloseWrite()
				if err := <-called; err != nil {
					t.Error(err)
				}
				if err := l.Wait(context.Background()); err != nil || l.State() != multiselect.LazyAgreed {
					t.Errorf("Wait = %v, %v", err, l.State())
				}
				l.Close()
				io.Copy(io.Discard, b)
			})
		})
	}
}

// lazyCalls has every method that can fail, apart from Wait, Close and Reset.
var lazyCalls = map[string]func(l *multiselect.LazyStream) error{
	"Read":             func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
	"Write":            func(l *multiselect.LazyStream) error { return zeroCount(l.Write([]byte("late"))) },
	"Write nothing":    func(l *multiselect.LazyStream) error { return zeroCount(l.Write(nil)) },
	"Flush":            (*multiselect.LazyStream).Flush,
	"CloseWrite":       (*multiselect.LazyStream).CloseWrite,
	"CloseRead":        (*multiselect.LazyStream).CloseRead,
	"Detach":           func(l *multiselect.LazyStream) error { _, err := l.Detach(context.Background()); return err },
	"ReadFrom":         func(l *multiselect.LazyStream) error { _, err := l.ReadFrom(strings.NewReader("x")); return err },
	"WriteTo":          func(l *multiselect.LazyStream) error { _, err := l.WriteTo(io.Discard); return err },
	"SetDeadline":      func(l *multiselect.LazyStream) error { return l.SetDeadline(time.Now().Add(time.Hour)) },
	"SetReadDeadline":  func(l *multiselect.LazyStream) error { return l.SetReadDeadline(time.Time{}) },
	"SetWriteDeadline": func(l *multiselect.LazyStream) error { return l.SetWriteDeadline(time.Time{}) },
}

// lazyFailures has every way in which the negotiation of a lazy stream can fail.
var lazyFailures = []struct {
	name   string
	answer string                     // bytes that the peer sends
	end    func(b *streamtest.Stream) // how the peer ends the stream after that, if it does
	want   error
	blame  multiselect.Blame
}{
	{"refused", apitest.LazyRefusal, nil, multiselect.ErrNotSupported, multiselect.BlameNone},
	{"refused and closed", apitest.LazyRefusal, func(b *streamtest.Stream) { b.CloseWrite() }, multiselect.ErrNotSupported, multiselect.BlameNone},
	{"another echo", streamtest.Messages(wire.Header, apitest.NameB), nil, multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer},
	{"the header twice", streamtest.Messages(wire.Header, wire.Header), nil, multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer},
	{"no header", streamtest.Messages(apitest.NameA), nil, multiselect.ErrNotMultistream, multiselect.BlamePeer},
	{"HTTP", "HTTP/1.1 400 Bad Request\r\n", nil, multiselect.ErrNotMultistream, multiselect.BlamePeer},
	{"not minimal", streamtest.Messages(wire.Header) + "\x8b\x00", nil, multiselect.ErrMalformed, multiselect.BlamePeer},
	{"too large", streamtest.Messages(wire.Header) + "\xff\x7f", nil, multiselect.ErrTooLarge, multiselect.BlamePeer},
	{"nothing", "", func(b *streamtest.Stream) { b.CloseWrite() }, io.EOF, multiselect.BlameNone},
	{"half an answer", streamtest.Messages(wire.Header) + "\x0b/f", func(b *streamtest.Stream) { b.CloseWrite() }, io.ErrUnexpectedEOF, multiselect.BlameNone},
	{"reset", "", func(b *streamtest.Stream) { b.Reset() }, streamtest.ErrReset, multiselect.BlameNone},
	{"silence", "", nil, os.ErrDeadlineExceeded, multiselect.BlameSlowPeer},
}

// TestLazyFails plays each failure, found by different calls. The stream is ended once, all
// later calls return one error value, and no further byte is sent (R30).
func TestLazyFails(t *testing.T) {
	for _, tt := range lazyFailures {
		for name, findFailure := range map[string]func(l *multiselect.LazyStream) error{
			"Read":  func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
			"Write": func(l *multiselect.LazyStream) error { return zeroCount(l.Write([]byte("\n"))) },
			"Wait":  func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := apitest.Pipe(apitest.LargeBuffer)
					l := apitest.Lazy(t, a)
					streamtest.MustWrite(t, l, "\x05earl")
					streamtest.MustWrite(t, b, tt.answer)
					if tt.end != nil {
						tt.end(b)
					}
					err := findFailure(l)
					failed, ok := errors.AsType[*multiselect.Error](err)
					if !ok || !errors.Is(err, tt.want) || failed.Role != multiselect.Initiator ||
						failed.Blame() != tt.blame || failed.Protocols[0] != apitest.NameA || failed.BytesSent != len(apitest.LazyFlight) {
						t.Fatalf("%#v, want %v, %v", err, tt.want, tt.blame)
					}
					for name, call := range lazyCalls {
						if again := call(l); again != err {
							t.Errorf("%s = %v, want %v", name, again, err)
						}
					}
					if again := l.Wait(context.Background()); again != err || l.State() != multiselect.LazyFailed {
						t.Errorf("Wait = %v in %v", again, l.State())
					}
					if err := l.Close(); err != failed {
						t.Errorf("Close = %v, want %v", err, failed)
					}
					if ends := a.Ended(); len(ends) != 1 || ends[0] != "reset" {
						t.Errorf("ended: %q", ends)
					}
					if wrote := strings.Join(a.Writes(), ""); wrote != apitest.LazyFlight+"\x05earl" {
						t.Errorf("on the wire: %q", wrote)
					}
				})
			})
		}
	}
}

// TestLazyAfterClose checks that all calls return net.ErrClosed after Close and Reset.
func TestLazyAfterClose(t *testing.T) {
	for name, closeStream := range map[string]func(l *multiselect.LazyStream, b *streamtest.Stream){
		"Close while pending": func(l *multiselect.LazyStream, b *streamtest.Stream) { l.Close() },
		"Reset while pending": func(l *multiselect.LazyStream, b *streamtest.Stream) { l.Reset() },
		"Close":               func(l *multiselect.LazyStream, b *streamtest.Stream) { apitest.Agree(t, l, b); l.Close() },
		"Reset":               func(l *multiselect.LazyStream, b *streamtest.Stream) { apitest.Agree(t, l, b); l.Reset() },
		"Close after refusal": func(l *multiselect.LazyStream, b *streamtest.Stream) {
			streamtest.MustWrite(t, b, apitest.LazyRefusal)
			l.Wait(context.Background())
			l.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := apitest.Pipe(apitest.LargeBuffer)
				l := apitest.Lazy(t, a)
				closeStream(l, b)
				for name, call := range lazyCalls {
					if err := call(l); err != net.ErrClosed {
						t.Errorf("%s = %v", name, err)
					}
				}
				if err := l.Close(); err != net.ErrClosed {
					t.Errorf("Close = %v", err)
				}
				b.Reset()
			})
		})
	}
}
