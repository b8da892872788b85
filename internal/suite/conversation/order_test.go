package conversation_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Here it matters when each side writes and reads, and in how many pieces.

// start prepares an exchange whose peer is the test itself, and starts the library's
// part. The channel is closed when that is done.
func start(t *testing.T, v *conversation, u usage, via streamtest.Transport) (x *exchange, peer io.ReadWriteCloser, done chan struct{}) {
	t.Helper()
	e := newExchange(t, v, u, via)
	x = &e
	ours, theirs := via.Open(t)
	x.tap = streamtest.NewTap(ours)
	x.stream, x.ending = x.tap, "close"
	x.prepare()
	stop := guard(t, ours, theirs)
	t.Cleanup(func() { stop(); x.cancel() })
	done = make(chan struct{})
	go func() {
		defer close(done)
		x.negotiate()
	}()
	return x, theirs, done
}

// eachWay runs a test in all usages over all transports.
func eachWay(t *testing.T, usages []usage, test func(t *testing.T, u usage, via streamtest.Transport)) {
	for _, u := range usages {
		for _, via := range streamtest.Transports() {
			t.Run(u.name+"/"+via.Name, func(t *testing.T) { test(t, u, via) })
		}
	}
}

func (x *exchange) send(peer io.Writer, bytes string) {
	if _, err := io.WriteString(peer, bytes); err != nil {
		x.errorf("writing %q: %v", bytes, err)
	}
}

func (x *exchange) expect(peer io.Reader, want string) {
	got := make([]byte, len(want))
	if n, err := io.ReadFull(peer, got); err != nil || string(got) != want {
		x.errorf("received %q, %v; want %q", got[:n], err, want)
	}
}

func (x *exchange) expectAgreement(done chan struct{}) {
	<-done
	if x.err != nil || x.served != nameA {
		x.errorf("agreed on %q, %v", x.served, x.err)
	}
}

var (
	messages = streamtest.Messages
	echoA    = messages(nameA)
	flightA  = wire.HeaderFrame + echoA
)

// A responder may read the header, answer it, and only then read the proposal that
// follows it (R11).
func TestHeaderIsAnsweredBeforeTheProposalIsRead(t *testing.T) {
	usages := []usage{useSelectOneOf, useSelectOn, useTrySelect, useLazyWait}
	eachWay(t, usages, func(t *testing.T, u usage, via streamtest.Transport) {
		x, peer, done := start(t, noCase(multiselect.Initiator), u, via)
		x.expect(peer, wire.HeaderFrame)
		x.send(peer, wire.HeaderFrame)
		x.expect(peer, echoA)
		x.send(peer, echoA)
		x.expect(peer, greeting(nameA))
		peer.Close()
		x.expectAgreement(done)
	})
}

// A peer may write everything before it reads. Without a buffer, its write ends when the
// library has read it (R28).
func TestPeerWritesFirst(t *testing.T) {
	test := func(role multiselect.Role) func(t *testing.T, u usage, via streamtest.Transport) {
		return func(t *testing.T, u usage, via streamtest.Transport) {
			x, peer, done := start(t, noCase(role), u, via)
			x.send(peer, flightA)
			x.expect(peer, flightA+greeting(nameA))
			peer.Close()
			x.expectAgreement(done)
		}
	}
	// Handshake, as a step of its own, must wait until the peer has read.
	eachWay(t, responderUsages[:3], test(multiselect.Responder))
	eachWay(t, []usage{useSelectOneOf, useSelectOn, useTrySelect, useLazyWait}, test(multiselect.Initiator))
}

// Messages that can be sent together leave in one write and arrive in one segment, with
// one header (R1, R4).
func TestOneSegment(t *testing.T) {
	list := string(wire.AppendList(nil, served))
	initiator := []usage{useSelectOneOf, useSelectOn, useTrySelect, useLazyWait}
	for _, tt := range []struct {
		name       string
		role       multiselect.Role
		usages     []usage
		sent, want string
	}{
		{"the header is answered", multiselect.Responder, responderUsages, wire.HeaderFrame, wire.HeaderFrame},
		{"header and echo", multiselect.Responder, responderUsages[:3], flightA, flightA},
		{"header and na", multiselect.Responder, responderUsages[:3], messages(wire.Header, "/not/1.0.0"), messages(wire.Header, wire.NA)},
		{"header and list", multiselect.Responder, responderUsages[:3], messages(wire.Header, wire.LS), wire.HeaderFrame + list},
		{"header and proposal", multiselect.Initiator, initiator, "", flightA},
		{"header and ls", multiselect.Initiator, listUsages[:2], "", messages(wire.Header, wire.LS)},
		{"header, ls and proposal", multiselect.Initiator, listAndTryUsages, "", messages(wire.Header, wire.LS, nameA)},
		{"header", multiselect.Initiator, []usage{useHandshake}, "", wire.HeaderFrame},
	} {
		t.Run(tt.role.String()+"/"+tt.name, func(t *testing.T) {
			eachWay(t, tt.usages, func(t *testing.T, u usage, via streamtest.Transport) {
				x, peer, done := start(t, noCase(tt.role), u, via)
				if tt.sent != "" {
					x.send(peer, tt.sent)
				}
				buf := make([]byte, 4096)
				n, err := peer.Read(buf)
				// The application may follow immediately, in a write of its own.
				if got := string(buf[:min(n, len(tt.want))]); got != tt.want {
					t.Errorf("one Read returned %q, %v; want %q", buf[:n], err, tt.want)
				}
				if writes := x.tap.Writes(); len(writes) == 0 || writes[0] != tt.want {
					t.Errorf("the writes were %q, want %q first", writes, tt.want)
				}
				peer.Close()
				<-done
			})
		})
	}
}

