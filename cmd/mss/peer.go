package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// peerFlags are the flags of every verb that talks to a peer.
type peerFlags struct {
	trust
	to      string
	timeout time.Duration
	verbose bool
	json    bool
	given   func(flag string) bool // whether the command line has the flag
}

func (f *peerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.to, "to", "", "the peer's `ADDR`, see mss help addresses (default: a responder inside mss)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "time limit for connecting and negotiating together; 0 for none")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show the messages on standard error; with --json the document contains them")
	cmd.ValidArgsFunction = f.complete
	f.trust.add(cmd)
	f.given = cmd.Flags().Changed
}

// peer is the other end of a verb.
type peer struct {
	address address
	given   string // the value of --to, empty for the embedded responder
	stop    func() // ends the connection to it, or the embedded responder
	trust   *trust
	link    link // if it is connected
	ladder  ladder
}

// open returns the peer of the flags. It does not connect.
func (f *peerFlags) open() (*peer, error) {
	if f.timeout < 0 {
		return nil, usagef("--timeout %v: it cannot be negative", f.timeout)
	}
	if !f.given("to") {
		if err := f.trust.check(defaultListen); err != nil {
			return nil, err
		}
		return startEmbedded()
	}
	a, err := parseAddress(f.to)
	if err == nil {
		err = f.trust.check(a)
	}
	p := &peer{address: a, given: f.to, trust: &f.trust}
	p.stop = p.leave
	return p, err
}

// within returns a context for connecting and negotiating.
func (f *peerFlags) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, f.timeout)
}

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
		l, err := p.address.connect(ctx, p.trust, &p.ladder)
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

// live returns the writer for this verb's live transcript.
func (f *peerFlags) live(s *stdio) io.Writer {
	if f.verbose && !f.json { // the document holds it
		return s.transcriptWriter()
	}
	return io.Discard
}
