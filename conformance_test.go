package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// The cases of the conformance files carry the ids of the survey of
// implementations that they grew out of: R… puts the responder to the test,
// I… the initiator. (The rules of docs/protocol.md are R1, R2, … R32.)

// conversation is one case: what both sides say, and what comes of it.
type conversation struct {
	id, why string
	// talk is the transcript. The peer of the library says its lines as they
	// stand here, each when everything above it has arrived. What it says
	// behind the agreement is the application's, and is echoed.
	talk string
	then departure // what the peer does then

	muxer     func(*multiselect.Muxer) // changes the fixture
	limits    multiselect.Limits
	protocols []string // what the initiator proposes, A and B if nil
	long      bool     // not to be cut everywhere

	agreed  string       // what comes of it: a protocol, or
	fails   *failure     // a failure
	names   []string     // the answer to "ls", where a usage asks for it
	dialect wire.Dialect // and how it was written
}

// departure is what the peer does when it has said everything.
type departure uint8

const (
	endsWell  departure = iota // as leaves after an agreement, otherwise it stays
	leaves                     // goes when all is answered
	leavesNow                  // the same, but does not wait where the transport allows that
	resets                     // where the transport can
)

// failure is what an Error has to say.
type failure struct {
	cause     error
	phase     multiselect.Phase
	blame     multiselect.Blame
	received  string   // the message that ended it, or the bytes with which it became certain that there is none
	leftover  bool     // the peer may have said more, which is not looked at
	protocols []string // what the initiator had proposed
}

// The fixture of the survey.
const (
	protocolA   = "/foo/1.0.0"
	protocolB   = "/bar/2.0.0"
	newlineName = "/foo/bar1" // 10 bytes on the wire: the length is a newline
	plainName   = "svc/raw"   // no slash
)

var twoByteName = "/" + strings.Repeat("L", 200) // a length of two bytes

func newFixture(t testing.TB, h multiselect.Handler) *multiselect.Muxer {
	t.Helper()
	m, err := multiselect.NewMuxer(map[string]multiselect.Handler{
		protocolA: h, protocolB: h, newlineName: h, plainName: h, twoByteName: h,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (tc *conversation) proposals() []string {
	if tc.protocols == nil {
		return []string{protocolA, protocolB}
	}
	return tc.protocols
}

// usage is one way to use the library: with a stream, or with a Communicator.
type usage struct {
	name   string
	stream func(x *exchange) (string, error)
	over   func(x *exchange, c *multiselect.Communicator) (string, error)
	// steps says that each proposal is a call: its failure names no other, and
	// a refusal leaves the stream as it is.
	steps bool
	alike bool // as the usage before it, which is enough to be cut everywhere
}

var responderUsages = []usage{
	{name: "Negotiate", stream: func(x *exchange) (protocol string, err error) {
		protocol, x.handler, err = x.server.Negotiate(x.ctx, x.stream)
		return protocol, err
	}},
	{name: "Handle", alike: true, stream: func(x *exchange) (string, error) {
		err := x.server.ServeStream(x.ctx, x.stream)
		return x.served, err
	}},
	{name: "NegotiateOn", over: useNegotiateOn},
	{name: "Handshake and NegotiateOn", over: func(x *exchange, c *multiselect.Communicator) (string, error) {
		if err := x.server.Handshake(x.ctx, c); err != nil {
			return "", err
		}
		return useNegotiateOn(x, c)
	}},
}

func useNegotiateOn(x *exchange, c *multiselect.Communicator) (protocol string, err error) {
	protocol, x.handler, err = x.server.NegotiateOn(x.ctx, c)
	return protocol, err
}

var initiatorUsages = []usage{
	{name: "SelectOneOf", stream: func(x *exchange) (string, error) {
		return x.client.SelectOneOf(x.ctx, x.stream, x.proposals()...)
	}},
	{name: "SelectOn", over: func(x *exchange, c *multiselect.Communicator) (string, error) {
		return x.client.SelectOn(x.ctx, c, x.proposals()...)
	}},
	{name: "TrySelect", steps: true, over: func(x *exchange, c *multiselect.Communicator) (string, error) {
		err := multiselect.ErrNoProtocols
		for _, p := range x.proposals() {
			if err = x.client.TrySelect(x.ctx, c, p); err == nil {
				return p, nil
			} else if !errors.Is(err, multiselect.ErrNotSupported) {
				break
			}
		}
		return "", err
	}},
}

var background = context.Background()

// conform runs the cases in all usages, over all transports, with the peer's
// words as they are written and cut in every way.
func conform(t *testing.T, role multiselect.Role, usages []usage, cases []conversation) {
	t.Parallel()
	for _, tc := range cases {
		for _, f := range usages {
			for _, via := range transports {
				if tc.then == resets && !via.halves {
					continue
				}
				t.Run(tc.id+" "+tc.why+"/"+f.name+"/"+via.name, func(t *testing.T) {
					t.Parallel()
					newExchange(t, &tc, role, f, via).everyPace()
				})
			}
		}
	}
}

func (x exchange) everyPace() {
	x.run(nil)
	for _, x.pace = range x.paces() {
		if x.t.Failed() {
			return // once is enough
		}
		x.run(tapped)
	}
}

// paces returns whole, byteWise, and a cut at every place: of long words at
// those where something begins, and at some others.
func (x exchange) paces() []pace {
	size := len(saidBy(x.script, x.role.Peer()))
	paces := []pace{whole}
	if size <= 8<<10 {
		paces = append(paces, byteWise)
	}
	every := 1
	if x.via.buffered {
		every = 3 // what is read is the same as from a pipe, and takes longer
	}
	for n := 1; n < size && !x.long && !x.usage.alike; n++ {
		if n <= 40 && n%every == 0 || n%(every+size/100) == 0 {
			paces = append(paces, splitAt(n))
		}
	}
	return paces
}

func tapped(tp *tap) (stream any, end string) { return tp, "close" }

// check compares an error with what it has to be.
func (want *failure) check(err error, f usage, role multiselect.Role, exact bool) error {
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		return fmt.Errorf("the error is %v of type %T, want an *Error", err, err)
	}
	protocols := want.protocols
	if f.steps && len(protocols) > 0 {
		protocols = protocols[len(protocols)-1:]
	}
	received := string(e.Received)
	if !exact && strings.HasPrefix(received, want.received) && (want.received != "" || want.leftover) {
		received = want.received
	}
	switch {
	case !errors.Is(err, want.cause):
		return fmt.Errorf("the cause is %v, want %v", err, want.cause)
	case e.Role != role || e.Phase != want.phase:
		return fmt.Errorf("%v: in the role of the %v, phase %v; want %v, %v", err, e.Role, e.Phase, role, want.phase)
	case e.Blame() != want.blame:
		return fmt.Errorf("%v: the blame is on: %v, want %v", err, e.Blame(), want.blame)
	case received != want.received:
		return fmt.Errorf("%v: Received %q, want %q", err, e.Received, want.received)
	case role == multiselect.Initiator && !slices.Equal(e.Protocols, protocols):
		return fmt.Errorf("%v: Protocols %q, want %q", err, e.Protocols, protocols)
	case e.Timeout() != (want.blame == multiselect.BlameSlowPeer):
		return fmt.Errorf("%v: Timeout = %v", err, e.Timeout())
	case strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q holds bytes of the peer as they came", err.Error())
	}
	return nil
}
