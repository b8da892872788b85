package multiselect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

var lazyTalks = []struct {
	name      string
	initiator func(l *multiselect.LazyStream) error
	handler   func(stream io.ReadWriteCloser)
}{
	{"request", func(l *multiselect.LazyStream) error {
		return errors.Join(second(l.Write([]byte("\x04ping"))), reads(l, "pong"))
	}, func(stream io.ReadWriteCloser) {
		reads(stream, "\x04ping")
		io.WriteString(stream, "pong")
	}},
	{"the responder speaks first", func(l *multiselect.LazyStream) error {
		return errors.Join(reads(l, "hello"), second(l.Write([]byte("\x02x\n"))))
	}, func(stream io.ReadWriteCloser) {
		io.WriteString(stream, "hello")
		reads(stream, "\x02x\n")
	}},
	{"Flush", func(l *multiselect.LazyStream) error {
		return errors.Join(l.Flush(), second(l.Write(nil)), reads(l, "hello"), second(l.Write([]byte("x"))))
	}, func(stream io.ReadWriteCloser) {
		io.WriteString(stream, "hello")
		reads(stream, "x")
	}},
	{"both at once", func(l *multiselect.LazyStream) error {
		written := make(chan error)
		go func() { written <- second(l.Write(early(100_000))) }()
		return errors.Join(reads(l, strings.Repeat("y", 100_000)), <-written)
	}, func(stream io.ReadWriteCloser) {
		io.WriteString(stream, strings.Repeat("y", 100_000))
		reads(stream, string(early(100_000)))
	}},
}

// Over pipes whose Write waits for the peer's Read nobody waits for the other,
// whoever speaks first, in the negotiation and behind it.
func TestLazyRendezvous(t *testing.T) {
	for _, tr := range transports {
		for _, tt := range lazyTalks {
			for _, late := range []bool{false, true} {
				t.Run(tr.name+"/"+tt.name, func(t *testing.T) {
					a, b := tr.open(t)
					l := lazy(t, &multiselect.Client{Unbuffered: tr.unbuffered}, a)
					m := &multiselect.Muxer{Unbuffered: tr.unbuffered}
					err := m.AddHandler(nameA, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
						tt.handler(stream)
						stream.Close()
					})
					if err != nil {
						t.Fatal(err)
					}
					var responder sync.WaitGroup
					handle := func() { responder.Go(func() { second(0, m.ServeStream(context.Background(), b)) }) }
					if late {
						time.AfterFunc(10*time.Millisecond, handle)
					} else {
						handle()
					}
					if err := tt.initiator(l); err != nil {
						t.Error(err)
					}
					l.Close()
					responder.Wait()
				})
			}
		}
	}
}

func reads(r io.Reader, want string) error {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if string(got) != want {
		return errors.New("read something else")
	}
	return nil
}

// The same pipes with peers that do nothing: Close takes no time, and nobody is
// left when the linger is over.
func TestLazyRendezvousClose(t *testing.T) {
	for name, before := range map[string]func(l *multiselect.LazyStream){
		"at once":    func(l *multiselect.LazyStream) {},
		"Flush":      func(l *multiselect.LazyStream) { l.Flush() },
		"Write":      func(l *multiselect.LazyStream) { go l.Write([]byte("x")) },
		"Read":       func(l *multiselect.LazyStream) { go l.Read(make([]byte, 1)) },
		"CloseWrite": func(l *multiselect.LazyStream) { go l.CloseWrite() },
		"CloseRead":  func(l *multiselect.LazyStream) { go l.CloseRead() },
	} {
		for _, open := range []transport{overNetPipe, overIOPipes} {
			for _, reads := range []bool{false, true} {
				t.Run(open.name+"/"+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						a, b := open.open(t)
						l := lazy(t, &multiselect.Client{Unbuffered: open.unbuffered}, a)
						before(l)
						synctest.Wait()
						start := time.Now()
						l.Close()
						if took := time.Since(start); took != 0 {
							t.Errorf("Close took %v", took)
						}
						if reads {
							mustRead(t, b, flightLazy)
							if _, err := io.WriteString(b, flightLazy); err != nil {
								t.Error(err)
							}
							if _, err := b.Read(make([]byte, 1)); err != io.EOF {
								t.Error(err)
							}
						}
						if err := l.Wait(context.Background()); (err == nil) != reads {
							t.Error(err)
						}
						if took := time.Since(start); took > 10*time.Second {
							t.Errorf("the linger took %v", took)
						}
						b.Close()
					})
				})
			}
		}
	}
}

// stack lays lazy streams on each other.
func stack(t testing.TB, below io.ReadWriteCloser, names []string) (top *multiselect.LazyStream) {
	t.Helper()
	for _, name := range names {
		var err error
		if top, err = new(multiselect.Client).Lazy(context.Background(), below, name); err != nil {
			t.Fatal(err)
		}
		below = top
	}
	return top
}

