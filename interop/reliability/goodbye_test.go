package reliability

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
	"github.com/quic-go/quic-go"
)

// TestQUICGoodbye has a peer close its QUIC connection, on streams of quic-go without a wrapper: the
// error has its code and reason, neither side is at fault, and after a refusal it is ErrGaveUp, as
// on a TCP connection that the peer closes.
func TestQUICGoodbye(t *testing.T) {
	const code, reason = 0x1002, "too many connections"
	refused := streamtest.Messages(wire.Header, "/unknown")
	for _, tt := range []struct {
		name string
		// call negotiates. The peer has read heard and has sent says when it closes.
		call        func(stream io.ReadWriteCloser) error
		says, heard string
		role        multiselect.Role
		gaveUp      bool
	}{
		{"initiator", func(stream io.ReadWriteCloser) error {
			_, err := new(multiselect.Client).SelectOneOf(ctx, stream, "/a")
			return err
		}, "", proposal, multiselect.Initiator, false},
		{"initiator, after the header", func(stream io.ReadWriteCloser) error {
			_, err := new(multiselect.Client).SelectOneOf(ctx, stream, "/a")
			return err
		}, wire.HeaderFrame, proposal, multiselect.Initiator, false},
		{"lazy Read", func(stream io.ReadWriteCloser) error {
			_, err := ours.open(t, stream).Read(make([]byte, 1))
			return err
		}, "", proposal, multiselect.Initiator, false},
		{"responder", func(stream io.ReadWriteCloser) error {
			return new(multiselect.Muxer).ServeStream(context.Background(), stream)
		}, wire.HeaderFrame, wire.HeaderFrame, multiselect.Responder, false},
		{"responder, after a refusal", func(stream io.ReadWriteCloser) error {
			return new(multiselect.Muxer).ServeStream(context.Background(), stream)
		}, refused, refusal, multiselect.Responder, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, server, _ := quicConns(t)
			result := make(chan error, 1)
			var near *quic.Stream // of the peer
			closer := server
			if tt.role == multiselect.Initiator {
				go func() { result <- tt.call(openStream(t, client)) }()
				near = acceptStream(t, server)
			} else {
				closer, near = client, openStream(t, client)
				go func() { result <- tt.call(acceptStream(t, server)) }() // when near has written
			}
			write(t, near, tt.says)
			read(t, near, tt.heard)
			closer.CloseWithError(code, reason)
			err := <-result
			e, ok := errors.AsType[*multiselect.Error](err)
			if !ok || e.Role != tt.role || e.Blame() != multiselect.BlameNone || errors.Is(err, multiselect.ErrGaveUp) != tt.gaveUp {
				t.Errorf("%v, blame %v; want neither side at fault, ErrGaveUp: %v", err, e.Blame(), tt.gaveUp)
			}
			closed, ok := errors.AsType[*quic.ApplicationError](err)
			if !ok || !closed.Remote || closed.ErrorCode != code || closed.ErrorMessage != reason || !strings.Contains(err.Error(), reason) {
				t.Errorf("%v does not have the code and the reason", err)
			}
		})
	}
}

func openStream(t *testing.T, conn *quic.Conn) *quic.Stream {
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		t.Error(err)
	}
	return stream
}

func acceptStream(t *testing.T, conn *quic.Conn) *quic.Stream {
	stream, err := conn.AcceptStream(ctx)
	if err != nil {
		t.Error(err)
	}
	return stream
}
