package multistream

import (
	"context"
	"io"
	"time"

	"github.com/multiselect/multiselect"
)

// budget is the time for a negotiation that somebody waits for. It is longer than
// that of the core: callers who know that there is none set deadlines of their
// own, and may have reasons to set late ones.
const budget = time.Minute

// initiator proposes what it is told to, however much that is.
var initiator = multiselect.Client{Limits: multiselect.Limits{Timeout: budget, MaxProposals: -1, MaxBytes: -1}}

// SelectProtoOrFail proposes one protocol on a new stream and returns nil if the
// peer agrees to it. If the peer refuses, the error is an [ErrNotSupported].
//
// In any case the stream is the caller's, and not a byte behind the answer has
// been read. It fails after a minute; then the deadlines of the stream are in the
// past if it has deadlines, and otherwise it was ended.
func SelectProtoOrFail[T StringLike](proto T, rwc io.ReadWriteCloser) (err error) {
	_, err = SelectOneOf([]T{proto}, rwc)
	return err
}

// SelectOneOf proposes the protocols, one after the other, on a new stream, and
// returns the first that the peer agrees to. If it refuses all, the error is an
// [ErrNotSupported] with all of them. See [SelectProtoOrFail].
func SelectOneOf[T StringLike](protos []T, rwc io.ReadWriteCloser) (proto T, err error) {
	if len(protos) == 0 {
		return "", ErrNoProtocols
	}
	var few [8]string
	names := few[:0]
	for _, p := range protos {
		names = append(names, string(p))
	}
	defer func() {
		if r := recover(); r != nil {
			proto, err = "", panicError(r)
		}
	}()
	h := hold(rwc)
	selected, err := initiator.SelectOneOf(context.Background(), h, names...)
	if err != nil {
		return "", refusal(err, protos)
	}
	h.release()
	return T(selected), nil
}
