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

// identifyID is the protocol in which libp2p peers tell about themselves.
const identifyID = "/ipfs/id/1.0.0"

// identified is what a peer has told about itself.
type identified struct {
	protocols []string
	agent     string
}

// who names the software of the peer.
func (i identified) who() string {
	if i.agent == "" {
		return "an agent without a name"
	}
	return display(i.agent)
}

// The limits on what a peer may tell: as large as a list, in as many pieces as
// go-libp2p takes.
const (
	mostIdentify = 64 << 10
	mostPieces   = 10
)

// identify asks the peer what it speaks, on a stream of its own, in the way of
// libp2p. It adds what is said to the record.
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
	in := bufio.NewReader(io.LimitReader(t.conn, mostIdentify))
	for range mostPieces {
		var piece identify.Identify
		err := protodelim.UnmarshalOptions{MaxSize: mostIdentify}.UnmarshalFrom(in, &piece)
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

// dialectIdentify says that names come from identify, where wire.Dialect says
// how a peer answered "ls".
const dialectIdentify = "identify"

// askIdentify asks a libp2p peer that has refused "ls". It reports whether the
// peer told; then the attempt has its names.
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
