package multiselect_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// faulty is a stream that takes a certain number of bytes, and then fails once.
type faulty struct {
	*conn
	mu    sync.Mutex
	takes int // before it fails, -1 for never
	err   error
}

func (f *faulty) Write(p []byte) (int, error) {
	f.mu.Lock()
	takes := f.takes
	f.takes -= len(p)
	if takes < 0 || takes >= len(p) {
		f.mu.Unlock()
		return f.conn.Write(p)
	}
	f.takes = -1
	f.mu.Unlock()
	n, _ := f.conn.Write(p[:takes])
	return n, f.err
}

// A write that fails at any byte says exactly how many bytes of the payload have
// been written, and whoever goes on from there loses nothing and says nothing
// twice.
func TestLazyFaults(t *testing.T) {
	payload := string(early(20))
	long := string(early(5000)) // in two writes
	for _, tt := range []struct {
		name, payload string
		err, want     error
	}{
		{"an error", payload, errEnough, errEnough},
		{"a deadline", payload, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		{"short, without an error", payload, nil, io.ErrShortWrite},
		{"two writes", long, errEnough, errEnough},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := flightLazy + tt.payload
			for takes := range len(all) {
				if len(all) > 1000 && takes > 50 && takes < 4000 {
					continue
				}
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), &faulty{conn: a, takes: takes, err: tt.err})
				n, err := io.WriteString(l, tt.payload)
				if want := max(0, takes-len(flightLazy)); n != want || !errors.Is(err, tt.want) {
					t.Fatalf("fails after %d: Write = %d, %v; want %d, %v", takes, n, err, want, tt.want)
				}
				mustWrite(t, l, tt.payload[n:])
				mustRead(t, b, all)
				mustWrite(t, b, flightLazy+"hello")
				mustRead(t, l, "hello")
				a.Close()
				if rest, err := io.ReadAll(b); len(rest) > 0 || err != nil {
					t.Fatalf("fails after %d: %q too many, %v", takes, rest, err)
				}
			}
		})
	}
}

// A peer that has refused and left leaves two things: a connection that cannot be
// written to, and its answer. The Write that finds the first returns the second.
func TestLazyWriteFindsRefusal(t *testing.T) {
	for _, reset := range []error{syscall.ECONNRESET, syscall.EPIPE} {
		a, b := conns(plenty)
		l := lazy(t, new(multiselect.Client), &faulty{conn: a, takes: len(flightLazy) + 2, err: reset})
		mustWrite(t, l, "\x06D")
		mustWrite(t, b, say(wire.Header, "na"))
		for range 2 {
			if n, err := io.WriteString(l, "ELETE"); n != 0 || !errors.Is(err, multiselect.ErrNotSupported) {
				t.Errorf("Write = %d, %v", n, err)
			}
		}
	}
}

// The same for the calls that send the header and the proposal alone.
func TestLazyFaultsInHeader(t *testing.T) {
	for name, call := range map[string]func(l *multiselect.LazyStream) error{
		"Flush": (*multiselect.LazyStream).Flush,
		"Read":  func(l *multiselect.LazyStream) error { return none(l.Read(make([]byte, 1))) },
		"Write": func(l *multiselect.LazyStream) error { return none(l.Write([]byte("\x01\n"))) },
		"Wait":  func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			for takes := range len(flightLazy) {
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), &faulty{conn: a, takes: takes, err: errEnough})
				if err := call(l); err != errEnough || l.State() != multiselect.LazyPending {
					t.Fatalf("fails after %d: %v, %v", takes, err, l.State())
				}
				agree(t, l, b)
			}
		})
	}
}

// A write that fails for good while the outcome is pending does not hide it: the
// refusal that the peer had sent before it ended the stream is still heard.
func TestLazyRefusalBehindFailedWrite(t *testing.T) {
	a, b := conns(plenty)
	l := lazy(t, new(multiselect.Client), a)
	mustWrite(t, l, "\x05")
	mustWrite(t, b, say(wire.Header, "na"))
	b.CloseRead()
	if n, err := l.Write([]byte("abcd")); n != 0 || err != errUnwanted {
		t.Errorf("Write = %d, %v", n, err)
	}
	if err := l.Wait(context.Background()); !errors.Is(err, multiselect.ErrNotSupported) {
		t.Error(err)
	}
}

