package multiselect_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Moments that two things share, brought about on purpose.

// meddled is a stream whose Read and Write let something happen in between.
type meddled struct {
	*conn
	read  func(n int, err error) (int, error) // behind each Read
	write func(p []byte) (int, error)         // in place of the first Write
}

func (m *meddled) Read(p []byte) (int, error) {
	n, err := m.conn.Read(p)
	if m.read != nil {
		return m.read(n, err)
	}
	return n, err
}

func (m *meddled) Write(p []byte) (int, error) {
	if write := m.write; write != nil {
		m.write = nil
		return write(p)
	}
	return m.conn.Write(p)
}

// A deadline that comes when the answer has been read comes too late to stop
// that, and leaves nothing on the stream.
func TestLazyInterruptedTooLate(t *testing.T) {
	for answer, want := range map[string]error{
		flightLazy:              nil,
		say(wire.Header, "na"):  multiselect.ErrNotSupported,
		say(wire.Header, nameB): multiselect.ErrUnexpectedAnswer,
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := conns(plenty)
			s := &meddled{conn: a}
			l := lazy(t, new(multiselect.Client), s)
			s.read = func(n int, err error) (int, error) {
				if n == 0 {
					return n, err
				}
				s.read = nil
				l.SetReadDeadline(time.Now().Add(time.Hour))
				l.SetReadDeadline(time.Time{})
				return n, err
			}
			mustWrite(t, b, answer)
			time.AfterFunc(time.Second, func() { b.Write([]byte("x")) })
			if _, err := l.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if want == nil && !a.in.readBy.IsZero() {
				t.Error("there is a deadline left")
			}
		})
	}
}

// A Read that waits behind the header of a Write sends what that could not.
func TestLazyReadTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		release := make(chan struct{})
		s := &meddled{conn: a, write: func(p []byte) (int, error) {
			<-release
			n, _ := a.Write(p[:5])
			return n, errEnough
		}}
		l := lazy(t, new(multiselect.Client), s)
		go func() {
			if n, err := l.Write([]byte("x")); n != 0 || err != errEnough {
				t.Errorf("Write = %d, %v", n, err)
			}
		}()
		synctest.Wait()
		go func() {
			if _, err := l.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		close(release)
		mustRead(t, b, flightLazy)
		mustWrite(t, b, flightLazy+"y")
		synctest.Wait()
		if got := strings.Join(a.wrote(), ""); got != flightLazy {
			t.Errorf("on the wire: %q", got)
		}
	})
}

// A peer that does not even read the header holds a call for the budget.
func TestLazyBudgetInHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := conns(10)
		l := lazy(t, new(multiselect.Client), a)
		start := time.Now()
		_, err := l.Read(make([]byte, 1))
		failed, ok := errors.AsType[*multiselect.Error](err)
		if !ok || !failed.Timeout() || time.Since(start) != 10*time.Second || failed.BytesSent != 10 {
			t.Errorf("%#v after %v", err, time.Since(start))
		}
	})
}

// A deadline and the budget that are over in the same moment.
func TestLazyDeadlineAndBudget(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			a, _ := conns(plenty)
			l := lazy(t, new(multiselect.Client), a)
			l.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := l.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read = %v", err)
			}
			if err := l.Wait(context.Background()); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Wait = %v", err)
			}
		})
	}
}

// A read deadline that the stream has brought along counts until one is set, and
// then no more: not while the answer is awaited, and not in the linger.
func TestLazyForeignDeadline(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(l *multiselect.LazyStream)
		want error
	}{
		"it counts":     {func(*multiselect.LazyStream) {}, os.ErrDeadlineExceeded},
		"another":       {func(l *multiselect.LazyStream) { l.SetReadDeadline(time.Now().Add(time.Hour)) }, nil},
		"none":          {func(l *multiselect.LazyStream) { l.SetReadDeadline(time.Time{}) }, nil},
		"in the linger": {func(l *multiselect.LazyStream) { l.Close() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := conns(plenty)
				a.SetReadDeadline(time.Now().Add(time.Second))
				l := lazy(t, new(multiselect.Client), a)
				tt.do(l)
				time.AfterFunc(2*time.Second, func() {
					b.Write([]byte(flightLazy))
					b.CloseWrite()
				})
				if err := l.Wait(context.Background()); !errors.Is(err, tt.want) {
					t.Errorf("Wait = %v, want %v", err, tt.want)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}
