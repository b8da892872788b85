package multistream

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
)

const header = ProtocolID

// answers negotiates with a peer that has said all it has to say, and returns
// what was agreed and the number that the handler returns.
func answers(t testing.TB, m *MultistreamMuxer[string], proposals ...string) (string, int) {
	t.Helper()
	a, b := ends()
	mustWrite(t, b, say(header)+say(proposals...))
	b.CloseWrite()
	protocol, handler, err := m.Negotiate(a)
	if err != nil {
		return "", 0
	}
	if handler == nil {
		return protocol, 0
	}
	var n number
	if !errors.As(handler(protocol, a), &n) {
		t.Fatal("not a handler of these tests")
	}
	return protocol, int(n)
}

type number int

func (n number) Error() string { return "" }

func handler(n int) HandlerFunc[string] {
	return func(string, io.ReadWriteCloser) error { return number(n) }
}

func prefix(p string) func(string) bool {
	return func(name string) bool { return strings.HasPrefix(name, p) }
}

// What was added first is asked first, names and functions alike, and what is
// added again goes behind all others.
func TestOrder(t *testing.T) {
	m := NewMultistreamMuxer[string]()
	steps := []struct {
		do    func()
		want  int // for "/a/1"
		names string
	}{
		{func() {}, 0, ""},
		{func() { m.AddHandler("/a/1", handler(1)) }, 1, "/a/1"},
		{func() { m.AddHandlerWithFunc("F", prefix("/a"), handler(2)) }, 1, "/a/1 F"},
		{func() { m.AddHandler("/a/1", handler(3)) }, 2, "F /a/1"},
		{func() { m.AddHandlerWithFunc("G", prefix("/a/"), handler(4)) }, 2, "F /a/1 G"},
		{func() { m.AddHandlerWithFunc("F", prefix("/a"), handler(5)) }, 3, "/a/1 G F"},
		{func() { m.AddHandlerWithFunc("/a/1", prefix("/b"), handler(6)) }, 4, "G F /a/1"},
		{func() { m.RemoveHandler("G") }, 5, "F /a/1"},
		{func() { m.RemoveHandler("none") }, 5, "F /a/1"},
		{func() { m.AddHandler("/c/1", handler(7)) }, 5, "F /a/1 /c/1"},
		{func() { m.AddHandler("F", handler(8)) }, 0, "/a/1 /c/1 F"},
		{func() { m.AddHandler("/a/1", handler(9)) }, 9, "/c/1 F /a/1"},
		{func() { m.AddHandler("/a/1", nil) }, 0, "/c/1 F /a/1"},
		{func() { m.AddHandlerWithFunc("H", prefix("/a"), handler(10)) }, 0, "/c/1 F /a/1 H"},
		{func() { m.RemoveHandler("/a/1") }, 10, "/c/1 F H"},
		{func() { m.AddHandlerWithFunc("/c/1", prefix("/z"), handler(11)) }, 10, "F H /c/1"},
	}
	for i, s := range steps {
		s.do()
		if _, got := answers(t, m, "/a/1"); got != s.want {
			t.Errorf("step %d: handler %d, want %d", i, got, s.want)
		}
		if got := strings.Join(m.Protocols(), " "); got != s.names {
			t.Errorf("step %d: Protocols = %q, want %q", i, got, s.names)
		}
	}
	if protocol, got := answers(t, m, "/no", "ls", "/c/1", "F"); protocol != "F" || got != 8 {
		t.Errorf("%q, %d", protocol, got)
	}
}

// A match function may change the muxer that asks it.
func TestMatchFunctionChanges(t *testing.T) {
	var m MultistreamMuxer[string]
	m.AddHandlerWithFunc("once", func(string) bool { m.RemoveHandler("once"); return true }, handler(1))
	m.AddHandler("/a", handler(2))
	for _, want := range []int{1, 2} {
		if _, got := answers(t, &m, "/a"); got != want {
			t.Errorf("handler %d, want %d", got, want)
		}
	}
}

// The header is sent with the answer, or before it if the peer waits for it. Nothing after the
// name is read, and all takes as few calls as that allows.
func TestNegotiateCalls(t *testing.T) {
	for name, add := range map[string]func(m *MultistreamMuxer[string]){
		"names": func(m *MultistreamMuxer[string]) {
			m.AddHandler("/b", nil)
			m.AddHandler("/ipfs/id/1.0.0", nil)
		},
		"functions": func(m *MultistreamMuxer[string]) {
			m.AddHandlerWithFunc("", prefix("/ipfs"), nil)
		},
	} {
		for _, whole := range []bool{true, false} {
			a, b := ends()
			var m MultistreamMuxer[string]
			add(&m)
			if whole {
				mustWrite(t, b, say(header, "/ipfs/id/1.0.0")+"data")
			} else {
				go func() {
					mustRead(t, b, say(header))
					mustWrite(t, b, say(header, "/ipfs/id/1.0.0")+"data")
				}()
			}
			protocol, _, err := m.Negotiate(a)
			if protocol != "/ipfs/id/1.0.0" || err != nil {
				t.Fatal(protocol, err)
			}
			want := say(header) + say("/ipfs/id/1.0.0")
			if !whole {
				want = say(header) + "|" + say("/ipfs/id/1.0.0")
			}
			if joined(a) != want || a.reads > 3 {
				t.Errorf("%s: %d reads, writes %q", name, a.reads, joined(a))
			}
			mustRead(t, a, "data")
		}
	}
}

