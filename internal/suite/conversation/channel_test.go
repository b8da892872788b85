package conversation_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// The conversations over message channels, which are transports that keep messages
// apart by themselves.

// channels are the two kinds of them.
var channels = []struct {
	name string
	open func() (ours, theirs testChannel)
}{
	{"texts", func() (ours, theirs testChannel) {
		a, b := newPort[string]()
		return textChannel{a}, textChannel{b}
	}},
	{"flights", func() (ours, theirs testChannel) {
		a, b := newPort[[]byte]()
		return &flightChannel{port: a}, &flightChannel{port: b}
	}},
}

type testChannel interface {
	multiselect.MessageChannel
	isClosed() bool
}

// port is one end of two Go channels, one for each direction.
type port[T any] struct {
	in, out            chan T
	closed, peerClosed chan struct{}
	once               *sync.Once
}

// capacity is how many messages a channel holds.
const capacity = 512

func newPort[T any]() (a, b port[T]) {
	a = port[T]{make(chan T, capacity), make(chan T, capacity), make(chan struct{}), make(chan struct{}), new(sync.Once)}
	return a, port[T]{a.out, a.in, a.peerClosed, a.closed, new(sync.Once)}
}

func (p port[T]) send(v T) error {
	select {
	case <-p.closed:
		return net.ErrClosed
	case <-p.peerClosed:
		return io.ErrClosedPipe
	case p.out <- v:
		return nil
	}
}

// receive returns everything that was sent before the other end was closed, and then EOF.
func (p port[T]) receive() (v T, err error) {
	select {
	case <-p.closed:
		return v, net.ErrClosed
	case v = <-p.in:
		return v, nil
	case <-p.peerClosed:
	}
	select {
	case v = <-p.in:
		return v, nil
	default:
		return v, io.EOF
	}
}

func (p port[T]) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p port[T]) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// textChannel carries each text by itself, and leaves the limit to the library.
type textChannel struct{ port[string] }

func (c textChannel) ReadMessage(int) (string, error) { return c.receive() }

func (c textChannel) WriteMessages(texts ...string) error {
	for _, text := range texts {
		if err := c.send(text); err != nil {
			return err
		}
	}
	return nil
}

// flightChannel carries each flight as one message of the transport, which contains the
// messages with their lengths and newlines. WebRTC in litep2p does so.
type flightChannel struct {
	port[[]byte]
	rest    []byte // of the latest flight
	flights int    // how many have arrived
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
	return c.send([]byte(streamtest.Messages(texts...)))
}

// TestChannels plays every conversation that consists of messages.
func TestChannels(t *testing.T) {
	t.Parallel()
	played := 0
	for _, role := range []multiselect.Role{multiselect.Responder, multiselect.Initiator} {
		for _, v := range corpus(t, role) {
			if isTimed(v) || v.has("reset", "cancel") || !v.consistsOfMessages() {
				continue
			}
			if len(v.application()) > capacity/2 {
				continue // the tester sends all before it reads
			}
			for _, u := range v.usages() {
				if u.onCommunicator == nil {
					continue
				}
				for _, ch := range channels {
					played++
					t.Run(label(v)+"/"+u.name+"/"+ch.name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							x := newExchange(t, v, u, streamtest.Transport{})
							x.playOnChannel(ch.open())
						})
					})
				}
			}
		}
	}
	if played < 700 {
		t.Errorf("%d plays", played)
	}
}

// consistsOfMessages reports whether the bytes that are no messages, if there are any,
// are the application's.
func (v *conversation) consistsOfMessages() bool {
	for _, l := range v.negotiation() {
		if l.line.Kind == transcript.KindRaw {
			return false
		}
	}
	return true
}

// negotiation returns the lines of the tester up to the agreement, and application those
// after it.
func (v *conversation) negotiation() []line { before, _ := v.partLines(); return before }
func (v *conversation) application() []line { _, after := v.partLines(); return after }

func (v *conversation) partLines() (before, after []line) {
	left := len(v.sent()) - len(v.payload)
	for _, a := range v.actions {
		for _, l := range a.lines {
			for range l.times {
				if left > 0 {
					before = append(before, l)
				} else {
					after = append(after, l)
				}
				left -= len(l.bytes())
			}
		}
	}
	return before, after
}

// text returns the text of a message, and the bytes of any other line.
func (l *line) text() string {
	if l.line.Kind == transcript.KindRaw {
		return l.line.Text
	}
	text, _, _ := wire.ConsumeMessage([]byte(l.bytes()), wire.MaxList)
	return string(text)
}

// playOnChannel plays the conversation once.
func (x *exchange) playOnChannel(ours, theirs testChannel) {
	x.prepare()
	defer x.cancel()
	var library sync.WaitGroup
	library.Go(func() { x.negotiateOnChannel(ours) })
	received := x.actOnChannel(theirs)
	library.Wait()
	for {
		text, err := theirs.ReadMessage(wire.MaxList)
		if err != nil {
			break
		}
		received = append(received, text)
	}
	x.checkChannel(received, ours.isClosed())
}

