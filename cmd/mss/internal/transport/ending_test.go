package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/libp2p/go-yamux/v5"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// A negotiation that fails resets the stream, and the code says why: in both
// roles, on both kinds of streams.
func TestResetCode(t *testing.T) {
	for _, where := range []string{"yamux://127.0.0.1:0", "quic://127.0.0.1:0"} {
		here, there := streamPair(t, where, "GET / HTTP/1.1\r\n")
		_, _, err := new(multiselect.Muxer).Negotiate(t.Context(), there)
		if !errors.Is(err, multiselect.ErrNotMultistream) {
			t.Errorf("%s: %v", where, err)
		}
		_, err = io.ReadAll(here)
		if how, code := howEnded(err); how != endReset || code != multiselect.ResetCode {
			t.Errorf("%s: the initiator sees %s, code %#x: %v", where, how, code, err)
		}

		here, there = streamPair(t, where, "x")
		io.WriteString(there, "HTTP/1.1 400 Bad Request\r\n")
		_, err = new(multiselect.Client).SelectOneOf(t.Context(), here, "/x")
		if !errors.Is(err, multiselect.ErrNotMultistream) {
			t.Errorf("%s: %v", where, err)
		}
		_, err = io.Copy(io.Discard, there)
		if how, code := howEnded(err); how != endReset || code != multiselect.ResetCode {
			t.Errorf("%s: the responder sees %s, code %#x: %v", where, how, code, err)
		}
	}
}

// The ways in which a peer ends a stream have a name each in the outcome.
func TestEndings(t *testing.T) {
	header := wire.HeaderFrame
	for _, c := range []struct {
		name, where string
		leave       func(there Stream)
		how         string
		code        uint64
		says        string
	}{
		{"FIN", "quic://127.0.0.1:0", func(s Stream) { s.CloseWrite() }, endFIN, 0, ""},
		{"FIN after the header", "yamux://127.0.0.1:0", func(s Stream) { io.WriteString(s, header); s.CloseWrite() }, endFIN, 0, ""},
		{"RESET_STREAM", "quic://127.0.0.1:0", func(s Stream) { s.(quicStream).CancelWrite(0x1002) }, endReset, 0x1002, "reset the stream, code 0x1002: resource limit exceeded"},
		{"a reset of yamux", "yamux://127.0.0.1:0", func(s Stream) { s.(resetter).ResetWithError(0x1003) }, endReset, 0x1003, "reset the stream, code 0x1003: rate limited"},
		{"the connection", "quic://127.0.0.1:0", func(s Stream) { s.(quicStream).conn.CloseWithError(0x1006, "") }, endClosed, 0x1006, "closed the connection, code 0x1006: shutting down"},
		{"the connection", "yamux://127.0.0.1:0", func(s Stream) { s.(yamuxStream).Session().CloseWithError(0x1001) }, endClosed, 0x1001, "closed the connection, code 0x1001: resource limit exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			here, there := streamPair(t, c.where, "x")
			proposed := make(chan error, 1)
			go func() {
				_, err := new(multiselect.Client).SelectOneOf(t.Context(), here, "/x")
				proposed <- err
			}()
			// After the proposal no data is in transit that the end could overtake: a
			// connection that receives data after its Close resets and discards its last bytes.
			for said := ""; !strings.HasSuffix(said, "/x\n"); {
				p := make([]byte, 64)
				n, err := there.Read(p)
				if said += string(p[:n]); err != nil {
					t.Fatal(err)
				}
			}
			c.leave(there)
			err := <-proposed
			how, code := howEnded(err)
			if how != c.how || code != c.code || exit.Code(err) != exit.Closed || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, code %#x, exit code %d, %q from %v", how, code, exit.Code(err), err, err)
			}
		})
	}
}

// STOP_SENDING is what a write hears, and no end of what the peer says.
func TestStopSending(t *testing.T) {
	here, there := streamPair(t, "quic://127.0.0.1:0", "x")
	there.(quicStream).CancelRead(0x1002)
	var err error
	for err == nil {
		_, err = here.Write(make([]byte, 1024))
	}
	if how, code := howEnded(err); how != endStop || code != 0x1002 || !strings.Contains(err.Error(), "stopped reading (STOP_SENDING), code 0x1002") {
		t.Errorf("a write says %s, code %#x: %q", how, code, err.Error())
	}
	io.WriteString(there, "still here")
	there.CloseWrite()
	if said, err := io.ReadAll(here); string(said) != "still here" || err != nil {
		t.Errorf("the other half: %q, %v", said, err)
	}
}

// A responder whose client has stopped reading delivers the data of the client, and the outcome
// has the error of the answer that could not be written (R17).
func TestUnheardStopSending(t *testing.T) {
	here, there := streamPair(t, "quic://127.0.0.1:0", wire.HeaderFrame+"\x03/x\n")
	here.(quicStream).CancelRead(0x1005)
	here.CloseWrite()
	<-there.(quicStream).Context().Done() // now it knows
	var muxer multiselect.Muxer
	muxer.AddHandler("/x", func(context.Context, string, io.ReadWriteCloser) {})
	var outcome multiselect.Outcome
	ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(o multiselect.Outcome) { outcome = o }})
	protocol, _, err := muxer.Negotiate(ctx, there)
	if protocol != "/x" || err != nil {
		t.Fatalf("%q, %v", protocol, err)
	}
	if how, code := howEnded(outcome.WriteErr); how != endStop || code != 0x1005 {
		t.Errorf("unheard: %s, code %#x: %v", how, code, outcome.WriteErr)
	}
}

// heldConn is a connection whose Close waits.
type heldConn struct {
	net.Conn
	closing <-chan struct{}
}

func (c heldConn) Close() error {
	<-c.closing
	return c.Conn.Close()
}

// A peer that has ended its half closes the connection before this end has answered: the
// session knows, and the stream does not yet.
func TestConnectionEndsBeforeStream(t *testing.T) {
	ours, theirs := net.Pipe()
	closing := make(chan struct{})
	server, err := yamux.Server(heldConn{ours, closing}, yamuxConfig(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	defer close(closing)
	link, err := newYamuxLink(theirs, "")
	if err != nil {
		t.Fatal(err)
	}
	here, err := link.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	here.Write([]byte("question"))
	here.CloseWrite()
	accepted, err := server.AcceptStream()
	if err != nil {
		t.Fatal(err)
	}
	there := yamuxStream{accepted, ""}
	if question, err := io.ReadAll(there); string(question) != "question" || err != nil {
		t.Fatalf("read %q, %v", question, err)
	}
	link.Close()
	<-server.CloseChan()
	if _, err := there.Write([]byte("answer")); !IsGoodbye(err) {
		t.Errorf("Write: %v, want that the peer closed the connection", err)
	}
	if err := there.CloseWrite(); !IsGoodbye(err) {
		t.Errorf("CloseWrite: %v, want that the peer closed the connection", err)
	}
}
