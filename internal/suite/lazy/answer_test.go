package lazy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/transcript"
)

// TestLazyBudget checks that the timeout of the negotiation bounds the sum of the times
// during which calls wait for the answer, and runs at no other time.
func TestLazyBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.Lazy(t, a)
		streamtest.MustWrite(t, l, "x")
		time.Sleep(time.Hour)
		for range 3 { // 9 s in all, two calls at a time
			l.SetDeadline(time.Now().Add(3 * time.Second))
			go l.Write([]byte("\n\n"))
			if _, err := l.Read(make([]byte, 1)); err != os.ErrDeadlineExceeded {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		streamtest.MustWrite(t, b, apitest.LazyFlight[:5])
		l.SetDeadline(time.Time{})
		start := time.Now()
		_, err := l.Read(make([]byte, 1))
		failed, ok := errors.AsType[*multiselect.Error](err)
		if !ok || !failed.Timeout() || time.Since(start) != time.Second || string(failed.Received) != apitest.LazyFlight[:5] {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestLazyNoBudget waits for longer than the default timeout with Timeout off.
func TestLazyNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := apitest.Pipe(apitest.LargeBuffer)
		l := apitest.LazyOf(t, &multiselect.Client{Limits: multiselect.Limits{Timeout: -1}}, a)
		time.AfterFunc(time.Hour, func() { b.Write([]byte(apitest.LazyFlight + "x")) })
		streamtest.MustRead(t, l, "x")
	})
}

// TestLazyBudgetInHeader checks that the timeout also bounds a call that is blocked because
// the peer does not read the header.
func TestLazyBudgetInHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := apitest.Pipe(10)
		l := apitest.Lazy(t, a)
		start := time.Now()
		_, err := l.Read(make([]byte, 1))
		failed, ok := errors.AsType[*multiselect.Error](err)
		if !ok || !failed.Timeout() || time.Since(start) != 10*time.Second || failed.BytesSent != 10 {
			t.Errorf("%#v after %v", err, time.Since(start))
		}
	})
}

// TestLazyTrace checks that a trace records the messages of the negotiation and not the
// payload, and one outcome.
func TestLazyTrace(t *testing.T) {
	for _, tt := range []struct {
		name, answer, want string
		buffered           bool
	}{
		{"agreed", apitest.LazyFlight, "> /multistream/1.0.0\n> /foo/1.0.0\n< /multistream/1.0.0\n< /foo/1.0.0\n", true},
		{"refused", apitest.LazyRefusal, "> /multistream/1.0.0\n> /foo/1.0.0\n< /multistream/1.0.0\n< na\n", true},
		{"over a pipe", apitest.LazyFlight, "> /multistream/1.0.0\n> /foo/1.0.0\n< /multistream/1.0.0\n< /foo/1.0.0\n", false},
		{"no answer", "", "> /multistream/1.0.0\n> /foo/1.0.0\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var traced bytes.Buffer
				var outcomes []multiselect.Outcome
				ctx := multiselect.WithTrace(context.Background(), transcript.NewTrace(&traced))
				ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) { outcomes = append(outcomes, o) }})
				ctx, cancel := context.WithCancel(ctx)
				var a, b io.ReadWriteCloser
				if tt.buffered {
					a, b = apitest.Pipe(apitest.LargeBuffer)
				} else {
					a, b = net.Pipe()
				}
				l, err := new(multiselect.Client).Lazy(ctx, a, apitest.NameA)
				if err != nil {
					t.Fatal(err)
				}
				cancel()
				go func() {
					streamtest.MustRead(t, b, apitest.LazyFlight)
					io.WriteString(b, tt.answer)
					io.Copy(io.Discard, b)
				}()
				l.Write([]byte("x"))
				err = l.Wait(context.Background())
				if got := traced.String(); got != tt.want {
					t.Errorf("traced\n%s", got)
				}
				if len(outcomes) != 1 {
					t.Fatalf("%d outcomes", len(outcomes))
				}
				o := outcomes[0]
				if o.Err != err || (o.Protocol == apitest.NameA) != (err == nil) || o.Proposals != 1 || o.Flights != 1 ||
					o.BytesSent != len(apitest.LazyFlight) || o.BytesReceived != len(tt.answer) {
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

// TestLazyTraceReset checks that a Reset before the first flight has an outcome, too.
func TestLazyTraceReset(t *testing.T) {
	var outcomes []multiselect.Outcome
	ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{Done: func(o multiselect.Outcome) { outcomes = append(outcomes, o) }})
	a, _ := apitest.Pipe(apitest.LargeBuffer)
	l, err := new(multiselect.Client).Lazy(ctx, a, apitest.NameA)
	if err != nil {
		t.Fatal(err)
	}
	l.Reset()
	if len(outcomes) != 1 || !errors.Is(outcomes[0].Err, net.ErrClosed) || outcomes[0].BytesSent != 0 {
		t.Errorf("%+v", outcomes)
	}
}
