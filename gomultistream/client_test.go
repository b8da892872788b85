package multistream

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
)

type name string // names have types of their own

// The first proposal leaves with the header, in one write, and nothing behind the
// answer is read.
func TestSelectOneOf(t *testing.T) {
	a, b := ends()
	mustWrite(t, b, say(header, "na", "/b")+"data")
	got, err := SelectOneOf([]name{"/a", "/b", "/c"}, a)
	if got != "/b" || err != nil {
		t.Fatal(got, err)
	}
	if want := say(header, "/a") + "|" + say("/b"); joined(a) != want {
		t.Errorf("writes %q, want %q", joined(a), want)
	}
	mustRead(t, a, "data")
}

// However it fails, the stream is left to the caller, and the error is what callers
// compare with.
func TestSelectOneOfFails(t *testing.T) {
	refused := ErrNotSupported[name]{}
	for _, tt := range []struct {
		name, said string
		protos     []name
		want       error // the very same
		is         error
	}{
		{name: "no protocols", want: ErrNoProtocols},
		{name: "a reserved one", protos: []name{"/a", "na"}, is: multiselect.ErrInvalidName},
		{name: "refused", said: say(header, "na", "na"), protos: []name{"/a", "/b"}, is: refused},
		{name: "the end", protos: []name{"/a"}, want: io.EOF},
		{name: "the end behind the header", said: say(header), protos: []name{"/a"}, want: io.EOF},
		{name: "the end in an answer", said: say(header) + "\x03/", protos: []name{"/a"}, want: io.ErrUnexpectedEOF},
		{name: "HTTP", said: "HTTP/1.1 400", protos: []name{"/a"}, is: ErrIncorrectVersion},
		{name: "too large", said: say(header) + "\xff\x7f", protos: []name{"/a"}, want: ErrTooLarge},
		{name: "no newline", said: say(header) + "\x02ab", protos: []name{"/a"}, is: multiselect.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := ends()
			mustWrite(t, b, tt.said)
			b.CloseWrite()
			_, err := SelectOneOf(tt.protos, a)
			if tt.is == nil && err != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("SelectOneOf = %#v", err)
			}
			if a.ended() != io.EOF {
				t.Errorf("the stream was ended: %v", a.ended())
			}
		})
	}
}

// ErrNotSupported and ErrUnrecognizedResponse are values, which differ by the type
// of names.
func TestErrorValues(t *testing.T) {
	a, b := ends()
	mustWrite(t, b, say(header, "na"))
	err := SelectProtoOrFail(name("/a"), a)
	refused, ok := err.(ErrNotSupported[name])
	if !ok || len(refused.Protos) != 1 || refused.Protos[0] != "/a" || errors.Is(err, ErrNotSupported[string]{}) {
		t.Errorf("%#v", err)
	}
	a, b = ends()
	mustWrite(t, b, say(header, "/b"))
	want := ErrUnrecognizedResponse[name]{Actual: "/b", Expected: "/a"}
	if err := SelectProtoOrFail(name("/a"), a); err != want {
		t.Errorf("%#v", err)
	}
}

