package attempt

import (
	"bufio"
	"cmp"
	"context"
	"io"

	identify "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// IdentifyID is the protocol in which libp2p peers describe themselves.
const IdentifyID = "/ipfs/id/1.0.0"

// identified is a peer's answer to identify.
type identified struct {
	protocols []string
	agent     string
}

// Agent names the software of a peer that has answered identify. It reports false if
// none was asked, or there was no answer.
func (a *Attempt) Agent() (name string, ok bool) {
	switch {
	case a.identified == nil:
		return "", false
	case a.identified.agent == "":
		return "an agent without a name", true
	}
	return terminal.QuoteName(a.identified.agent), true
}

// The limits on an answer to identify: the size of a list, and the number of
// pieces that go-libp2p accepts.
const (
	maxIdentify = 64 << 10
	maxPieces   = 10
)

// identify asks the peer for its protocols with libp2p's identify, on a stream of
// its own. It adds the messages to the record.
func (p *Peer) identify(ctx context.Context, r *Record, live io.Writer) (found identified, err error) {
	t, err := p.call(ctx, r, live)
	if err != nil {
		return found, err
	}
	defer t.conn.Close()
	t.note("another stream, to ask identify")
	if err := t.try(ctx, IdentifyID); err != nil {
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
			return found, &exit.Error{Code: exit.Violation, Err: err}
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
func (a *Attempt) askIdentify(ctx context.Context, live io.Writer) bool {
	if !a.Peer.Address.Form.IsLibp2p() || !isRefusal(a.listErr) {
		return false
	}
	found, err := a.Peer.identify(ctx, &a.record, live)
	if err != nil {
		return false
	}
	a.List, a.listErr = wire.List{Names: found.protocols}, nil
	a.identified = &found
	return true
}
