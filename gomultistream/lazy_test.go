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

var flight = say(header, "/a")

// Header, proposal and first data are one write, whose count is that of the data.
func TestLazyFirstWrite(t *testing.T) {
	a, b := ends()
	l := NewMSSelect(a, "/a")
	mustWrite(t, l, "data")
	if joined(a) != flight+"data" {
		t.Errorf("writes %q", joined(a))
	}
	mustWrite(t, b, flight+"reply")
	mustRead(t, l, "reply")
	mustRead(t, b, flight+"data")
	if n, err := l.Read(nil); n != 0 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
}

// What could be a proposal waits for the answer.
func TestLazyGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := ends()
		l := NewMSSelect(a, "/a")
		wrote := make(chan error)
		go func() {
			_, err := io.WriteString(l, say("/b"))
			wrote <- err
		}()
		synctest.Wait()
		if joined(a) != flight {
			t.Errorf("writes %q", joined(a))
		}
		mustWrite(t, b, flight)
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		mustRead(t, b, flight+say("/b"))
	})
}

// A refusal is the same value on every call, and ends the stream.
func TestLazyRefused(t *testing.T) {
	a, b := ends()
	l := NewMSSelect(a, name("/a"))
	mustWrite(t, l, "data")
	mustWrite(t, b, say(header, "na"))
	_, err1 := l.Read(make([]byte, 1))
	_, err2 := l.Write([]byte("x"))
	_, err3 := l.Read(nil)
	for i, err := range []error{err1, err2, err3, l.Flush()} {
		if refused, ok := err.(ErrNotSupported[name]); !ok || len(refused.Protos) != 1 || refused.Protos[0] != "/a" {
			t.Errorf("call %d: %#v", i, err)
		}
	}
	if err := l.Close(); err != nil || a.ended() != errReset {
		t.Errorf("Close = %v, ended: %v", err, a.ended())
	}
}

// Other answers are the same errors as those of eager calls.
func TestLazyErrors(t *testing.T) {
	for said, want := range map[string]error{
		"":                   io.EOF,
		say(header):          io.EOF,
		say(header) + "\x05": io.ErrUnexpectedEOF,
		say(header, "/b"):    ErrUnrecognizedResponse[string]{Actual: "/b", Expected: "/a"},
		say("/multistream"):  ErrIncorrectVersion,
	} {
		a, b := ends()
		l := NewMSSelect(a, "/a")
		mustWrite(t, b, said)
		b.CloseWrite()
		if _, err := l.Read(make([]byte, 1)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", said, err, want)
		}
	}
}

// The count of a Write that fails is what has left of its argument.
func TestLazyWriteCount(t *testing.T) {
	for left := range 40 {
		a, _ := ends()
		l := NewMSSelect(&short{a, left}, "/a")
		n, err := io.WriteString(l, "data")
		if want := max(0, min(left-len(flight), 4)); n != want || n < 4 && err == nil {
			t.Errorf("%d bytes: Write = %d, %v; want %d", left, n, err, want)
		}
	}
}

// short is a stream that takes so many bytes.
type short struct {
	*side
	left int
}

func (s *short) Write(p []byte) (int, error) {
	n := min(s.left, len(p))
	s.left -= n
	if n < len(p) {
		return n, errReset
	}
	return s.side.Write(p)
}

// A deadline of the stream below that passes while the answer is awaited leaves
// no trace, wherever the answer is cut.
func TestLazyDeadline(t *testing.T) {
	for cut := range len(flight) {
		synctest.Test(t, func(t *testing.T) {
			a, b := ends()
			l := NewMSSelect(a, "/a")
			mustWrite(t, b, flight[:cut])
			a.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			a.SetReadDeadline(time.Time{})
			mustWrite(t, b, flight[cut:]+"reply")
			mustRead(t, l, "reply")
		})
	}
}

// Close waits for the answer for at most 150 ms, and what was written arrives. In the end the
// stream has ended whatever the peer does.
func TestLazyClose(t *testing.T) {
	for what, scene := range map[string]struct {
		peer  func(t *testing.T, peer *side)
		takes time.Duration
	}{
		"silent": {func(*testing.T, *side) {}, 150 * time.Millisecond},
		"answers and ends": {func(t *testing.T, peer *side) {
			mustRead(t, peer, flight+"data")
			time.Sleep(40 * time.Millisecond)
			mustWrite(t, peer, flight)
			peer.Close()
		}, 40 * time.Millisecond},
		"refuses":      {func(t *testing.T, peer *side) { mustWrite(t, peer, say(header, "na")) }, 0},
		"leaves":       {func(t *testing.T, peer *side) { peer.Reset() }, 0},
		"answers late": {answerLate, 150 * time.Millisecond},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := ends()
				start := time.Now()
				l := NewMSSelect(a, "/a")
				mustWrite(t, l, "data")
				go scene.peer(t, b)
				if err := errors.Join(l.Close(), l.Close()); err != nil || time.Since(start) != scene.takes {
					t.Errorf("Close = %v after %v", err, time.Since(start))
				}
				time.Sleep(time.Minute)
				if a.ended() == nil {
					t.Error("the stream has not ended")
				}
				if _, err := l.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read = %v", err)
				}
			})
		})
	}
}

// answerLate is a peer that answers after Close has returned. It receives the data and its end.
func answerLate(t *testing.T, peer *side) {
	time.Sleep(time.Second)
	mustRead(t, peer, flight+"data")
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("Read = %v", err)
	}
	mustWrite(t, peer, flight)
}

