package multiselect_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// exchange is one run of a conversation.
type exchange struct {
	*conversation
	t      testing.TB
	role   multiselect.Role
	usage  usage
	via    transport
	pace   pace
	script []utterance

	ctx     context.Context
	client  *multiselect.Client
	server  *multiselect.Muxer
	stream  io.ReadWriteCloser // the library's end
	tap     *tap               // on it; nil where the library gets the stream itself
	end     string             // how the tap is ended
	handler multiselect.Handler
	list    wire.List

	got    string // the protocol that was returned
	err    error
	served string // the protocol that the application was called with
	heard  string // what the application read
}

func newExchange(t testing.TB, c *conversation, role multiselect.Role, u usage, via transport) exchange {
	return exchange{conversation: c, t: t, role: role, usage: u, via: via, pace: whole, script: parseScript(t, c.talk), ctx: background}
}

// run plays the conversation once. The library gets the stream that wrap makes
// of a tap, with the way in which that has to be ended, or, without wrap, the
// stream of the transport itself.
func (x exchange) run(wrap func(*tap) (stream any, end string)) {
	x.t.Helper()
	ours, theirs := x.via.open(x.t)
	x.stream = ours
	if wrap != nil {
		x.tap = newTap(ours)
		stream, end := wrap(x.tap)
		x.stream, x.end = stream.(io.ReadWriteCloser), end
	}
	x.prepare()
	defer guard(x.t, ours, theirs)()

	p := newPeer(theirs)
	var library sync.WaitGroup
	library.Go(x.speak)
	answered := p.play(x.script, x.role.Peer(), x.pace, x.taken())
	x.finish(p)
	library.Wait()
	p.awaitEnd()
	p.reset()
	if !answered {
		x.errorf("the stream was ended when the peer had more to say")
	}
	x.check(p.received())
}

// guard ends the streams of a test that hangs.
func guard(t testing.TB, streams ...io.Closer) (stop func() bool) {
	return time.AfterFunc(30*time.Second, func() {
		t.Error("it hangs")
		for _, s := range streams {
			s.Close()
		}
	}).Stop
}

func (x *exchange) prepare() {
	x.client = &multiselect.Client{Limits: x.limits, Unbuffered: x.via.unbuffered}
	x.server = newFixture(x.t, x.serve)
	x.server.Limits, x.server.Unbuffered = x.limits, x.via.unbuffered
	if x.muxer != nil {
		x.muxer(x.server)
	}
}

// begin gives the exchange a stream, whose other end a peer reads.
func (x *exchange) begin() *peer {
	ours, theirs := x.via.open(x.t)
	x.tap = newTap(ours)
	x.stream, x.end = x.tap, "close"
	x.prepare()
	return newPeer(theirs)
}

// taken makes the peer wait, on a stream with a buffer, until the library has
// read one piece before it writes the next.
func (x *exchange) taken() func(int) {
	if x.tap == nil || !x.via.buffered {
		return nil
	}
	return x.tap.awaitTaken
}

// speak is the library's part, and then the application's.
func (x *exchange) speak() {
	if x.usage.stream != nil {
		x.got, x.err = x.usage.stream(x)
	} else {
		x.got, x.err = x.usage.over(x, multiselect.NewCommunicator(x.stream))
	}
	switch {
	case x.err != nil && x.usage.steps && errors.Is(x.err, multiselect.ErrNotSupported):
		x.untouched()
		x.stream.Close()
	case x.err != nil:
	case x.handler != nil:
		x.handler(x.ctx, x.got, x.stream)
	case x.role == multiselect.Initiator:
		x.serve(x.ctx, x.got, x.stream)
	}
}

// serve is the application: it says something at once, and then echoes what it
// reads.
func (x *exchange) serve(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	x.served = protocol
	x.untouched()
	io.WriteString(stream, greeting(protocol))
	var heard strings.Builder
	io.Copy(stream, io.TeeReader(struct{ io.Reader }{stream}, &heard))
	x.heard = heard.String()
	stream.Close()
}

func greeting(protocol string) string { return "<APP:" + protocol + ">" }

