package main

import (
	"bufio"
	"cmp"
	"context"
	"io"

	identify "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/multiselect/multiselect/wire"
)

// identifyID is the protocol in which libp2p peers describe themselves.
const identifyID = "/ipfs/id/1.0.0"

// identified is a peer's answer to identify.
type identified struct {
	protocols []string
	agent     string
}

// agentName names the software of the peer.
func (i identified) agentName() string {
	if i.agent == "" {
		return "an agent without a name"
	}
	return display(i.agent)
}

// The limits on an answer to identify: the size of a list, and the number of
// pieces that go-libp2p accepts.
const (
	maxIdentify = 64 << 10
	maxPieces   = 10
)

// identify asks the peer for its protocols with libp2p's identify, on a stream of
// its own. It adds the messages to the record.
func (p *peer) identify(ctx context.Context, r *record, live io.Writer) (found identified, err error) {
	t, err := p.call(ctx, r, live)
	if err != nil {
		return found, err
	}
	defer t.conn.Close()
	t.note("another stream, to ask identify")
	if err := t.try(ctx, identifyID); err != nil {
		return found, err
	}
	if end, ok := ctx.Deadline(); ok {
		t.conn.SetReadDeadline(end)
	}
	defer context.AfterFunc(ctx, func() { t.conn.Close() })()
	in := bufio.NewReader(io.LimitReader(t.conn, maxIdentify))
	for range maxPieces {
		var piece identify.Identify
		err := protodelim.UnmarshalOptions{MaxSize: maxIdentify}.UnmarshalFrom(in, &piece)
		if err == io.EOF {
			break
		}
		if err != nil {
			return found, &failure{code: exitViolation, err: err}
		}
		found.protocols = append(found.protocols, piece.GetProtocols()...)
		found.agent = cmp.Or(found.agent, piece.GetAgentVersion())
	}
	return found, nil
}

// dialectIdentify marks names that come from identify. It extends the names of
// [wire.Dialect], which describe answers to "ls".
const dialectIdentify = "identify"

// askIdentify asks a libp2p peer that has refused "ls". It reports whether the
// peer answered; then it has recorded the names in the attempt.
func (a *attempt) askIdentify(ctx context.Context, live io.Writer) bool {
	if !a.peer.address.form.libp2p() || !isRefusal(a.listErr) {
		return false
	}
	found, err := a.peer.identify(ctx, &a.record, live)
	if err != nil {
		return false
	}
	a.list, a.listErr = wire.List{Names: found.protocols}, nil
	a.identified = &found
	return true
}
