package conversation_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// On a stream without a buffer a Write returns when the peer has read. There, two sides
// that write first wait for each other forever, unless one of them also reads (R28). Fake
// time turns forever into the time limit.

// rendezvous runs a test on both kinds of stream, in fake time.
func rendezvous(t *testing.T, test func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool)) {
	t.Helper()
	for _, via := range []streamtest.Transport{streamtest.OverNetPipe, streamtest.OverIOPipes} {
		t.Run(via.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ours, theirs := via.Open(t)
				defer ours.Close()
				defer theirs.Close()
				test(t, ours, theirs, via.Unbuffered)
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v: one side waited without need", took)
				}
			})
		})
	}
}

// act is a peer that reads and writes in an order of its own. A step is the bytes to be
// written or, after an arrow, to be read.
func act(t *testing.T, peer io.ReadWriter, steps ...string) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, step := range steps {
			if step[0] != '<' {
				if _, err := io.WriteString(peer, step); err != nil {
					t.Errorf("writing %q: %v", step, err)
				}
				continue
			}
			got := make([]byte, len(step)-1)
			if _, err := io.ReadFull(peer, got); err != nil || string(got) != step[1:] {
				t.Errorf("read %q, %v; want %q", got, err, step[1:])
			}
		}
	}()
	return done
}

func TestRendezvousBothSides(t *testing.T) {
	rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
		m := apitest.Muxer(t, "/z/1.0.0")
		m.Unbuffered = unbuffered
		done := make(chan error, 1)
		go func() {
			_, _, err := m.Negotiate(t.Context(), theirs)
			done <- err
		}()
		cl := multiselect.Client{Unbuffered: unbuffered}
		protocol, err := cl.SelectOneOf(t.Context(), ours, nameA, nameB, "/z/1.0.0")
		if protocol != "/z/1.0.0" || err != nil {
			t.Error(protocol, err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		peer := act(t, theirs, "payload", "<request")
		act(t, ours, "<payload", "request")
		<-peer
	})
}

// Responders of every kind: they send their header before they read, after they have
// read the header, or together with the answer.
func TestRendezvousInitiator(t *testing.T) {
	h, a, b, na := messages(wire.Header), messages(nameA), messages(nameB), messages(wire.NA)
	for i, steps := range [][]string{
		{h, "<" + h, "<" + a, na, "<" + b, b},
		{h, "<" + h + a, na, "<" + b, b},
		{"<" + h, h, "<" + a, na, "<" + b, b},
		{"<" + h + a, h + na, "<" + b, b},
		{"<" + h + a, h, na, "<" + b[:1], "<" + b[1:], b},
		{"<" + h[:1], h[:1], "<" + h[1:], h[1:], "<" + a, na, "<" + b, b},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
				peer := act(t, theirs, steps...)
				cl := multiselect.Client{Unbuffered: unbuffered}
				if protocol, err := cl.SelectOneOf(t.Context(), ours, nameA, nameB); protocol != nameB || err != nil {
					t.Errorf("%q, %v", protocol, err)
				}
				<-peer
			})
		})
	}
}

// Initiators of every kind: they wait for each answer, do not wait for the header, or
// read only after they have sent everything.
func TestRendezvousResponder(t *testing.T) {
	h, a, x, na, ls := messages(wire.Header), messages(nameA), messages("/nope"), messages(wire.NA), messages(wire.LS)
	list := string(wire.AppendList(nil, []string{nameA}))
	for i, steps := range [][]string{
		{h, "<" + h, x, "<" + na, a, "<" + a},
		{h + x, "<" + h + na, a, "<" + a},
		{h, x, "<" + h + na, a, "<" + a},
		{h, "<" + h, a, "<" + a},
		{h + ls + x, "<" + h + list + na, a, "<" + a},
		{h[:5], h[5:] + a[:3], a[3:], "<" + h + a},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
				peer := act(t, theirs, steps...)
				m := apitest.Muxer(t, nameA)
				m.Unbuffered = unbuffered
				if protocol, _, err := m.Negotiate(t.Context(), ours); protocol != nameA || err != nil {
					t.Errorf("%q, %v", protocol, err)
				}
				<-peer
			})
		})
	}
}