// Both ends on two io.Pipe, where each side's first Write waits for the other's
// Read: eager, lazy, and lazy with lazy.
func TestUnbufferedStreams(t *testing.T) {
	for transport, open := range map[string]func() (io.ReadWriteCloser, io.ReadWriteCloser){
		"io.Pipe":  ioPipes,
		"net.Pipe": func() (io.ReadWriteCloser, io.ReadWriteCloser) { a, b := net.Pipe(); return a, b },
	} {
		for how, initiate := range map[string]func(rwc io.ReadWriteCloser) (io.ReadWriter, error){
			"eager": func(rwc io.ReadWriteCloser) (io.ReadWriter, error) {
				return rwc, SelectProtoOrFail("/a", rwc)
			},
			"lazy": func(rwc io.ReadWriteCloser) (io.ReadWriter, error) {
				return NewMSSelect(rwc, "/a"), nil
			},
		} {
			t.Run(transport+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					a, b := open()
					var m MultistreamMuxer[string]
					m.AddHandler("/a", func(_ string, rwc io.ReadWriteCloser) error {
						mustRead(t, rwc, "hello")
						mustWrite(t, rwc, "world")
						return nil
					})
					go m.Handle(b)
					rw, err := initiate(a)
					if err != nil {
						t.Fatal(err)
					}
					mustWrite(t, rw, "hello")
					mustRead(t, rw, "world")
					if took := time.Since(start); took != 0 {
						t.Errorf("it took %v", took)
					}
				})
			})
		}
		t.Run(transport+" lazy with lazy", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := open()
				la, lb := NewMSSelect(a, "/a"), NewMSSelect(b, "/a")
				go io.WriteString(la, "hello")
				go io.WriteString(lb, "world")
				mustRead(t, la, "world")
				mustRead(t, lb, "hello")
			})
		})
	}
}

// A silent peer holds an initiator for a minute. Where nothing else can free it,
// the stream is ended.
func TestSelectBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := ends()
		b, _ := ends()
		c, _ := ends()
		for _, stream := range []struct {
			io.ReadWriteCloser
			takes time.Duration
		}{{a, time.Minute}, {struct {
			io.ReadWriteCloser
			resetter
		}{b, b}, time.Minute}, {deaf{c}, time.Minute + time.Second}} {
			start := time.Now()
			err := SelectProtoOrFail("/a", stream.ReadWriteCloser)
			timeout, ok := errors.AsType[interface {
				error
				Timeout() bool
			}](err)
			if !ok || !timeout.Timeout() || time.Since(start) != stream.takes {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
		if a.ended() != nil || b.ended() != errReset || c.ended() != errReset {
			t.Errorf("ended: %v, %v, %v", a.ended(), b.ended(), c.ended())
		}
	})
}

// deaf is a stream whose deadlines do nothing.
type deaf struct{ *side }

func (deaf) SetDeadline(time.Time) error { return nil }

type resetter interface{ Reset() error }

// Deadlines of the caller are not touched, and are returned as they are.
func TestCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := ends()
		start := time.Now()
		a.SetDeadline(start.Add(time.Second))
		if err := SelectProtoOrFail("/a", a); err != os.ErrDeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// More proposals than a responder of ours takes are the caller's affair.
func TestManyProposals(t *testing.T) {
	a, b := ends()
	protos := make([]string, 300)
	for i := range protos {
		protos[i] = strings.Repeat("x", i+1)
	}
	go func() {
		mustWrite(t, b, say(header))
		mustRead(t, b, say(header))
		for i, p := range protos {
			mustRead(t, b, say(p))
			if i == len(protos)-1 {
				mustWrite(t, b, say(p))
				return
			}
			mustWrite(t, b, say("na"))
		}
	}()
	if got, err := SelectOneOf(protos, a); got != protos[299] || err != nil {
		t.Errorf("%.20q, %v", got, err)
	}
}

func TestReadNextToken(t *testing.T) {
	for said, want := range map[string]error{
		say("/a") + "rest":    nil,
		say("") + "rest":      nil,
		"":                    io.EOF,
		"\x05/a":              io.ErrUnexpectedEOF,
		"\x80":                io.ErrUnexpectedEOF,
		"\x81\x08x":           ErrTooLarge,
		"\x00x":               multiselect.ErrMalformed,
		"\x02xx":              multiselect.ErrMalformed,
		"\x82\x00/a":          multiselect.ErrMalformed,
		say("/a\nb") + "rest": nil,
	} {
		r := strings.NewReader(said)
		text, err := ReadNextToken[name](r)
		if err != want && (want != multiselect.ErrMalformed || !errors.Is(err, want)) {
			t.Errorf("%q: %v, want %v", said, err, want)
		}
		if rest, _ := io.ReadAll(r); err == nil && say(string(text))+string(rest) != said {
			t.Errorf("%q: %q, left %q", said, text, rest)
		}
	}
}
