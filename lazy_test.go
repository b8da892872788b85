package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

var _ net.Conn = (*multiselect.LazyStream)(nil)

// The first write carries all, up to 4 KiB of payload; the rest of more follows
// in a second one. Its count is that of the payload.
func TestLazyFirstWrite(t *testing.T) {
	for _, n := range []int{1, 100, 4096, 4097, 100_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b := conns(plenty)
			l := lazy(t, new(multiselect.Client), a)
			p := early(n)
			if n, err := l.Write(p); n != len(p) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			want := []string{flightLazy + string(p[:min(n, 4096)])}
			if n > 4096 {
				want = append(want, string(p[4096:]))
			}
			if got := a.wrote(); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%d writes; want %d", len(got), len(want))
			}
			mustRead(t, b, flightLazy+string(p))
			if l.State() != multiselect.LazyPending || l.Protocol() != nameA {
				t.Errorf("%v, %q", l.State(), l.Protocol())
			}
			l.Reset()
		})
	}
}

// Where the kernel can gather, all leaves in one call however much it is.
func TestLazyGathered(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		a, b := connected(t, network)
		l := lazy(t, new(multiselect.Client), a)
		p := early(50_000)
		if n, err := l.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		mustRead(t, b, flightLazy+string(p))
		l.Reset()
	}
}

// Whatever is called first, the header and the proposal leave, in one write, and
// the outcome is learned: with the peer's help or without.
func TestLazyFirstCall(t *testing.T) {
	first := map[string]func(l *multiselect.LazyStream) error{
		"Read":       func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
		"Write":      func(l *multiselect.LazyStream) error { _, err := l.Write([]byte("x")); return err },
		"Write none": func(l *multiselect.LazyStream) error { _, err := l.Write(nil); return err },
		"Write more": func(l *multiselect.LazyStream) error { _, err := l.Write([]byte("\x02x\n")); return err },
		"Flush":      (*multiselect.LazyStream).Flush,
		"CloseWrite": (*multiselect.LazyStream).CloseWrite,
		"CloseRead":  (*multiselect.LazyStream).CloseRead,
		"Close":      (*multiselect.LazyStream).Close,
		"Wait":       func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
		"Unwrap":     func(l *multiselect.LazyStream) error { _, err := l.Detach(context.Background()); return err },
		"ReadFrom":   func(l *multiselect.LazyStream) error { _, err := l.ReadFrom(strings.NewReader("x")); return err },
		"WriteTo":    func(l *multiselect.LazyStream) error { _, err := l.WriteTo(io.Discard); return err },
		"Read by": func(l *multiselect.LazyStream) error {
			l.SetDeadline(time.Now().Add(time.Hour))
			_, err := l.Read(make([]byte, 1))
			return err
		},
	}
	for name, call := range first {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), a)
				called := make(chan error, 1)
				go func() { called <- call(l) }()
				mustRead(t, b, flightLazy)
				synctest.Wait()
				if got := a.wrote(); !strings.HasPrefix(got[0], flightLazy) {
					t.Errorf("the first write is %q", got[0])
				}
				mustWrite(t, b, flightLazy+"payload")
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

// calls is every method that can fail.
var calls = map[string]func(l *multiselect.LazyStream) error{
	"Read":             func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
	"Write":            func(l *multiselect.LazyStream) error { return none(l.Write([]byte("late"))) },
	"Write none":       func(l *multiselect.LazyStream) error { return none(l.Write(nil)) },
	"Flush":            (*multiselect.LazyStream).Flush,
	"CloseWrite":       (*multiselect.LazyStream).CloseWrite,
	"CloseRead":        (*multiselect.LazyStream).CloseRead,
	"Unwrap":           func(l *multiselect.LazyStream) error { _, err := l.Detach(context.Background()); return err },
	"ReadFrom":         func(l *multiselect.LazyStream) error { _, err := l.ReadFrom(strings.NewReader("x")); return err },
	"WriteTo":          func(l *multiselect.LazyStream) error { _, err := l.WriteTo(io.Discard); return err },
	"SetDeadline":      func(l *multiselect.LazyStream) error { return l.SetDeadline(time.Now().Add(time.Hour)) },
	"SetReadDeadline":  func(l *multiselect.LazyStream) error { return l.SetReadDeadline(time.Time{}) },
	"SetWriteDeadline": func(l *multiselect.LazyStream) error { return l.SetWriteDeadline(time.Time{}) },
}

// none turns a count that is not 0 into an error.
func none(n int, err error) error {
	if n != 0 {
		return fmt.Errorf("%d bytes, %w", n, err)
	}
	return err
}

