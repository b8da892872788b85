package attempt

import (
	"context"
	"io"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Peer is the other end of a verb: its address, and its connection if it carries many
// streams. Its methods must not be called concurrently.
type Peer struct {
	Address address.Address
	given   string // the value of --to, empty for the embedded responder
	end     func() // ends the embedded responder, or nil
	trust   *transport.Trust
	link    transport.Link // if it is connected
	ladder  ladder
}

// NewPeer returns the peer at an address, which was written as given. It does not
// connect. The peer must be stopped.
func NewPeer(a address.Address, given string, t *transport.Trust) *Peer {
	return &Peer{Address: a, given: given, trust: t}
}

// NewEmbeddedPeer returns the peer that is a responder inside mss. end stops it.
func NewEmbeddedPeer(a address.Address, t *transport.Trust, end func()) *Peer {
	return &Peer{Address: a, trust: t, end: end}
}

// Stop closes the connection to the peer, and stops an embedded responder.
func (p *Peer) Stop() {
	p.leave()
	if p.end != nil {
		p.end()
	}
}

// IsEmbedded reports whether the peer is the responder inside mss.
func (p *Peer) IsEmbedded() bool { return p.given == "" }

// Name returns the peer's name in documents.
func (p *Peer) Name() string {
	if p.IsEmbedded() {
		return "embedded"
	}
	return p.given
}

// String returns the peer's name in messages.
func (p *Peer) String() string {
	if p.IsEmbedded() {
		return "the embedded responder"
	}
	return p.Address.String()
}

// call opens a stream to talk on. The messages are recorded, and written to live
// as they are sent and received.
func (p *Peer) call(ctx context.Context, r *Record, live io.Writer) (*talk, error) {
	conn, err := p.Stream(ctx, live)
	if err != nil {
		return nil, err
	}
	if len(p.ladder.rungs) > 0 {
		p.ladder.Comment("stream")
	}
	return newTalk(conn, r, p.ladder.level()), nil
}

// Stream opens a stream, which the caller closes. It connects first if there is no
// connection for streams. Messages of negotiations below the stream are written to live.
// A connection that the peer has closed since is replaced once.
func (p *Peer) Stream(ctx context.Context, live io.Writer) (transport.Stream, error) {
	reused := p.link != nil && p.Address.Form.IsMultiplexed()
	if p.link == nil {
		p.ladder = ladder{peer: p, live: live}
		l, err := transport.Connect(ctx, p.Address, p.trust, &p.ladder)
		if err != nil {
			return nil, err
		}
		p.link = l
	}
	p.ladder.live = live
	conn, err := p.link.Open(ctx)
	if err != nil && reused && ctx.Err() == nil {
		p.leave() // the peer has closed the connection after a stream
		return p.Stream(ctx, live)
	}
	return conn, err
}

// Connect makes a connection of its own, which the caller closes. Its negotiations
// are not recorded.
func (p *Peer) Connect(ctx context.Context) (transport.Link, error) {
	return transport.Connect(ctx, p.Address, p.trust, &ladder{peer: p, live: io.Discard})
}

// leave closes the connection.
func (p *Peer) leave() {
	if p.link != nil {
		p.link.Close()
		p.link = nil
	}
}