// A Communicator by hand sends and receives only messages, and reads no further.
func TestCommunicatorByHand(t *testing.T) {
	for _, via := range streamtest.Transports() {
		t.Run(via.Name, func(t *testing.T) {
			ours, theirs := via.Open(t)
			defer guard(t, ours, theirs)()
			tap := streamtest.NewTap(ours)
			c := multiselect.NewCommunicator(tap)
			p := streamtest.NewPeer(theirs)
			go p.Write(flightA + "\x01\n" + "hello")
			if err := c.WriteMessages(wire.Header, "", "a\nb"); err != nil || len(tap.Writes()) != 1 {
				t.Errorf("WriteMessages = %v, in the writes %q", err, tap.Writes())
			}
			for _, want := range []string{wire.Header, nameA, ""} {
				if got, err := c.ReadMessage(); got != want || err != nil {
					t.Errorf("ReadMessage = %q, %v; want %q", got, err, want)
				}
			}
			rest := make([]byte, 5)
			if _, err := io.ReadFull(ours, rest); string(rest) != "hello" {
				t.Errorf("after the messages %q, %v", rest, err)
			}
			go p.Write("\x00")
			_, err := c.ReadMessage()
			if failed, ok := errors.AsType[*multiselect.CommunicatorError](err); !ok ||
				failed.Op != "read" || !errors.Is(err, multiselect.ErrMalformed) || len(tap.Ended()) > 0 {
				t.Errorf("ReadMessage of no message = %v; the stream was ended %q", err, tap.Ended())
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			p.AwaitEnd()
			if want := wire.HeaderFrame + "\x01\n\x04a\nb\n"; p.Received() != want {
				t.Errorf("the peer received %q, want %q", p.Received(), want)
			}
			p.Reset()
		})
	}
}

// A Communicator that has failed cannot be used again.
func TestCommunicatorAfterFailure(t *testing.T) {
	for _, via := range streamtest.Transports() {
		t.Run(via.Name, func(t *testing.T) {
			ours, theirs := via.Open(t)
			defer guard(t, ours, theirs)()
			p := streamtest.NewPeer(theirs)
			go p.Write("\x13/multistream/1.1.0\n")
			c := multiselect.NewCommunicator(ours)
			client := &multiselect.Client{Unbuffered: via.Unbuffered}
			if err := client.Handshake(background, c); !errors.Is(err, multiselect.ErrNotMultistream) {
				t.Errorf("Handshake = %v", err)
			}
			p.AwaitEnd()
			for name, call := range map[string]func(context.Context, *multiselect.Communicator) error{
				"Handshake": client.Handshake,
				"TrySelect": func(ctx context.Context, c *multiselect.Communicator) error {
					return client.TrySelect(ctx, c, nameA)
				},
				"List": func(ctx context.Context, c *multiselect.Communicator) error {
					_, err := client.List(ctx, c)
					return err
				},
				"SelectOn": func(ctx context.Context, c *multiselect.Communicator) error {
					_, err := client.SelectOn(ctx, c, nameA)
					return err
				},
			} {
				if err := call(background, c); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s after a failure = %v, want net.ErrClosed", name, err)
				}
			}
			p.Reset()
		})
	}
}

// A step with a name that cannot be proposed sends nothing and leaves the stream as it
// is, and the next step continues (R9).
func TestStepsCheckNames(t *testing.T) {
	for _, v := range corpus(t, multiselect.Initiator) {
		if v.fails == nil || v.fails.cause != multiselect.ErrInvalidName {
			continue
		}
		name := v.proposals[len(v.proposals)-1]
		agreed := *caseWithID(t, "R13-agreed")
		u := usage{name: "TrySelect", onCommunicator: func(x *exchange, c *multiselect.Communicator) (string, error) {
			failing := *x
			failing.conversation = v
			if err := failing.checkError(x.client.TrySelect(background, c, name), true); err != nil {
				x.errorf("TrySelect: %v", err)
			}
			_, err := x.client.ListAndTrySelect(background, c, name)
			if err := failing.checkError(err, true); err != nil {
				x.errorf("ListAndTrySelect: %v", err)
			}
			return nameA, x.client.TrySelect(background, c, nameA)
		}}
		for _, via := range streamtest.Transports() {
			t.Run(v.ID+"/"+via.Name, func(t *testing.T) {
				inBubble(t, via, func(t *testing.T) { newExchange(t, &agreed, u, via).play(closed) })
			})
		}
	}
}

func caseWithID(t *testing.T, id string) *conversation {
	t.Helper()
	cases := conform.Cases(multiselect.Initiator)
	return newConversation(t, cases[slices.IndexFunc(cases, func(c *conform.Case) bool { return c.ID == id })])
}