// actOnChannel is the tester's part. It returns the texts that it received.
func (x *exchange) actOnChannel(theirs testChannel) (received []string) {
	all := x.wanted()
	for _, a := range x.actions {
		switch {
		case a.word == "close-write" && x.fails != nil: // a channel has no half-close
			x.settle()
			theirs.Close()
			return received
		case a.word != "":
		case a.send != "":
			var texts []string
			for _, l := range a.lines {
				texts = append(texts, slices.Repeat([]string{l.text()}, l.times)...)
			}
			theirs.WriteMessages(texts...)
		default:
			received = append(received, receiveTexts(theirs, len(messagesOf(all[:min(a.await, len(all))]))-len(received))...)
		}
	}
	if x.fails == nil {
		received = append(received, receiveTexts(theirs, len(messagesOf(all))-len(received)+1+len(x.application()))...)
		theirs.Close()
	}
	return received
}

// receiveTexts returns the next n texts, or those before the end.
func receiveTexts(c testChannel, n int) (texts []string) {
	for range n {
		text, err := c.ReadMessage(wire.MaxList)
		if err != nil {
			return texts
		}
		texts = append(texts, text)
	}
	return texts
}

// negotiateOnChannel is the library's part, and then the application's, as messages.
func (x *exchange) negotiateOnChannel(ours testChannel) {
	x.got, x.err = x.usage.onCommunicator(x, multiselect.NewChannelCommunicator(ours))
	if x.err != nil {
		if x.usage.isStepwise && errors.Is(x.err, multiselect.ErrNotSupported) {
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
		x.appRead += text
		ours.WriteMessages(text)
	}
}

func (x *exchange) checkChannel(received []string, closed bool) {
	x.t.Helper()
	want := messagesOf(x.wanted())
	if x.fails != nil {
		x.adaptToMessages()
		if err := x.checkError(x.err, false); err != nil {
			x.errorf("%v", err)
		}
		if len(received) > len(want) || !slices.Equal(received, want[:len(received)]) {
			x.errorf("the peer received %.200q, want %.200q or the beginning of it", received, want)
		}
		if !closed {
			x.errorf("%v: the channel is open", x.err)
		}
		x.checkList()
		return
	}
	var read string
	want = append(want, greeting(x.agreed))
	for _, l := range x.application() {
		want = append(want, l.text())
		read += l.text()
	}
	switch {
	case x.err != nil || x.got != x.agreed || x.appRead != read:
		x.errorf("agreed on %q, the application read %.200q, %v; want %q, %.200q", x.got, x.appRead, x.err, x.agreed, read)
	case x.Role == multiselect.Responder && x.handler == nil:
		x.errorf("no handler")
	case !slices.Equal(received, want):
		x.errorf("the peer received %.200q, want %.200q", received, want)
	}
	x.checkList()
}

// adaptToMessages changes the expected field Received: a channel carries the first message as a
// whole, and one that is too large not at all.
func (x *exchange) adaptToMessages() {
	fails := *x.fails
	switch {
	case errors.Is(fails.cause, multiselect.ErrNotMultistream):
		first := x.negotiation()[0]
		fails.received = first.bytes()
	case errors.Is(fails.cause, multiselect.ErrTooLarge) && len(x.list.Names) == 0 && !areMessages(fails.received):
		fails.received = ""
	}
	v := *x.conversation
	v.fails = &fails
	x.conversation = &v
}

// What can be sent in one write is one message of the transport (R1).
func TestChannelFlights(t *testing.T) {
	initiator := []usage{useSelectOn, useTrySelect}
	for _, tt := range []struct {
		name   string
		role   multiselect.Role
		usages []usage
		sent   []string // by the tester
		want   int      // messages in the first flight
	}{
		{"the header is answered", multiselect.Responder, responderUsages[2:], []string{wire.Header}, 1},
		{"header and proposal", multiselect.Initiator, initiator, nil, 2},
		{"header and ls", multiselect.Initiator, listUsages[:2], nil, 2},
		{"header, ls and proposal", multiselect.Initiator, listAndTryUsages, nil, 3},
		{"header", multiselect.Initiator, []usage{useHandshake}, nil, 1},
	} {
		for _, u := range tt.usages {
			t.Run(strings.Join([]string{tt.role.String(), tt.name, u.name}, "/"), func(t *testing.T) {
				x := newExchange(t, noCase(tt.role), u, streamtest.Transport{})
				x.prepare()
				defer x.cancel()
				ours, theirs := newPort[[]byte]()
				peer := &flightChannel{port: theirs}
				peer.WriteMessages(tt.sent...)
				var library sync.WaitGroup
				library.Go(func() { x.negotiateOnChannel(&flightChannel{port: ours}) })
				for range tt.want {
					peer.ReadMessage(wire.MaxMessage)
				}
				if peer.flights != 1 || len(peer.rest) > 0 {
					t.Errorf("it arrived in %d flights, followed by %q", peer.flights, peer.rest)
				}
				peer.Close()
				library.Wait()
			})
		}
	}
}
