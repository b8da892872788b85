package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// peer is the other end of a verb.
type peer struct {
	address address
	given   string // the value of --to, empty for the embedded responder
	stop    func() // ends the connection to it, or the embedded responder
	trust   *trust
	link    link // if it is connected
	ladder  ladder
}

// newPeer returns the peer at an address, which was written as given. It does not
// connect.
func newPeer(a address, given string, t *trust) *peer {
	p := &peer{address: a, given: given, trust: t}
	p.stop = p.leave
	return p
}

// newEmbeddedPeer returns the peer that is a responder inside mss. stop ends it.
func newEmbeddedPeer(a address, t *trust, stop func()) *peer {
	p := &peer{address: a, trust: t}
	p.stop = func() {
		p.leave()
		stop()
	}
	return p
}

// within returns a context that ends after a time; 0 is no limit.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// embedded reports whether the peer is the responder inside mss.
func (p *peer) embedded() bool { return p.given == "" }

// String returns the peer's name in messages.
func (p *peer) String() string {
	if p.given == "" {
		return "the embedded responder"
	}
	return p.address.String()
}

// talk is one connection to a peer, and its record.
type talk struct {
	conn   halfCloser
	comm   *multiselect.Communicator
	client multiselect.Client
	record *record
	live   io.Writer
}

// call opens a stream to talk on. The messages are recorded, and written to live
// as they are sent and received.
func (p *peer) call(ctx context.Context, r *record, live io.Writer) (*talk, error) {
	conn, err := p.stream(ctx, live)
	if err != nil {
		return nil, err
	}
	if len(p.ladder.rungs) > 0 {
		p.ladder.comment("stream")
	}
	return newTalk(conn, r, p.ladder.level()), nil
}

// stream opens a stream. It connects first if there is no connection for streams.
func (p *peer) stream(ctx context.Context, live io.Writer) (halfCloser, error) {
	reused := p.link != nil && p.address.form.multiplexed()
	if p.link == nil {
		p.ladder = ladder{peer: p, live: live}
		l, err := connect(ctx, p.address, p.trust, &p.ladder)
		if err != nil {
			return nil, err
		}
		p.link = l
	}
	p.ladder.live = live
	conn, err := p.link.open(ctx)
	if err != nil && reused && ctx.Err() == nil {
		p.leave() // the peer has closed the connection after a stream
		return p.stream(ctx, live)
	}
	return conn, err
}

// connection makes a connection of its own, which the caller closes. Its negotiations
// are not recorded.
func (p *peer) connection(ctx context.Context) (link, error) {
	return connect(ctx, p.address, p.trust, &ladder{peer: p, live: io.Discard})
}

// leave closes the connection.
func (p *peer) leave() {
	if p.link != nil {
		p.link.close()
		p.link = nil
	}
}

func newTalk(conn halfCloser, r *record, live io.Writer) *talk {
	// The context has the time limit, which includes connecting.
	client := multiselect.Client{Limits: multiselect.Limits{Timeout: multiselect.NoLimit}}
	return &talk{conn, multiselect.NewCommunicator(conn), client, r, live}
}

// try makes one proposal; see [multiselect.Client.TrySelect].
func (t *talk) try(ctx context.Context, protocol string) error {
	return t.client.TrySelect(t.record.watch(ctx, t.live), t.comm, protocol)
}

// list asks for the peer's protocols; see [multiselect.Client.List].
func (t *talk) list(ctx context.Context) (wire.List, error) {
	return t.client.List(t.record.watch(ctx, t.live), t.comm)
}

// record holds the messages of one connection. Only the goroutine that negotiates
// writes it.
type record struct {
	text           bytes.Buffer
	watching       *multiselect.Trace
	sent, received int
}

// watch returns a context whose negotiation is recorded, and written to live.
func (r *record) watch(ctx context.Context, live io.Writer) context.Context {
	if r.watching == nil {
		r.watching = transcript.NewTrace(io.MultiWriter(&r.text, live))
		r.watching.Done = func(o multiselect.Outcome) { r.sent, r.received = o.BytesSent, o.BytesReceived }
	}
	return multiselect.WithTrace(ctx, r.watching)
}
