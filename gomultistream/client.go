package multistream

import (
	"context"
	"io"
	"time"

	"github.com/multiselect/multiselect"
)

// timeout is the time limit of a negotiation that a caller blocks on. It is longer than
// the core's default: go-multistream has none, so its callers set deadlines of their
// own, and some of those are late.
const timeout = time.Minute

// initiator has no limit on proposals: the caller chooses their number.
var initiator = multiselect.Client{Limits: multiselect.Limits{
	Timeout: timeout, MaxProposals: multiselect.NoLimit, MaxBytes: multiselect.NoLimit,
}}

// SelectProtoOrFail proposes one protocol on a new stream and returns nil if the peer
// agrees to it. If the peer refuses, the error is an [ErrNotSupported].
//
// The stream remains the caller's, after an error too, and nothing after the answer has
// been read. The call fails after a minute. Then the deadlines of the stream are in the
// past; a stream without deadlines has been ended.
func SelectProtoOrFail[T StringLike](proto T, rwc io.ReadWriteCloser) (err error) {
	_, err = SelectOneOf([]T{proto}, rwc)
	return err
}

// SelectOneOf proposes the protocols in order on a new stream, and returns the first one
// that the peer agrees to. If the peer refuses all of them, the error is an
// [ErrNotSupported] that lists them. The stream is treated as by [SelectProtoOrFail].
func SelectOneOf[T StringLike](protos []T, rwc io.ReadWriteCloser) (proto T, err error) {
	if len(protos) == 0 {
		return "", ErrNoProtocols
	}
	var inline [8]string
	names := inline[:0]
	for _, p := range protos {
		names = append(names, string(p))
	}
	defer func() {
		if r := recover(); r != nil {
			proto, err = "", panicError(r)
		}
	}()
	s := newCoreStream(rwc)
	selected, err := initiator.SelectOneOf(context.Background(), s, names...)
	if err != nil {
		return "", initiatorError(err, protos)
	}
	s.release()
	return T(selected), nil
}
