package multistream

import (
	"io"

	"github.com/multiselect/multiselect"
)

// SelectProtoOrFail proposes one protocol on a new stream and returns nil if the peer
// agrees to it. If the peer refuses, the error is an [ErrNotSupported].
//
// The stream remains the caller's, after an error too, and nothing after the answer has
// been read. The call fails after a minute, unless the package config sets another limit. Then
// the deadlines of the stream are in the past; a stream without deadlines has been ended.
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
	config, ctx := begin()
	s := newCoreStream(rwc)
	selected, err := (&multiselect.Client{Limits: config.Initiator}).SelectOneOf(ctx, s, names...)
	if err != nil {
		return "", initiatorError(err, protos)
	}
	s.release()
	return T(selected), nil
}
