package multiselect_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// On a stream without a buffer a Write returns when the peer has read. There,
// two sides that write first wait for each other for ever, unless one of them
// goes on to read (R28). Fake time turns "for ever" into the budget.

// ioPipes is two [io.Pipe] as one stream. Nothing about it says that it has no
// buffer.
type ioPipes struct {
	*io.PipeReader
	*io.PipeWriter
}

func (p ioPipes) Close() error {
	p.PipeReader.CloseWithError(net.ErrClosed)
	return p.PipeWriter.Close()
}

func pipePair() (io.ReadWriteCloser, io.ReadWriteCloser) {
	ar, bw := io.Pipe()
	br, aw := io.Pipe()
	return ioPipes{ar, aw}, ioPipes{br, bw}
}

func netPair() (io.ReadWriteCloser, io.ReadWriteCloser) { return net.Pipe() }

// rendezvous runs a test on both kinds of stream, in fake time.
func rendezvous(t *testing.T, test func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool)) {
	t.Helper()
	for name, open := range map[string]func() (io.ReadWriteCloser, io.ReadWriteCloser){"net.Pipe": netPair, "io.Pipe": pipePair} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ours, theirs := open()
				defer ours.Close()
				defer theirs.Close()
				test(t, ours, theirs, name == "io.Pipe")
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v: somebody waited for nothing", took)
				}
			})
		})
	}
}

// act is a peer that reads and writes in an order of its own. A step is what
// it writes or, with an arrow in front, what it expects to read.
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
		m := serving(t, "/z/1.0.0")
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

// Responders of every kind: one that says its header before it reads, one that
// says it when it has read the header, one that says all at once.
func TestRendezvousInitiator(t *testing.T) {
	h, a, b, na := say(wire.Header), say(nameA), say(nameB), say(wire.NA)
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

// Initiators of every kind: one that waits for each answer, one that does not
// wait for the header, one that reads only when all is said.
func TestRendezvousResponder(t *testing.T) {
	h, a, x, na, ls := say(wire.Header), say(nameA), say("/nope"), say(wire.NA), say(wire.LS)
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
				m := serving(t, nameA)
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
	h, a, b, na, ls := say(wire.Header), say(nameA), say(nameB), say(wire.NA), say(wire.LS)
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

// A peer that stops, wherever it does, is cut off by the budget, with nothing
// of ours left behind: the bubble would not end.
func TestRendezvousStalls(t *testing.T) {
	h, a, na := say(wire.Header), say(nameA), say(wire.NA)
	for _, tt := range []struct {
		name  string
		forms func(form) bool
		steps []string
	}{
		{"peer does nothing", func(form) bool { return true }, nil},
		{"responder answers what it has not read", func(f form) bool { return f.starts && f.name != "Client.Handshake" }, []string{h + na}},
		{"initiator does not read the echo", func(f form) bool { return !f.starts }, []string{h, "<" + h[:3]}},
		{"initiator does not read at all", func(f form) bool { return !f.starts && f.name != "Muxer.Handshake" }, []string{h + a}},
		{"responder reads half a flight", func(f form) bool { return f.starts && f.name != "Client.Handshake" }, []string{"<" + h, h}},
	} {
		for _, form := range forms() {
			if !tt.forms(form) {
				continue
			}
			t.Run(tt.name+"/"+form.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ours, theirs := net.Pipe()
					peer := act(t, theirs, tt.steps...)
					start := time.Now()
					err := form.call(t.Context(), multiselect.Limits{}, ours)
					if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 10*time.Second {
						t.Errorf("%v after %v, want the budget", err, time.Since(start))
					}
					<-peer
				})
			})
		}
	}
}

// A peer that says its header alone, and more than it was asked before it reads
// again, finds a client that writes beside its read on the long way, too (R28).
func TestRendezvousBehindTheShortWay(t *testing.T) {
	rendezvous(t, func(t *testing.T, ours, theirs io.ReadWriteCloser, unbuffered bool) {
		done := make(chan struct{})
		defer func() { <-done }()
		go func() {
			defer close(done)
			mustRead(t, theirs, say(wire.Header, nameA))
			mustWrite(t, theirs, say(wire.Header))
			mustWrite(t, theirs, say("na"))
			mustWrite(t, theirs, say("na"))
			mustRead(t, theirs, say(nameB))
		}()
		client := multiselect.Client{Unbuffered: unbuffered, Limits: multiselect.Limits{Timeout: time.Second}}
		if _, err := client.SelectOneOf(t.Context(), ours, nameA, nameB); !errors.Is(err, multiselect.ErrNotSupported) {
			t.Error(err)
		}
	})
}