// The steps keep nothing running between them.
func TestRendezvousSteps(t *testing.T) {
	h, a, b, na, ls := messages(wire.Header), messages(nameA), messages(nameB), messages(wire.NA), messages(wire.LS)
	list := string(wire.AppendList(nil, []string{nameB}))
	rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
		peer := act(t, theirs, h, "<"+h, "<"+ls, list, "<"+a, na, "<"+ls+b, na, b)
		cl := multiselect.Client{Unbuffered: unbuffered}
		c := multiselect.NewCommunicator(ours)
		var sent []int
		ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(o multiselect.Outcome) { sent = append(sent, o.BytesSent) }})
		if err := cl.Handshake(ctx, c); err != nil {
			t.Error(err)
		}
		if got, err := cl.List(ctx, c); err != nil || !slices.Equal(got.Names, []string{nameB}) {
			t.Error(got, err)
		}
		if err := cl.TrySelect(ctx, c, nameA); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
		if got, err := cl.ListAndTrySelect(ctx, c, nameB); err != nil || got.Names != nil {
			t.Error(got, err)
		}
		if want := []int{20, 24, 36, 52}; !slices.Equal(sent, want) {
			t.Errorf("bytes sent after each step %d, want %d", sent, want)
		}
		<-peer
	})
}

// Wherever a peer stops, the time limit ends the call, and no goroutine is left: the
// bubble would not end.
func TestRendezvousStalls(t *testing.T) {
	h, a, na := messages(wire.Header), messages(nameA), messages(wire.NA)
	for _, tt := range []struct {
		name  string
		fits  func(apitest.Call) bool
		steps []string
	}{
		{"peer does nothing", func(apitest.Call) bool { return true }, nil},
		{"responder answers what it has not read", func(c apitest.Call) bool { return c.Starts && c.Name != "Client.Handshake" }, []string{h + na}},
		{"initiator does not read the echo", func(c apitest.Call) bool { return !c.Starts }, []string{h, "<" + h[:3]}},
		{"initiator does not read at all", func(c apitest.Call) bool { return !c.Starts && c.Name != "Muxer.Handshake" }, []string{h + a}},
		{"responder reads half a flight", func(c apitest.Call) bool { return c.Starts && c.Name != "Client.Handshake" }, []string{"<" + h, h}},
	} {
		for _, call := range apitest.Calls() {
			if !tt.fits(call) {
				continue
			}
			t.Run(tt.name+"/"+call.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ours, theirs := streamtest.OverNetPipe.Open(t)
					peer := act(t, theirs, tt.steps...)
					start := time.Now()
					err := call.Do(t.Context(), multiselect.Limits{}, ours)
					if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 10*time.Second {
						t.Errorf("%v after %v, want the time limit", err, time.Since(start))
					}
					<-peer
				})
			})
		}
	}
}

// A peer sends its header alone, and then more answers than there were questions before it
// reads again. The general loop, too, writes concurrently with its read (R28).
func TestRendezvousInTheGeneralLoop(t *testing.T) {
	rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
		done := make(chan struct{})
		defer func() { <-done }()
		go func() {
			defer close(done)
			streamtest.MustRead(t, theirs, messages(wire.Header, nameA))
			streamtest.MustWrite(t, theirs, messages(wire.Header))
			streamtest.MustWrite(t, theirs, messages("na"))
			streamtest.MustWrite(t, theirs, messages("na"))
			streamtest.MustRead(t, theirs, messages(nameB))
		}()
		client := multiselect.Client{Unbuffered: unbuffered, Limits: multiselect.Limits{Timeout: time.Second}}
		if _, err := client.SelectOneOf(t.Context(), ours, nameA, nameB); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
	})
}