// A lazy stream over a lazy stream over a third: the proposal of one is early
// data of the one below, which its guard holds back, since a peer that refuses
// the one below would answer it.
func TestLazyNested(t *testing.T) {
	names := []string{"/secure/1.0.0", "/muxer/1.0.0", nameA}
	for refused := range len(names) + 1 {
		synctest.Test(t, func(t *testing.T) {
			a, b := conns(plenty)
			top := stack(t, a, names)
			ran := make(chan string, len(names)+1)
			var m multiselect.Muxer
			for i, name := range names {
				if i == refused {
					continue // but the names above are known on every level
				}
				m.AddHandler(name, func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
					ran <- protocol
					if protocol == nameA {
						io.Copy(bare{stream}, bare{stream})
						stream.Close()
						return
					}
					m.ServeStream(ctx, stream)
				})
			}
			go m.ServeStream(context.Background(), b)
			top.SetDeadline(time.Now().Add(time.Minute))
			_, err := io.WriteString(top, "\x09ping")
			if refused == len(names) {
				mustRead(t, top, "\x09ping")
			} else {
				if err == nil {
					err = second(top.Read(make([]byte, 1)))
				}
				if !errors.Is(err, multiselect.ErrNotSupported) {
					t.Errorf("level %d refused: %v", refused, err)
				}
			}
			top.Close()
			synctest.Wait()
			close(ran)
			var got []string
			for name := range ran {
				got = append(got, name)
			}
			if want := names[:refused]; !slices.Equal(got, want) {
				t.Errorf("handlers of %q ran, want %q", got, want)
			}
			if len(a.ended()) == 0 {
				t.Error("the stream is open")
			}
			b.Reset()
		})
	}
}

// The Close of the top closes all, with what was written.
func TestLazyNestedClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		below := lazy(t, new(multiselect.Client), a)
		top := lazy(t, new(multiselect.Client), below)
		start := time.Now()
		go top.Write([]byte("\x04ping"))
		synctest.Wait()
		if err := top.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close = %v after %v", err, time.Since(start))
		}
		mustRead(t, b, flightLazy)
		mustWrite(t, b, flightLazy)
		mustRead(t, b, flightLazy)
		mustWrite(t, b, flightLazy)
		if _, err := b.Read(make([]byte, 10)); err != io.EOF {
			t.Error(err)
		}
		b.CloseWrite()
		awaitLingers(t, time.Now())
	})
}

// The other roles over a lazy stream.
func TestLazyBelowEager(t *testing.T) {
	for _, tr := range transports {
		a, b := tr.open(t)
		l := lazy(t, &multiselect.Client{Unbuffered: tr.unbuffered}, a)
		m := &multiselect.Muxer{Unbuffered: tr.unbuffered}
		m.AddHandler(nameA, func(ctx context.Context, _ string, stream io.ReadWriteCloser) {
			m.ServeStream(ctx, stream)
		})
		m.AddHandler(nameB, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			io.WriteString(stream, "hello")
			stream.Close()
		})
		go m.ServeStream(context.Background(), b)
		got, err := (&multiselect.Client{Unbuffered: tr.unbuffered}).SelectOneOf(context.Background(), l, nameB)
		if got != nameB || err != nil {
			t.Errorf("%s: %q, %v", tr.name, got, err)
		}
		mustRead(t, l, "hello")
		l.Close()
	}
}

// The trace hears what is negotiated, not the payload, and once how it ended.
func TestLazyTrace(t *testing.T) {
	for _, tt := range []struct {
		name, answer, want string
		buffered           bool
	}{
		{"agreed", flightLazy, "> /multistream/1.0.0\n> /foo/1.0.0\n< /multistream/1.0.0\n< /foo/1.0.0\n", true},
		{"refused", say(wire.Header, "na"), "> /multistream/1.0.0\n> /foo/1.0.0\n< /multistream/1.0.0\n< na\n", true},
		{"over a pipe", flightLazy, "> /multistream/1.0.0\n> /foo/1.0.0\n< /multistream/1.0.0\n< /foo/1.0.0\n", false},
		{"nothing", "", "> /multistream/1.0.0\n> /foo/1.0.0\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard bytes.Buffer
				var outcomes []multiselect.Outcome
				ctx := multiselect.WithTrace(context.Background(), transcript.NewTrace(&heard))
				ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) { outcomes = append(outcomes, o) }})
				ctx, cancel := context.WithCancel(ctx)
				var a, b io.ReadWriteCloser
				if tt.buffered {
					a, b = conns(plenty)
				} else {
					a, b = net.Pipe()
				}
				l, err := new(multiselect.Client).Lazy(ctx, a, nameA)
				if err != nil {
					t.Fatal(err)
				}
				cancel()
				go func() {
					mustRead(t, b, flightLazy)
					io.WriteString(b, tt.answer)
					io.Copy(io.Discard, b)
				}()
				l.Write([]byte("x"))
				err = l.Wait(context.Background())
				if got := heard.String(); got != tt.want {
					t.Errorf("heard\n%s", got)
				}
				if len(outcomes) != 1 {
					t.Fatalf("%d outcomes", len(outcomes))
				}
				o := outcomes[0]
				if o.Err != err || (o.Protocol == nameA) != (err == nil) || o.Proposals != 1 || o.Flights != 1 ||
					o.BytesSent != len(flightLazy) || o.BytesReceived != len(tt.answer) {
					t.Errorf("%+v", o)
				}
				l.Close()
				synctest.Wait()
				if len(outcomes) != 1 {
					t.Errorf("%d outcomes", len(outcomes))
				}
				b.Close()
			})
		})
	}
}

// A Reset before anything was sent is an outcome too.
func TestLazyTraceReset(t *testing.T) {
	var outcomes []multiselect.Outcome
	ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{Done: func(o multiselect.Outcome) { outcomes = append(outcomes, o) }})
	a, _ := conns(plenty)
	l, err := new(multiselect.Client).Lazy(ctx, a, nameA)
	if err != nil {
		t.Fatal(err)
	}
	l.Reset()
	if len(outcomes) != 1 || !errors.Is(outcomes[0].Err, net.ErrClosed) || outcomes[0].BytesSent != 0 {
		t.Errorf("%+v", outcomes)
	}
}