var lazyFailures = []struct {
	name   string
	answer string
	end    func(b *conn)
	want   error
	blame  multiselect.Blame
}{
	{"refused", say(wire.Header, "na"), nil, multiselect.ErrNotSupported, multiselect.BlameNone},
	{"refused, and left", say(wire.Header, "na"), func(b *conn) { b.CloseWrite() }, multiselect.ErrNotSupported, multiselect.BlameNone},
	{"another echo", say(wire.Header, nameB), nil, multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer},
	{"the header twice", say(wire.Header, wire.Header), nil, multiselect.ErrUnexpectedAnswer, multiselect.BlamePeer},
	{"no header", say(nameA), nil, multiselect.ErrNotMultistream, multiselect.BlamePeer},
	{"HTTP", "HTTP/1.1 400 Bad Request\r\n", nil, multiselect.ErrNotMultistream, multiselect.BlamePeer},
	{"not minimal", say(wire.Header) + "\x8b\x00", nil, multiselect.ErrMalformed, multiselect.BlamePeer},
	{"too large", say(wire.Header) + "\xff\x7f", nil, multiselect.ErrTooLarge, multiselect.BlamePeer},
	{"nothing", "", func(b *conn) { b.CloseWrite() }, io.EOF, multiselect.BlameNone},
	{"half of it", say(wire.Header) + "\x0b/f", func(b *conn) { b.CloseWrite() }, io.ErrUnexpectedEOF, multiselect.BlameNone},
	{"reset", "", func(b *conn) { b.Reset() }, errReset, multiselect.BlameNone},
	{"silence", "", nil, os.ErrDeadlineExceeded, multiselect.BlameSlowPeer},
}

// Every way in which it can fail: the stream is ended once, every later call
// says why with the same value, and nothing reaches the wire.
func TestLazyFails(t *testing.T) {
	for _, tt := range lazyFailures {
		for name, waits := range map[string]func(l *multiselect.LazyStream) error{
			"Read":  func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
			"Write": func(l *multiselect.LazyStream) error { return none(l.Write([]byte("\n"))) },
			"Wait":  func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := conns(plenty)
					l := lazy(t, new(multiselect.Client), a)
					mustWrite(t, l, "\x05earl")
					mustWrite(t, b, tt.answer)
					if tt.end != nil {
						tt.end(b)
					}
					err := waits(l)
					failed, ok := errors.AsType[*multiselect.Error](err)
					if !ok || !errors.Is(err, tt.want) || failed.Role != multiselect.Initiator ||
						failed.Blame() != tt.blame || failed.Protocols[0] != nameA || failed.BytesSent != len(flightLazy) {
						t.Fatalf("%#v, want %v, %v", err, tt.want, tt.blame)
					}
					for name, call := range calls {
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
					if ends := a.ended(); len(ends) != 1 || ends[0] != "reset" {
						t.Errorf("ended: %q", ends)
					}
					if wrote := strings.Join(a.wrote(), ""); wrote != flightLazy+"\x05earl" {
						t.Errorf("on the wire: %q", wrote)
					}
				})
			})
		}
	}
}

// After Close, and after Reset, every call says so.
func TestLazyAfterClose(t *testing.T) {
	for name, closes := range map[string]func(l *multiselect.LazyStream, b *conn){
		"Close while pending": func(l *multiselect.LazyStream, b *conn) { l.Close() },
		"Reset while pending": func(l *multiselect.LazyStream, b *conn) { l.Reset() },
		"Close":               func(l *multiselect.LazyStream, b *conn) { agree(t, l, b); l.Close() },
		"Reset":               func(l *multiselect.LazyStream, b *conn) { agree(t, l, b); l.Reset() },
		"Close after refusal": func(l *multiselect.LazyStream, b *conn) {
			mustWrite(t, b, say(wire.Header, "na"))
			l.Wait(context.Background())
			l.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), a)
				closes(l, b)
				for name, call := range calls {
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

// agree brings the stream to its agreement.
func agree(t testing.TB, l *multiselect.LazyStream, b io.ReadWriter) {
	t.Helper()
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, b, flightLazy)
	mustWrite(t, b, flightLazy)
	if err := l.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// A Write that may not travel waits, and is written as it is.
func TestLazyWriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		l := lazy(t, new(multiselect.Client), a)
		mustWrite(t, l, "\x05")
		written := make(chan error, 1)
		go func() {
			n, err := l.Write([]byte("late\nand more"))
			if n != 13 {
				t.Errorf("wrote %d", n)
			}
			written <- err
		}()
		synctest.Wait()
		mustRead(t, b, flightLazy+"\x05")
		if wrote := a.wrote(); len(wrote) != 1 {
			t.Errorf("written before the agreement: %q", wrote)
		}
		mustWrite(t, b, flightLazy+"hello")
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		mustRead(t, b, "late\nand more")
		mustRead(t, l, "hello")
		l.Close()
	})
}

// With Unguarded nothing waits.
func TestLazyUnguarded(t *testing.T) {
	a, b := conns(plenty)
	l := lazy(t, &multiselect.Client{Unguarded: true}, a)
	mustWrite(t, l, "GET / HTTP/1.0\r\n")
	mustWrite(t, l, "\r\n")
	mustRead(t, b, flightLazy+"GET / HTTP/1.0\r\n\r\n")
	l.Reset()
}