// A write that is blocked when the refusal arrives returns it, with its count.
func TestLazyRefusedWhileWriting(t *testing.T) {
	for name, end := range map[string]struct {
		answer string
		want   error
	}{
		"refused": {say(wire.Header, "na"), multiselect.ErrNotSupported},
		"silent":  {"", os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(1000)
				l := lazy(t, new(multiselect.Client), a)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if n, err := l.Write(early(3000)); n != 1000-len(flightLazy) || !errors.Is(err, end.want) {
						t.Errorf("Write = %d, %v", n, err)
					}
				}()
				synctest.Wait()
				mustWrite(t, b, end.answer)
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, end.want) {
					t.Errorf("Read = %v", err)
				}
				<-done
			})
		})
	}
}

// A deadline that passes while the answer arrives, after any of its bytes, is
// forgotten when it is moved: nothing of the answer is lost.
func TestLazyDeadlineInAnswer(t *testing.T) {
	for _, early := range []bool{true, false} {
		for cut := range len(flightLazy) + 1 {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), a)
				mustWrite(t, l, "x")
				start := time.Now()
				if early { // and otherwise while a Read reads the answer itself
					l.SetReadDeadline(start.Add(time.Second))
				}
				time.AfterFunc(time.Second/2, func() {
					b.Write([]byte(flightLazy[:cut]))
					l.SetReadDeadline(start.Add(time.Second))
				})
				for range 2 {
					n, err := l.Read(make([]byte, 10))
					if n != 0 || err != os.ErrDeadlineExceeded && !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
						t.Fatalf("Read = %d, %v after %v", n, err, time.Since(start))
					}
				}
				mustWrite(t, b, flightLazy[cut:]+"payload")
				time.Sleep(time.Minute)
				l.SetReadDeadline(time.Time{})
				mustRead(t, l, "payload")
				l.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				if got := strings.Join(a.wrote(), ""); got != flightLazy+"x" {
					t.Errorf("on the wire: %q", got)
				}
				l.Close()
			})
		}
	}
}

// A deadline that was set while the outcome was pending holds behind it.
func TestLazyDeadlineIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		l := lazy(t, new(multiselect.Client), a)
		start := time.Now()
		l.SetReadDeadline(start.Add(time.Second))
		mustWrite(t, b, flightLazy)
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if l.State() != multiselect.LazyAgreed {
			t.Error(l.State())
		}
	})
}

// A deadline that the owner of the stream sets past the LazyStream, as go-libp2p
// does, is no outcome either: who waits gets it, and may wait again.
func TestLazyOwnersDeadline(t *testing.T) {
	for name, wait := range map[string]func(l *multiselect.LazyStream) error{
		"Read":  func(l *multiselect.LazyStream) error { _, err := l.Read(make([]byte, 1)); return err },
		"Write": func(l *multiselect.LazyStream) error { _, err := l.Write([]byte("\x02a\n")); return err },
		"Wait":  func(l *multiselect.LazyStream) error { return l.Wait(context.Background()) },
	} {
		for cut := range len(flightLazy) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				l := lazy(t, new(multiselect.Client), a)
				mustWrite(t, b, flightLazy[:cut])
				start := time.Now()
				a.SetReadDeadline(start.Add(time.Second))
				for range 2 {
					if err := wait(l); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
						t.Fatalf("%s = %v after %v", name, err, time.Since(start))
					}
				}
				if got := l.State(); got != multiselect.LazyPending {
					t.Fatal(got)
				}
				a.SetReadDeadline(time.Time{})
				mustWrite(t, b, flightLazy[cut:]+"payload")
				if err := wait(l); err != nil {
					t.Errorf("%s = %v", name, err)
				}
				l.Close()
			})
		}
	}
}

