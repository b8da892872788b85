package multiselect_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// Here the conversations are held over message channels: transports that keep
// the messages apart by themselves.

// channels are the two kinds of them.
var channels = []struct {
	name string
	open func() (ours, theirs testChannel)
}{
	{"texts", func() (ours, theirs testChannel) {
		a, b := newLine[string]()
		return textChannel{a}, textChannel{b}
	}},
	{"flights", func() (ours, theirs testChannel) {
		a, b := newLine[[]byte]()
		return &flightChannel{line: a}, &flightChannel{line: b}
	}},
}

type testChannel interface {
	multiselect.MessageChannel
	isClosed() bool
}

// line is one end of two Go channels, one for each direction.
type line[T any] struct {
	in, out      chan T
	closed, gone chan struct{} // by this end, by the other
	once         *sync.Once
}

func newLine[T any]() (a, b line[T]) {
	a = line[T]{make(chan T, 512), make(chan T, 512), make(chan struct{}), make(chan struct{}), new(sync.Once)}
	return a, line[T]{a.out, a.in, a.gone, a.closed, new(sync.Once)}
}

func (l line[T]) send(v T) error {
	select {
	case <-l.closed:
		return net.ErrClosed
	case <-l.gone:
		return io.ErrClosedPipe
	case l.out <- v:
		return nil
	}
}

// receive returns what was sent before the other end was closed, and then EOF.
func (l line[T]) receive() (v T, err error) {
	select {
	case <-l.closed:
		return v, net.ErrClosed
	case v = <-l.in:
		return v, nil
	case <-l.gone:
	}
	select {
	case v = <-l.in:
		return v, nil
	default:
		return v, io.EOF
	}
}

func (l line[T]) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l line[T]) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// textChannel carries each text by itself, and leaves the limit to others.
type textChannel struct{ line[string] }

func (c textChannel) ReadMessage(int) (string, error) { return c.receive() }

func (c textChannel) WriteMessages(texts ...string) error {
	for _, text := range texts {
		if err := c.send(text); err != nil {
			return err
		}
	}
	return nil
}

// flightChannel carries each flight as one message of the transport, the
// messages in it with their lengths and newlines: so does WebRTC in litep2p.
type flightChannel struct {
	line[[]byte]
	rest    []byte // of the flight that came last
	flights int    // how many came
}

func (c *flightChannel) ReadMessage(limit int) (string, error) {
	if len(c.rest) == 0 {
		flight, err := c.receive()
		if err != nil {
			return "", err
		}
		c.rest = flight
		c.flights++
	}
	text, n, err := wire.ConsumeMessage(c.rest, limit+1)
	c.rest = c.rest[n:]
	return string(text), err
}

func (c *flightChannel) WriteMessages(texts ...string) error {
	if len(texts) == 0 {
		return nil
	}
	return c.send([]byte(messages(texts...)))
}

// TestChannels plays every conversation that consists of messages.
func TestChannels(t *testing.T) {
	t.Parallel()
	for _, cases := range [][]conversation{
		acceptedCases, refusedCases, leftCases, strangerCases, brokenCases, limitCases, listedCases,
	} {
		overChannels(t, multiselect.Responder, responderUsages, cases)
	}
	for _, cases := range [][]conversation{agreedCases, abandonedCases, strangeAnswerCases, wrongAnswerCases, onceCases, unsaidCases} {
		overChannels(t, multiselect.Initiator, initiatorUsages[1:2], cases)
	}
	for _, cases := range [][]conversation{agreedCases, abandonedCases, strangeAnswerCases, wrongAnswerCases} {
		overChannels(t, multiselect.Initiator, initiatorUsages[2:], cases)
	}
	overChannels(t, multiselect.Initiator, handshakeUsages, handshakeCases)
	overChannels(t, multiselect.Initiator, listUsages, listCases)
	overChannels(t, multiselect.Initiator, pipelinedListUsages, pipelinedListCases)
}

func overChannels(t *testing.T, role multiselect.Role, usages []usage, cases []conversation) {
	for _, tc := range cases {
		for _, u := range usages {
			x := newExchange(t, &tc, role, u, transport{})
			if u.over == nil || tc.then == resets || !x.consistsOfMessages() {
				continue
			}
			for _, ch := range channels {
				t.Run(tc.id+" "+tc.why+"/"+u.name+"/"+ch.name, func(t *testing.T) {
					x := x
					x.t = t
					x.overChannel(ch.open())
				})
			}
		}
	}
}

// consistsOfMessages reports whether the bytes that are no messages, if there
// are any, are the application's.
func (x *exchange) consistsOfMessages() bool {
	app := application(x.script, x.role.Peer(), x.agreed)
	raw := 0
	for _, u := range x.script {
		for _, l := range u.lines {
			if l.Kind == transcript.KindRaw {
				raw++
			}
		}
	}
	for _, u := range app {
		if u.lines[0].Kind == transcript.KindRaw {
			raw--
		}
	}
	return raw == 0
}

