package multiselect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Here it matters when each side writes and reads, and in how many pieces.

func TestInitiatorHandshake(t *testing.T) {
	conform(t, multiselect.Initiator, handshakeUsages, handshakeCases)
}

var handshakeUsages = []usage{
	{name: "Handshake and SelectOn", over: func(x *exchange, c *multiselect.Communicator) (string, error) {
		if err := x.client.Handshake(x.ctx, c); err != nil {
			return "", err
		}
		return x.client.SelectOn(x.ctx, c, x.proposals()...)
	}},
}

var handshakeCases = []conversation{
	{id: "I05", why: "the header alone is answered, and then the proposal", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		> /foo/1.0.0
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA},
	{id: "I09", why: "refused, then accepted", talk: `
		> /multistream/1.0.0
		< /multistream/1.0.0
		> /foo/1.0.0
		< na
		> /bar/2.0.0
		< /bar/2.0.0
	`, agreed: protocolB},
	{id: "I13", why: "the end instead of a header", talk: `
		> /multistream/1.0.0
	`, then: leaves, fails: &failure{cause: io.EOF}},
	{id: "I14", why: "header 1.1.0", talk: `
		> /multistream/1.0.0
		< /multistream/1.1.0
	`, fails: notHeader("\x13/multistream/1.1")},
}

// manual prepares an exchange whose peer is the test itself, and starts the
// library's part. The channel is closed when that is done.
func manual(t *testing.T, role multiselect.Role, u usage, via transport) (x *exchange, peer io.ReadWriteCloser, done chan struct{}) {
	t.Helper()
	e := newExchange(t, &conversation{}, role, u, via)
	x = &e
	ours, theirs := via.open(t)
	x.tap = newTap(ours)
	x.stream = x.tap
	x.prepare()
	stop := guard(t, ours, theirs)
	t.Cleanup(func() { stop() })
	done = make(chan struct{})
	go func() {
		defer close(done)
		x.speak()
	}()
	return x, theirs, done
}

func eachWay(t *testing.T, usages []usage, do func(t *testing.T, u usage, via transport)) {
	for _, u := range usages {
		for _, via := range transports {
			t.Run(u.name+"/"+via.name, func(t *testing.T) { do(t, u, via) })
		}
	}
}

func (x *exchange) write(peer io.Writer, said string) {
	if _, err := io.WriteString(peer, said); err != nil {
		x.errorf("writing %q: %v", said, err)
	}
}

func (x *exchange) expect(peer io.Reader, want string) {
	got := make([]byte, len(want))
	if n, err := io.ReadFull(peer, got); err != nil || string(got) != want {
		x.errorf("received %q, %v; want %q", got[:n], err, want)
	}
}

const flightA = wire.HeaderFrame + "\x0b/foo/1.0.0\n"

// I05: a responder that reads the header, answers it, and only then reads the
// proposal that stands behind it.
func TestInitiatorHeaderOnReceipt(t *testing.T) {
	eachWay(t, initiatorUsages, func(t *testing.T, u usage, via transport) {
		x, peer, done := manual(t, multiselect.Initiator, u, via)
		x.expect(peer, wire.HeaderFrame)
		x.write(peer, wire.HeaderFrame)
		x.expect(peer, "\x0b/foo/1.0.0\n")
		x.write(peer, "\x0b/foo/1.0.0\n")
		x.expect(peer, greeting(protocolA))
		peer.Close()
		<-done
		if x.err != nil || x.served != protocolA {
			t.Errorf("agreed on %q, %v", x.served, x.err)
		}
	})
}

// R04, I04, I32: a peer that does not read before all that it has to say is
// written. Without a buffer, that waits until the library has read it.
func TestPeerWritesFirst(t *testing.T) {
	do := func(role multiselect.Role) func(t *testing.T, u usage, via transport) {
		return func(t *testing.T, u usage, via transport) {
			x, peer, done := manual(t, role, u, via)
			x.write(peer, flightA)
			x.expect(peer, flightA+greeting(protocolA))
			peer.Close()
			<-done
			if x.err != nil || x.served != protocolA {
				t.Errorf("agreed on %q, %v", x.served, x.err)
			}
		}
	}
	// Handshake as a step of its own has to wait for the peer to read.
	eachWay(t, responderUsages[:3], do(multiselect.Responder))
	eachWay(t, initiatorUsages, do(multiselect.Initiator))
}

// fixtureList is the answer of the fixture to "ls".
var fixtureList = "\xf9\x01" + "\xca\x01" + twoByteName + "\n" +
	"\x0b/bar/2.0.0\n" + "\x0b/foo/1.0.0\n" + "\x0a/foo/bar1\n" + "\x08svc/raw\n" + "\n"

