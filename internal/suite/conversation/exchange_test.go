package conversation_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// pace is the way in which the tester cuts its bytes into writes.
type pace struct {
	name string
	// ends reports whether a write ends after the first n bytes of all.
	ends func(n int) bool
}

var (
	asWritten  = pace{"as written", func(int) bool { return false }}
	byteByByte = pace{"byte by byte", func(int) bool { return true }}
)

func cutAfter(at int) pace {
	return pace{"cut after " + strconv.Itoa(at), func(n int) bool { return n == at }}
}

// exchange is one play of a conversation.
type exchange struct {
	*conversation
	t     testing.TB
	usage usage
	via   streamtest.Transport
	pace  pace
	// isTraced: the context has a trace, so the general loop negotiates from the start.
	isTraced bool

	ctx       context.Context
	cancel    context.CancelFunc
	proposals []string
	client    *multiselect.Client
	muxer     *multiselect.Muxer
	stream    io.ReadWriteCloser // the library's end
	tap       *streamtest.Tap    // on it; nil where the library gets the stream itself
	ending    string             // how the library must end the tap when it fails
	handler   multiselect.Handler
	list      wire.List

	got     string // the protocol that was returned
	err     error
	served  string // the protocol that the application was called with
	appRead string // by the application
}

func newExchange(t testing.TB, v *conversation, u usage, via streamtest.Transport) exchange {
	return exchange{conversation: v, t: t, usage: u, via: via, pace: asWritten, ctx: background}
}

// play plays the conversation once. The library gets the stream that wrap makes of a
// tap, with the word by which the tap must be ended, or, without wrap, the stream of the
// transport itself.
func (x exchange) play(wrap func(*streamtest.Tap) (stream io.ReadWriteCloser, ending string)) {
	x.t.Helper()
	ours, theirs := x.via.Open(x.t)
	x.stream = ours
	if wrap != nil {
		x.tap = streamtest.NewTap(ours)
		x.stream, x.ending = wrap(x.tap)
	}
	x.prepare()
	defer x.cancel()
	defer guard(x.t, ours, theirs)()

	p := streamtest.NewPeer(theirs)
	var library sync.WaitGroup
	library.Go(x.negotiate)
	x.act(p)
	library.Wait()
	p.AwaitEnd()
	p.Reset()
	x.check(p.Received())
}

// guard ends the streams of a test that hangs.
func guard(t testing.TB, streams ...io.Closer) (stop func() bool) {
	return time.AfterFunc(time.Minute, func() {
		t.Error("it hangs")
		for _, s := range streams {
			s.Close()
		}
	}).Stop
}

// isFake reports whether the transport works in a bubble of package synctest.
func (x *exchange) isFake() bool { return !x.via.Buffered }

// settle waits until the library has sent all that it sends without another word of the
// tester. On real connections there is nothing to wait for.
func (x *exchange) settle() {
	if x.isFake() {
		synctest.Wait()
	}
}

func (x *exchange) prepare() {
	x.ctx, x.cancel = context.WithCancel(x.ctx)
	x.proposals = x.conversation.proposals
	x.client = &multiselect.Client{Limits: x.extra.limits, Unbuffered: x.via.Unbuffered}
	x.muxer = &multiselect.Muxer{Limits: x.extra.limits, Unbuffered: x.via.Unbuffered}
	for _, name := range served {
		if err := x.muxer.AddHandler(name, x.serve); err != nil {
			x.t.Fatal(err)
		}
	}
	if x.extra.muxer != nil {
		x.extra.muxer(x.muxer)
	}
}

// negotiate is the library's part, and then the application's.
func (x *exchange) negotiate() {
	if x.usage.onStream != nil {
		x.got, x.err = x.usage.onStream(x)
	} else {
		x.got, x.err = x.usage.onCommunicator(x, multiselect.NewCommunicator(x.stream))
	}
	switch {
	case x.err != nil && x.usage.isStepwise && errors.Is(x.err, multiselect.ErrNotSupported):
		x.checkUntouched()
		x.stream.Close()
	case x.err != nil || x.served != "":
	case x.handler != nil:
		x.handler(x.ctx, x.got, x.stream)
	case x.Role == multiselect.Initiator:
		x.serve(x.ctx, x.got, x.stream)
	}
}

// serve is the application: it writes a greeting immediately, and then echoes the bytes that it
// reads.
func (x *exchange) serve(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	x.served = protocol
	x.checkUntouched()
	io.WriteString(stream, greeting(protocol))
	var read strings.Builder
	io.Copy(stream, io.TeeReader(struct{ io.Reader }{stream}, &read))
	x.appRead = read.String()
	stream.Close()
}

func greeting(protocol string) string { return "<APP:" + protocol + ">" }

// act is the tester's part.
func (x *exchange) act(p *streamtest.Peer) {
	sent := 0
	for i, a := range x.actions {
		switch a.word {
		case "":
			if a.send == "" {
				if !p.Await(a.await) && slices.ContainsFunc(x.actions[i:], func(a action) bool { return a.send != "" }) {
					if x.fails == nil {
						x.errorf("the stream was ended when the tester had more to send")
					}
					return
				}
				continue
			}
			if !x.write(p, a.send, &sent) {
				return // check judges the result
			}
		case "quiet":
			x.settle()
		case "cancel":
			x.settle()
			x.cancel()
		case "reset":
			p.Reset()
			return
		case "close-write":
			x.closeWrite(p)
			return
		default:
			x.t.Errorf("%s: the tests do not know the action %q", x.ID, a.word)
		}
	}
	switch {
	case x.fails == nil:
		x.closeWrite(p)
	case x.fails.cause == multiselect.ErrGaveUp && x.via.Buffered:
		p.Await(len(x.wanted())) // the library gives the tester half a second to end the stream
		p.CloseWrite()
	}
}

// write writes in pieces, at the pace of the exchange. On a stream with a buffer it
// waits for the library to read each piece.
func (x *exchange) write(p *streamtest.Peer, bytes string, sent *int) bool {
	for bytes != "" {
		n := 1
		for n < len(bytes) && !x.pace.ends(*sent+n) {
			n++
		}
		if p.Write(bytes[:n]) != nil {
			return false
		}
		*sent += n
		bytes = bytes[n:]
		if x.tap != nil && x.via.Buffered {
			x.tap.AwaitTaken(*sent)
		}
	}
	return true
}

// closeWrite ends the tester's direction. A stream without half-close is ended when
// everything has arrived that will arrive.
func (x *exchange) closeWrite(p *streamtest.Peer) {
	switch {
	case x.fails == nil && !(x.via.HalfClose && x.has("close-write")):
		p.Await(len(x.all()))
	case !x.via.HalfClose:
		x.settle()
	}
	p.CloseWrite()
}

// all returns everything that the tester receives in a conversation that agrees.
func (x *exchange) all() string {
	if strings.HasPrefix(x.Mode, "lazy") {
		return strings.Join(x.elements, "")
	}
	return x.wanted() + greeting(x.agreed) + x.payload
}

func (x *exchange) errorf(format string, args ...any) {
	x.t.Helper()
	x.t.Errorf(x.pace.name+": "+format, args...)
}