// untouched checks that the library left the stream as it was.
func (x *exchange) untouched() {
	if x.tap == nil {
		return
	}
	x.tap.note(func() {
		if len(x.tap.ends)+x.tap.deadlines > 0 {
			x.errorf("the stream was touched: ended %q, %d deadlines set", x.tap.ends, x.tap.deadlines)
		}
	})
}

func (x *exchange) finish(p *peer) {
	switch {
	case x.then == resets:
		p.reset()
	case x.then == leavesNow && x.via.halves:
		p.closeWrite()
	case x.then != endsWell || x.fails == nil:
		p.await(len(x.wants()))
		p.closeWrite()
	}
}

// wants returns all that the peer has to receive.
func (x *exchange) wants() string {
	want := saidBy(x.script, x.role)
	if x.agreed != "" {
		want += greeting(x.agreed) + x.application()
	}
	return want
}

// application returns what the peer says to the application.
func (x *exchange) application() string {
	return saidBy(application(x.script, x.role.Peer(), x.agreed), x.role.Peer())
}

// application returns what one side says behind the protocol.
func application(script []utterance, part multiselect.Role, protocol string) (rest []utterance) {
	found := false
	for _, u := range script {
		for i, l := range u.lines {
			switch {
			case u.from != part:
			case found:
				rest = append(rest, utterance{part, string(l.AppendBytes(nil)), u.lines[i : i+1]})
			default:
				found = l.Kind == transcript.KindMessage && l.Text == protocol
			}
		}
	}
	return rest
}

// check compares what happened with what has to happen.
func (x *exchange) check(received string) {
	x.t.Helper()
	if x.fails != nil {
		x.checkFailure(received)
		return
	}
	switch want := x.wants(); {
	case x.err != nil:
		x.errorf("failed: %v", x.err)
	case x.got != x.agreed || x.served != x.agreed:
		x.errorf("agreed on %q, served %q, want %q", x.got, x.served, x.agreed)
	case x.heard != x.application():
		x.errorf("the application read %q, want %q", x.heard, x.application())
	case received != want:
		x.errorf("the peer received %q, want %q", received, want)
	case strings.Count(saidBy(x.script, x.role), wire.HeaderFrame) != 1:
		x.errorf("the case wants a second header")
	}
	x.checkList()
}

func (x *exchange) checkFailure(received string) {
	x.t.Helper()
	// How much was read at once is known only where the peer writes single
	// bytes and the library reads each before the next.
	exact := x.pace.name == byteWise.name
	if err := x.fails.check(x.err, x.usage, x.role, exact); err != nil {
		x.errorf("%v", err)
		return
	}
	want := x.wants()
	switch e, _ := errors.AsType[*multiselect.Error](x.err); {
	case x.got != "" || x.served != "":
		x.errorf("agreed on %q, served %q, and failed: %v", x.got, x.served, x.err)
	case !strings.HasPrefix(want, received) || !areMessages(received):
		x.errorf("the peer received %q, want %q or whole messages of it", received, want)
	case !x.via.buffered && e.BytesSent != len(received):
		x.errorf("BytesSent = %d, the peer received %d", e.BytesSent, len(received))
	case x.tap != nil && e.BytesReceived != x.tap.taken:
		x.errorf("BytesReceived = %d, the library read %d", e.BytesReceived, x.tap.taken)
	case x.tap != nil && !slices.Equal(x.tap.ends, []string{x.end}):
		x.errorf("the stream was ended by %q, want %q", x.tap.ends, x.end)
	}
	x.checkList()
}

func areMessages(b string) bool {
	for _, l := range transcript.Transcribe(multiselect.Initiator, []byte(b), wire.MaxList) {
		if l.Kind == transcript.KindRaw {
			return false
		}
	}
	return true
}

func (x *exchange) checkList() {
	if x.names == nil && x.list.Names == nil {
		return
	}
	if strings.Join(x.list.Names, "\n") != strings.Join(x.names, "\n") || x.list.Dialect != x.dialect {
		x.errorf("the list is %q in the %v form, want %q in the %v form", x.list.Names, x.list.Dialect, x.names, x.dialect)
	}
}

func (x *exchange) errorf(format string, args ...any) {
	x.t.Helper()
	x.t.Errorf(x.pace.name+": "+format, args...)
}