// When Close returns after the answer, the end of the data is sent, even if the answer was faster.
func TestLazyCloseSendsEnd(t *testing.T) {
	for takes, want := range map[time.Duration]time.Duration{
		10 * time.Millisecond: 10 * time.Millisecond,
		time.Second:           150 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := ends()
			l := NewMSSelect(&slowEnd{a, takes}, "/a")
			mustWrite(t, l, "data")
			mustWrite(t, b, flight)
			start := time.Now()
			if err := l.Close(); err != nil || time.Since(start) != want {
				t.Errorf("Close = %v after %v", err, time.Since(start))
			}
			a.out.mu.Lock()
			ended := a.out.over != nil
			a.out.mu.Unlock()
			if ended != (takes == want) {
				t.Errorf("the end is sent: %v", ended)
			}
			time.Sleep(time.Minute)
		})
	}
}

// slowEnd is a stream whose CloseWrite takes a while.
type slowEnd struct {
	*side
	takes time.Duration
}

func (s *slowEnd) CloseWrite() error {
	time.Sleep(s.takes)
	return s.side.CloseWrite()
}

// After the answer, Close is that of the stream, and starts no goroutine.
func TestLazyCloseAfterAnswer(t *testing.T) {
	for what, use := range map[string]func(t *testing.T, l LazyConn, peer *side){
		"it was read": func(t *testing.T, l LazyConn, peer *side) {
			mustWrite(t, peer, flight+"reply")
			mustRead(t, l, "reply")
		},
		"it was not read": func(t *testing.T, l LazyConn, peer *side) {
			mustWrite(t, l, "more") // a goroutine reads the answer
			mustWrite(t, peer, flight)
			synctest.Wait()
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := ends()
				l := NewMSSelect(a, "/a")
				mustWrite(t, l, "data")
				use(t, l, b)
				if err := l.Close(); err != nil || a.ended() != net.ErrClosed {
					t.Errorf("Close = %v, ended: %v", err, a.ended())
				}
			})
		})
	}
}

// One request starts no goroutine on a stream with buffers. From the second Write on, and for a
// large first one, a goroutine reads the answer: the peer may be unable to read before.
func TestLazyReader(t *testing.T) {
	for what, scene := range map[string]struct {
		use   func(t *testing.T, l LazyConn)
		reads int
	}{
		"nothing":       {func(t *testing.T, l LazyConn) {}, 0},
		"Write":         {func(t *testing.T, l LazyConn) { mustWrite(t, l, "data") }, 0},
		"Flush":         {func(t *testing.T, l LazyConn) { l.Flush() }, 0},
		"Write, Flush":  {func(t *testing.T, l LazyConn) { mustWrite(t, l, "data"); l.Flush() }, 0},
		"Write, Write":  {func(t *testing.T, l LazyConn) { mustWrite(t, l, "data"); mustWrite(t, l, "more") }, 1},
		"Flush, Write":  {func(t *testing.T, l LazyConn) { l.Flush(); mustWrite(t, l, "data") }, 1},
		"a large Write": {func(t *testing.T, l LazyConn) { mustWrite(t, l, strings.Repeat("x", 5000)) }, 1},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := ends()
				l := NewMSSelect(a, "/a")
				scene.use(t, l)
				synctest.Wait()
				a.mu.Lock()
				reads := a.reads
				a.mu.Unlock()
				if reads != scene.reads {
					t.Errorf("%d reads", reads)
				}
				b.Reset()
				l.Close()
			})
		})
	}
}

// Flush, and Close of a stream that was not used, send the header all the same.
func TestLazyFlush(t *testing.T) {
	for _, call := range []func(LazyConn) error{
		LazyConn.Flush,
		LazyConn.Close,
		func(l LazyConn) error { _, err := l.Write(nil); return err },
	} {
		a, b := ends()
		l := NewMSSelect(a, "/a")
		if err := call(l); err != nil {
			t.Error(err)
		}
		mustRead(t, b, flight)
		l.Close()
		b.Close()
	}
}

// Names that cannot be proposed fail before a byte is sent.
func TestLazyInvalidName(t *testing.T) {
	for _, name := range []string{"", "na", "a\nb", "/a ", strings.Repeat("x", 1024)} {
		a, _ := ends()
		l := NewMSSelect(a, name)
		_, err1 := l.Read(make([]byte, 1))
		_, err2 := l.Write([]byte("x"))
		for _, err := range []error{err1, err2, l.Flush()} {
			if !errors.Is(err, multiselect.ErrInvalidName) {
				t.Errorf("%.20q: %v", name, err)
			}
		}
		if err := l.Close(); err != nil || joined(a) != "" || a.ended() == nil {
			t.Errorf("%.20q: Close = %v, writes %q, ended: %v", name, err, joined(a), a.ended())
		}
	}
}

// NewMultistream neither sends the header nor waits for it.
func TestNewMultistream(t *testing.T) {
	a, b := ends()
	l := NewMultistream(a, "/a")
	mustWrite(t, l, "data")
	if joined(a) != say("/a")+"data" {
		t.Errorf("writes %q", joined(a))
	}
	mustWrite(t, b, say("/a")+"reply")
	mustRead(t, l, "reply")
	if err := l.Close(); err != nil || a.ended() == nil {
		t.Errorf("Close = %v, ended: %v", err, a.ended())
	}

	a, b = ends()
	l = NewMultistream(a, "/a")
	mustWrite(t, b, say("na"))
	if _, err := l.Read(make([]byte, 1)); !errors.Is(err, ErrNotSupported[string]{}) || a.ended() != nil {
		t.Errorf("Read = %v, ended: %v", err, a.ended())
	}
	if err := l.Close(); err != nil || a.ended() == nil {
		t.Errorf("Close = %v, ended: %v", err, a.ended())
	}
}