// overChannel plays the conversation once.
func (x *exchange) overChannel(ours, theirs testChannel) {
	x.prepare()
	var library sync.WaitGroup
	library.Go(func() { x.speakOver(ours) })
	var got []string
	for _, u := range x.script {
		if u.from == x.role.Peer() {
			theirs.WriteMessages(texts(u)...)
			continue
		}
		for range u.lines {
			if text, err := theirs.ReadMessage(wire.MaxList); err == nil {
				got = append(got, text)
			}
		}
	}
	if x.then != endsWell || x.fails == nil {
		got = append(got, x.awaitApplication(theirs)...)
		theirs.Close()
	}
	library.Wait()
	for {
		text, err := theirs.ReadMessage(wire.MaxList)
		if err != nil {
			break
		}
		got = append(got, text)
	}
	x.checkChannel(got, ours.isClosed())
}

// awaitApplication reads what the application says, and its echoes.
func (x *exchange) awaitApplication(theirs testChannel) (got []string) {
	if x.agreed == "" {
		return nil
	}
	for range 1 + len(application(x.script, x.role.Peer(), x.agreed)) {
		text, err := theirs.ReadMessage(wire.MaxList)
		if err != nil {
			x.errorf("waiting for the application: %v", err)
		}
		got = append(got, text)
	}
	return got
}

// speakOver is the library's part, and then the application's, as messages.
func (x *exchange) speakOver(ours testChannel) {
	x.got, x.err = x.usage.over(x, multiselect.NewChannelCommunicator(ours))
	if x.err != nil {
		if x.usage.steps && errors.Is(x.err, multiselect.ErrNotSupported) {
			if ours.isClosed() {
				x.errorf("a refusal closed the channel")
			}
			ours.Close()
		}
		return
	}
	if ours.isClosed() {
		x.errorf("an agreement closed the channel")
	}
	x.served = x.got
	ours.WriteMessages(greeting(x.got))
	for {
		text, err := ours.ReadMessage(wire.MaxMessage)
		if err != nil {
			return
		}
		x.heard += text
		ours.WriteMessages(text)
	}
}

// texts returns the messages of one flight; what is not framed is a message of
// the application.
func texts(u utterance) (texts []string) {
	for _, l := range u.lines {
		text, _, _ := wire.ConsumeMessage(l.AppendBytes(nil), wire.MaxList)
		if l.Kind == transcript.KindRaw {
			text = []byte(l.Text)
		}
		texts = append(texts, string(text))
	}
	return texts
}

func (x *exchange) checkChannel(got []string, closed bool) {
	x.t.Helper()
	var want []string
	for _, u := range x.script {
		if u.from == x.role {
			want = append(want, texts(u)...)
		}
	}
	if x.fails != nil {
		fails := *x.fails
		switch {
		case errors.Is(fails.cause, multiselect.ErrNotMultistream):
			fails.received = messages(texts(x.script[firstOf(x.script, x.role.Peer())])[0])
		case errors.Is(fails.cause, multiselect.ErrTooLarge) && len(x.list.Names) == 0 && !areMessages(fails.received):
			fails.received = "" // which never came
		}
		if err := fails.check(x.err, x.usage, x.role, false); err != nil {
			x.errorf("%v", err)
		}
		if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
			x.errorf("the peer received %q, want %q or the beginning of it", got, want)
		}
		if !closed {
			x.errorf("%v: the channel is open", x.err)
		}
		x.checkList()
		return
	}
	var heard string
	want = append(want, greeting(x.agreed))
	for _, u := range application(x.script, x.role.Peer(), x.agreed) {
		want = append(want, texts(u)...)
		heard += texts(u)[0]
	}
	switch {
	case x.err != nil || x.got != x.agreed || x.heard != heard:
		x.errorf("agreed on %q, the application read %q, %v; want %q, %q", x.got, x.heard, x.err, x.agreed, heard)
	case x.role == multiselect.Responder && x.handler == nil:
		x.errorf("no handler")
	case !slices.Equal(got, want):
		x.errorf("the peer received %q, want %q", got, want)
	}
	x.checkList()
}

func firstOf(script []utterance, part multiselect.Role) int {
	return slices.IndexFunc(script, func(u utterance) bool { return u.from == part })
}

// R05, R29, I02: what can be said at once is one message of the transport.
func TestChannelFlights(t *testing.T) {
	for _, tt := range []struct {
		id, why string
		role    multiselect.Role
		usages  []usage
		said    []string
		want    int // messages in the first flight
	}{
		{"R02", "the header is answered", multiselect.Responder, responderUsages[2:], []string{wire.Header}, 1},
		{"I02", "header and proposal", multiselect.Initiator, initiatorUsages[1:], nil, 2},
		{"I02", "header and ls", multiselect.Initiator, listUsages, nil, 2},
		{"I02", "header, ls and proposal", multiselect.Initiator, pipelinedListUsages, nil, 3},
		{"I02", "header", multiselect.Initiator, handshakeUsages, nil, 1},
	} {
		for _, u := range tt.usages {
			t.Run(tt.id+" "+tt.why+"/"+u.name, func(t *testing.T) {
				x := newExchange(t, &conversation{}, tt.role, u, transport{})
				x.prepare()
				ours, theirs := newLine[[]byte]()
				peer := &flightChannel{line: theirs}
				peer.WriteMessages(tt.said...)
				var library sync.WaitGroup
				library.Go(func() { x.speakOver(&flightChannel{line: ours}) })
				for range tt.want {
					peer.ReadMessage(wire.MaxMessage)
				}
				if peer.flights != 1 || len(peer.rest) > 0 {
					t.Errorf("it came in %d flights, with %q behind", peer.flights, peer.rest)
				}
				peer.Close()
				library.Wait()
			})
		}
	}
}