// However a negotiation fails, the stream is left to the caller, and the error is
// what callers compare with.
func TestNegotiateFails(t *testing.T) {
	long := strings.Repeat("x", 1024)
	for _, tt := range []struct {
		name, said string
		over       error
		want       error // the very same
		is         error
		ended      error
	}{
		{name: "nothing", over: io.EOF, want: io.EOF, ended: io.EOF},
		{name: "half a header", said: "\x13/multi", over: io.EOF, want: io.ErrUnexpectedEOF, ended: io.EOF},
		{name: "the header", said: say(header), over: io.EOF, want: io.EOF, ended: io.EOF},
		{name: "half a name", said: say(header) + "\x05/b", over: io.EOF, want: io.ErrUnexpectedEOF, ended: io.EOF},
		{name: "refused", said: say(header, "/no"), over: io.EOF, want: io.EOF, ended: io.EOF},
		{name: "refused, half a name", said: say(header, "/no") + "\x05/b", over: io.EOF, want: io.ErrUnexpectedEOF, ended: io.EOF},
		{name: "reset", said: say(header), over: errReset, want: errReset, ended: errReset},
		{name: "refused and reset", said: say(header, "/no"), over: errReset, want: errReset, ended: errReset},
		{name: "HTTP", said: "GET / HTTP/1.1\r\n", want: ErrIncorrectVersion, ended: nil},
		{name: "another version", said: say("/multistream/1.1.0"), want: ErrIncorrectVersion},
		{name: "too large", said: say(header, long), want: ErrTooLarge},
		{name: "refused, too large", said: say(header, "/no", long), want: ErrTooLarge},
		{name: "no newline", said: say(header) + "\x02xx", is: multiselect.ErrMalformed},
		{name: "refused, no newline", said: say(header, "/no") + "\x02xx", is: multiselect.ErrGaveUp},
		{name: "not minimal", said: say(header) + "\x82\x00x\n", is: multiselect.ErrMalformed},
		{name: "too many proposals", said: say(header) + strings.Repeat(say("/no"), 129), is: multiselect.ErrLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := ends()
			var m MultistreamMuxer[string]
			m.AddHandler("/a", nil)
			mustWrite(t, b, tt.said)
			if tt.over != nil {
				b.finish(b.out, tt.over, nil)
			}
			_, _, err := m.Negotiate(a)
			if tt.is == nil && err != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Negotiate = %#v", err)
			}
			want := tt.ended
			if tt.want == ErrIncorrectVersion {
				want = os.ErrClosed // any error: it was closed
			}
			if got := a.ended(); got != want && (want != os.ErrClosed || got == nil) {
				t.Errorf("the stream has ended: %v, want %v", got, want)
			}
		})
	}
}

// A peer that is silent, or drips, holds a goroutine for a minute. Then the stream
// is the caller's again, who may even go on with it.
func TestNegotiateBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := ends()
		var m MultistreamMuxer[string]
		start := time.Now()
		_, _, err := m.Negotiate(a)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("Negotiate = %v after %v", err, time.Since(start))
		}
		mustRead(t, b, say(header))
		a.SetDeadline(time.Time{})
		mustWrite(t, b, "hello")
		mustRead(t, a, "hello")
	})
}

// The minute may be over between two calls, too.
func TestBudgetBetweenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := ends()
		var m MultistreamMuxer[string]
		m.AddHandlerWithFunc("slow", func(string) bool { time.Sleep(2 * time.Minute); return false }, nil)
		mustWrite(t, b, say(header, "/a"))
		_, _, err := m.Negotiate(a)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Negotiate = %v", err)
		}
	})
}

// Panics of match functions and of streams are errors.
func TestPanics(t *testing.T) {
	var m MultistreamMuxer[string]
	m.AddHandlerWithFunc("x", func(string) bool { panic("in a match function") }, nil)
	a, b := ends()
	mustWrite(t, b, say(header, "/a"))
	if _, _, err := m.Negotiate(a); err == nil || !strings.Contains(err.Error(), "in a match function") {
		t.Errorf("Negotiate = %v", err)
	}
	for _, s := range []io.ReadWriteCloser{panics{}, struct{ io.ReadWriteCloser }{}, panicsMore{}} {
		if _, _, err := m.Negotiate(s); err == nil {
			t.Error("Negotiate succeeds")
		}
		if err := SelectProtoOrFail("/a", s); err == nil {
			t.Error("SelectProtoOrFail succeeds")
		}
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error)  { panic("in Read") }
func (panics) Write([]byte) (int, error) { panic("in Write") }
func (panics) Close() error              { return nil }

type panicsMore struct{ panics }

func (panicsMore) LocalAddr() net.Addr { panic("in LocalAddr") }

func TestHandle(t *testing.T) {
	var m MultistreamMuxer[string]
	m.AddHandler("/a", handler(7))
	m.AddHandler("/nil", nil)
	for name, want := range map[string]error{"/a": number(7), "/nil": multiselect.ErrNoHandler, "/no": io.EOF} {
		a, b := ends()
		mustWrite(t, b, say(header, name))
		b.CloseWrite()
		if err := m.Handle(a); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Names that cannot be proposed are held, and never agreed to.
func TestReservedNames(t *testing.T) {
	for _, name := range []string{"", "na", "ls", header, "a\nb", strings.Repeat("x", 1024)} {
		var m MultistreamMuxer[string]
		m.AddHandlerWithFunc("any", func(string) bool { return true }, handler(2))
		m.AddHandler(name, handler(1))
		if !slices.Contains(m.Protocols(), name) {
			t.Errorf("Protocols lacks %.20q", name)
		}
		if protocol, _ := answers(t, &m, name); protocol != "" {
			t.Errorf("agreed on %.20q", protocol)
		}
		m.RemoveHandler(name)
		if len(m.Protocols()) != 1 {
			t.Errorf("%q", m.Protocols())
		}
	}
}