// R05, R29, I01, I02, I03: what can be said at once leaves in one write and
// arrives in one segment. R06: with one header.
func TestOneSegment(t *testing.T) {
	for _, tt := range []struct {
		id, why    string
		role       multiselect.Role
		usages     []usage
		said, want string
	}{
		{"R02", "the header is answered", multiselect.Responder, responderUsages, wire.HeaderFrame, wire.HeaderFrame},
		{"R05", "header and echo", multiselect.Responder, responderUsages[:3], flightA, flightA},
		{
			"R15", "header and na", multiselect.Responder, responderUsages[:3],
			wire.HeaderFrame + "\x0b/not/1.0.0\n", wire.HeaderFrame + "\x03na\n",
		},
		{
			"R29", "header and list", multiselect.Responder, responderUsages[:3],
			wire.HeaderFrame + "\x03ls\n", wire.HeaderFrame + fixtureList,
		},
		{"I02", "header and proposal", multiselect.Initiator, initiatorUsages, "", flightA},
		{"I02", "header and ls", multiselect.Initiator, listUsages, "", wire.HeaderFrame + "\x03ls\n"},
		{
			"I02", "header, ls and proposal", multiselect.Initiator, pipelinedListUsages, "",
			wire.HeaderFrame + "\x03ls\n\x0b/foo/1.0.0\n",
		},
		{"I02", "header", multiselect.Initiator, handshakeUsages, "", wire.HeaderFrame},
	} {
		t.Run(tt.id+" "+tt.why, func(t *testing.T) {
			eachWay(t, tt.usages, func(t *testing.T, u usage, via transport) {
				x, peer, done := manual(t, tt.role, u, via)
				if tt.said != "" {
					x.write(peer, tt.said)
				}
				buf := make([]byte, 4096)
				n, err := peer.Read(buf)
				// The application may follow at once, in a write of its own.
				got := string(buf[:min(n, len(tt.want))])
				if got != tt.want {
					t.Errorf("one Read returned %q, %v; want %q", buf[:n], err, tt.want)
				}
				x.tap.note(func() {
					if len(x.tap.writes) == 0 || x.tap.writes[0] != tt.want {
						t.Errorf("the writes were %q, want %q first", x.tap.writes, tt.want)
					}
				})
				peer.Close()
				<-done
			})
		})
	}
}

// The steps by hand: nothing but messages, and nothing beyond them.
func TestCommunicatorByHand(t *testing.T) {
	for _, via := range transports {
		t.Run(via.name, func(t *testing.T) {
			ours, theirs := via.open(t)
			defer guard(t, ours, theirs)()
			tp := newTap(ours)
			c := multiselect.NewCommunicator(tp)
			p := newPeer(theirs)
			go p.write(flightA + "\x01\n" + "hello")
			if err := c.WriteMessages(wire.Header, "", "a\nb"); err != nil || len(tp.writes) != 1 {
				t.Errorf("Write = %v, in the writes %q", err, tp.writes)
			}
			for _, want := range []string{wire.Header, protocolA, ""} {
				if got, err := c.ReadMessage(); got != want || err != nil {
					t.Errorf("Read = %q, %v; want %q", got, err, want)
				}
			}
			rest := make([]byte, 5)
			if _, err := io.ReadFull(ours, rest); string(rest) != "hello" {
				t.Errorf("behind the messages stands %q, %v", rest, err)
			}
			go p.write("\x00")
			_, err := c.ReadMessage()
			if failed, ok := errors.AsType[*multiselect.CommunicatorError](err); !ok ||
				failed.Op != "read" || !errors.Is(err, multiselect.ErrMalformed) || len(tp.ends) > 0 {
				t.Errorf("Read of no message = %v; the stream was ended %q", err, tp.ends)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			p.awaitEnd()
			if want := wire.HeaderFrame + "\x01\n\x04a\nb\n"; p.received() != want {
				t.Errorf("the peer received %q, want %q", p.received(), want)
			}
			p.reset()
		})
	}
}

// A Communicator that has failed does nothing more.
func TestCommunicatorAfterFailure(t *testing.T) {
	for _, via := range transports {
		t.Run(via.name, func(t *testing.T) {
			ours, theirs := via.open(t)
			defer guard(t, ours, theirs)()
			p := newPeer(theirs)
			go p.write("\x13/multistream/1.1.0\n")
			c := multiselect.NewCommunicator(ours)
			client := &multiselect.Client{Unbuffered: via.unbuffered}
			if err := client.Handshake(background, c); !errors.Is(err, multiselect.ErrNotMultistream) {
				t.Errorf("Handshake = %v", err)
			}
			p.awaitEnd()
			for name, call := range map[string]func(context.Context, *multiselect.Communicator) error{
				"Handshake": client.Handshake,
				"TrySelect": func(ctx context.Context, c *multiselect.Communicator) error {
					return client.TrySelect(ctx, c, protocolA)
				},
				"List": func(ctx context.Context, c *multiselect.Communicator) error {
					_, err := client.List(ctx, c)
					return err
				},
				"SelectOn": func(ctx context.Context, c *multiselect.Communicator) error {
					_, err := client.SelectOn(ctx, c, protocolA)
					return err
				},
			} {
				if err := call(background, c); !errors.Is(err, net.ErrClosed) {
					t.Errorf("%s on what has failed = %v, want net.ErrClosed", name, err)
				}
			}
			p.reset()
		})
	}
}