// The deadline of a Write that waits is no outcome either.
func TestLazyWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		l := lazy(t, new(multiselect.Client), a)
		start := time.Now()
		l.SetWriteDeadline(start.Add(time.Second))
		if n, err := l.Write([]byte("\x02a\n")); n != 0 || err != os.ErrDeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("Write = %d, %v after %v", n, err, time.Since(start))
		}
		l.SetWriteDeadline(time.Time{})
		mustRead(t, b, flightLazy)
		mustWrite(t, b, flightLazy)
		mustWrite(t, l, "\x02a\n")
		mustRead(t, b, "\x02a\n")
		l.Close()
	})
}

// A Write that is blocked in the stream meets its deadline with an exact count.
func TestLazyBlockedWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(100)
		l := lazy(t, new(multiselect.Client), a)
		p := string(early(500))
		l.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := io.WriteString(l, p)
		if n != 100-len(flightLazy) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %d, %v", n, err)
		}
		l.SetWriteDeadline(time.Time{})
		go io.WriteString(l, p[n:])
		mustRead(t, b, flightLazy+p)
		l.Reset()
	})
}

// The budget runs while a call waits for the answer, all in all, and not otherwise.
func TestLazyBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		l := lazy(t, new(multiselect.Client), a)
		mustWrite(t, l, "x")
		time.Sleep(time.Hour)
		for range 3 { // 9 s in all, two calls at a time
			l.SetDeadline(time.Now().Add(3 * time.Second))
			go l.Write([]byte("\n\n"))
			if _, err := l.Read(make([]byte, 1)); err != os.ErrDeadlineExceeded {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		mustWrite(t, b, flightLazy[:5])
		l.SetDeadline(time.Time{})
		start := time.Now()
		_, err := l.Read(make([]byte, 1))
		failed, ok := errors.AsType[*multiselect.Error](err)
		if !ok || !failed.Timeout() || time.Since(start) != time.Second || string(failed.Received) != flightLazy[:5] {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestLazyNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		l := lazy(t, &multiselect.Client{Limits: multiselect.Limits{Timeout: -1}}, a)
		time.AfterFunc(time.Hour, func() { b.Write([]byte(flightLazy + "x")) })
		mustRead(t, l, "x")
	})
}

// Whatever it is handed may panic. The lock is free afterwards.
func TestLazyPanics(t *testing.T) {
	panicking := func(f func()) (p any) {
		defer func() { p = recover() }()
		f()
		return nil
	}
	a, b := conns(plenty)
	s := &panics{conn: a, inWrite: true}
	l := lazy(t, new(multiselect.Client), s)
	for what, call := range map[string]func(){
		"Write": func() { l.Write([]byte("x")) },
		"Read":  func() { l.Read(make([]byte, 1)) }, // which has the header to send
		"long":  func() { l.Write(make([]byte, 100)) },
	} {
		if p := panicking(call); p != "a stream" {
			t.Fatal(what, p)
		}
		if state := l.State(); state != multiselect.LazyPending { // or it waits for ever
			t.Fatal(what, state)
		}
	}
	s.inWrite, s.inRead = false, true
	mustWrite(t, l, "x")
	mustRead(t, b, flightLazy+"x")
	if p := panicking(func() { l.Read(make([]byte, 1)) }); p != "a stream" {
		t.Fatal(p)
	}
	if err := l.Wait(context.Background()); err == nil || !strings.Contains(err.Error(), "panic") || len(a.ended()) != 1 {
		t.Error(err, a.ended())
	}
}

type panics struct {
	*conn
	inRead, inWrite bool
}

func (p *panics) Read(b []byte) (int, error) {
	if p.inRead {
		panic("a stream")
	}
	return p.conn.Read(b)
}

func (p *panics) Write(b []byte) (int, error) {
	if p.inWrite {
		panic("a stream")
	}
	return p.conn.Write(b)
}
