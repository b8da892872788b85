package differential_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/multiselect/multiselect"
)

// way is a way to play a plan. The first takes the exchange in line where it applies,
// the others take the general loop from the beginning:
//
//   - A trace switches the exchange in line off, even one without hooks. By itself it
//     changes only [multiselect.Error].Elapsed, which is measured for it.
//   - A Communicator has no exchange in line. It is new for each plan, while the other
//     ways take one from a pool: it also shows that nothing of the plans before is left
//     there. Such a fault depends on more than one seed.
type way int

const (
	inLine way = iota
	traced
	onCommunicator
)

func (w way) String() string {
	return [...]string{"in line", "with a trace", "on a Communicator"}[w]
}

// outcome is all that the caller and the peer of a negotiation can observe.
type outcome struct {
	protocol  string
	handledBy int // the handler that was returned
	failure   failure
	events    []event // the calls of the stream
	written   string
	rest      int  // bytes left unread
	endings   int  // calls that end the stream
	measured  bool // Elapsed is not zero; not compared
}

// failure is all of an error that is compared. The zero value is success.
type failure struct {
	text          string
	isError       bool // an *Error
	role          multiselect.Role
	phase         multiselect.Phase
	protocols     string
	received      string
	bytesSent     int
	bytesReceived int
	cause         string
	causes        uint32 // a bit for each of the sentinels
	timeout       bool
	blame         multiselect.Blame
}

// sentinels are the errors that callers ask for.
var sentinels = []error{
	multiselect.ErrNotSupported, multiselect.ErrNotMultistream, multiselect.ErrUnexpectedAnswer, multiselect.ErrMalformed,
	multiselect.ErrTooLarge, multiselect.ErrLimit, multiselect.ErrGaveUp, multiselect.ErrInvalidName, multiselect.ErrConflict,
	multiselect.ErrNoProtocols, multiselect.ErrNoHandler, context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded,
	io.EOF, io.ErrUnexpectedEOF, io.ErrShortWrite, io.ErrNoProgress, io.ErrClosedPipe, net.ErrClosed, errStream, errBecause,
	syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT,
}

var errBecause = errors.New("the cause of the cancellation")

// firstHandler and secondHandler record the one of them that was returned.
func firstHandler(_ context.Context, _ string, stream io.ReadWriteCloser) {
	stream.(interface{ handled(handler int) }).handled(1)
}

func secondHandler(_ context.Context, _ string, stream io.ReadWriteCloser) {
	stream.(interface{ handled(handler int) }).handled(2)
}

// play plays a plan once. If wrap is not nil, the library uses the stream that it
// returns.
func play(p *plan, w way, wrap func(*scripted) io.ReadWriteCloser) outcome {
	s := &scripted{plan: p, ended: make(chan struct{})}
	ctx, release := s.context()
	defer release()
	if w == traced {
		ctx = multiselect.WithTrace(ctx, new(multiselect.Trace))
	}
	stream := s.stream()
	if wrap != nil {
		stream = wrap(s)
	}
	protocol, err := p.negotiate(ctx, w, s, stream)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.isBuffered() { // the calls of one kind are in order, the others are not
		slices.SortStableFunc(s.events, func(a, b event) int { return strings.Compare(a.call, b.call) })
	}
	e, _ := err.(*multiselect.Error)
	return outcome{
		protocol: protocol, handledBy: s.handledBy, failure: newFailure(err), events: s.events, written: string(s.written),
		rest: s.rest(), endings: s.endings, measured: e != nil && e.Elapsed != 0,
	}
}

// negotiate makes the call. A panic is returned as an error.
func (p *plan) negotiate(ctx context.Context, w way, s *scripted, stream io.ReadWriteCloser) (protocol string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if p.role == multiselect.Initiator {
		return p.initiate(ctx, w, stream)
	}
	return p.respond(ctx, w, s, stream)
}

// context returns the context of the call.
func (s *scripted) context() (ctx context.Context, release func()) {
	ctx, release = context.Background(), func() {}
	switch s.plan.ending.how {
	case couldEnd, cancelledBefore, cancelledIn:
		ctx, release = context.WithCancel(ctx)
		s.cancel = release
		if s.plan.ending.how == cancelledBefore {
			release()
		}
	case cancelledBecause:
		caused, cancel := context.WithCancelCause(ctx)
		cancel(errBecause)
		return caused, release
	}
	return ctx, release
}

func (p *plan) initiate(ctx context.Context, w way, stream io.ReadWriteCloser) (string, error) {
	cl := multiselect.Client{Limits: p.limits, Unbuffered: p.unbuffered}
	if w == onCommunicator {
		return cl.SelectOn(ctx, multiselect.NewCommunicator(stream), p.proposals...)
	}
	return cl.SelectOneOf(ctx, stream, p.proposals...)
}

func (p *plan) respond(ctx context.Context, w way, s *scripted, stream io.ReadWriteCloser) (string, error) {
	m := &multiselect.Muxer{
		Limits: p.limits, Unbuffered: p.unbuffered,
		NoList: p.noList, HeaderFirst: p.headerFirst, OneShot: p.oneShot,
	}
	s.muxer = m
	for _, name := range p.registered {
		m.AddHandler(name, firstHandler) // not if it is too long
	}
	if p.matchers {
		m.AddMatcher(multiselect.MatchPrefix("/pre/"), secondHandler)
		m.AddMatcher(multiselect.MatchMajor("/foo/2.0.0"), secondHandler)
	}
	var protocol string
	var handler multiselect.Handler
	var err error
	if w == onCommunicator {
		protocol, handler, err = m.NegotiateOn(ctx, multiselect.NewCommunicator(stream))
	} else {
		protocol, handler, err = m.Negotiate(ctx, stream)
	}
	if handler != nil {
		handler(ctx, protocol, stream)
	}
	return protocol, err
}

func newFailure(err error) (f failure) {
	if err == nil {
		return f
	}
	f.text = err.Error()
	for i, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			f.causes |= 1 << i
		}
	}
	var e *multiselect.Error
	if e, f.isError = err.(*multiselect.Error); f.isError {
		f.role, f.phase, f.received, f.cause = e.Role, e.Phase, string(e.Received), e.Err.Error()
		f.protocols = fmt.Sprintf("%q", e.Protocols)
		f.bytesSent, f.bytesReceived = e.BytesSent, e.BytesReceived
		f.timeout, f.blame = e.Timeout(), e.Blame()
	}
	return f
}

// differences compares two outcomes, and returns a line for each difference.
func differences(a, b outcome) (found []string) {
	if a.protocol == b.protocol && a.handledBy == b.handledBy && a.failure == b.failure && a.written == b.written &&
		a.rest == b.rest && a.endings == b.endings && slices.Equal(a.events, b.events) {
		return nil
	}
	for _, field := range []struct {
		name string
		a, b any
	}{
		{"protocol", a.protocol, b.protocol},
		{"handler", a.handledBy, b.handledBy},
		{"error", a.failure.text, b.failure.text},
		{"error", a.failure, b.failure},
		{"calls", a.events, b.events},
		{"written", a.written, b.written},
		{"unread", a.rest, b.rest},
		{"endings", a.endings, b.endings},
	} {
		if a, b := fmt.Sprintf("%+v", field.a), fmt.Sprintf("%+v", field.b); a != b {
			found = append(found, fmt.Sprintf("%-9s %.1000q\n      not %.1000q", field.name, a, b))
		}
	}
	return found
}
