package interop

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect/wire"
)

var theirInitiators = []initiator{
	{
		name: "SelectOneOf", refused: refusedByOurs,
		choose: func(sc *scenario, conn net.Conn) (string, *stream, error) {
			protocol, err := multistream.SelectOneOf(sc.proposes, conn)
			return protocol, &stream{conn, conn}, err
		},
	},
	{
		name: "SelectProtoOrFail", refused: refusedByOurs, single: true,
		choose: func(sc *scenario, conn net.Conn) (string, *stream, error) {
			err := multistream.SelectProtoOrFail(sc.proposes[0], conn)
			return sc.proposes[0], &stream{conn, conn}, err
		},
	},
	{
		name: "NewMSSelect", refused: refusedByOurs, single: true,
		choose: func(sc *scenario, conn net.Conn) (string, *stream, error) {
			return sc.proposes[0], &stream{multistream.NewMSSelect(conn, sc.proposes[0]), conn}, nil
		},
	},
	{
		name: "NewMSSelect, Read first", refused: refusedByOurs, single: true,
		choose: func(sc *scenario, conn net.Conn) (string, *stream, error) {
			lazy := multistream.NewMSSelect(conn, sc.proposes[0])
			_, err := lazy.Read(nil) // returns when the handshake has been heard
			return sc.proposes[0], &stream{lazy, conn}, err
		},
	},
	{name: "ls, NewMultistream", refused: refusedByOurs, steps: true, lists: true, choose: listAndSelect},
	{name: "NewMultistream, the last lazily", refused: refusedByOurs, steps: true, choose: selectLazily},
}

// oneMessage says a message and hears its echo: a step of a negotiation, made
// of the parts of go-multistream that it exports.
func oneMessage(conn net.Conn, message string) error {
	_, err := multistream.NewMultistream(conn, message).Read(nil)
	return err
}

func selectEach(protocols []string, conn net.Conn) (protocol string, err error) {
	for _, protocol = range protocols {
		if err = oneMessage(conn, protocol); !errors.Is(err, multistream.ErrNotSupported[string]{}) {
			break
		}
	}
	return protocol, err
}

// listAndSelect asks for the list first, which go-multistream no longer does
// by itself.
func listAndSelect(sc *scenario, conn net.Conn) (string, *stream, error) {
	if err := oneMessage(conn, multistream.ProtocolID); err != nil {
		return "", nil, err
	}
	if _, err := conn.Write(wire.AppendMessage(nil, wire.LS)); err != nil {
		return "", nil, err
	}
	names, err := readList(conn)
	if want := listed(sc.speaks); err != nil || !slices.Equal(names, want) {
		return "", nil, fmt.Errorf("ls: %q, %v, want %q", names, err, want)
	}
	protocol, err := selectEach(sc.proposes, conn)
	return protocol, &stream{conn, conn}, err
}

// selectLazily sends the last proposal together with early data. Different from
// NewMSSelect's, it comes when the responder has heard the header, and often
// refused something.
func selectLazily(sc *scenario, conn net.Conn) (string, *stream, error) {
	if err := oneMessage(conn, multistream.ProtocolID); err != nil {
		return "", nil, err
	}
	last := len(sc.proposes) - 1
	protocol, err := selectEach(sc.proposes[:last], conn)
	if last > 0 && !errors.Is(err, multistream.ErrNotSupported[string]{}) {
		return protocol, &stream{conn, conn}, err
	}
	protocol = sc.proposes[last]
	return protocol, &stream{multistream.NewMultistream(conn, protocol), conn}, nil
}

// readList reads a list as messages within a message, with their reader.
func readList(r io.Reader) (names []string, err error) {
	list, err := multistream.ReadNextTokenBytes(r)
	for rest := bytes.NewReader(list); err == nil && rest.Len() > 0; {
		var name string
		name, err = multistream.ReadNextToken[string](rest)
		names = append(names, name)
	}
	return names, err
}

// refusedByOurs reads the error of their initiator.
func refusedByOurs(err error) ([]string, bool) {
	e, ok := errors.AsType[multistream.ErrNotSupported[string]](err)
	return e.Protos, ok && errors.Is(err, multistream.ErrNotSupported[string]{})
}

var theirResponders = []responder{
	{
		name: "Negotiate", gaveUp: io.EOF,
		serve: func(s *service, v *visit) error {
			protocol, handler, err := s.theirs.Negotiate(v)
			if err == nil {
				err = handler(protocol, v)
			}
			return err
		},
	},
	{
		name: "Handle", gaveUp: io.EOF,
		serve: func(s *service, v *visit) error { return s.theirs.Handle(v) },
	},
}
