package attempt

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// talk is one connection to a peer, and its record.
type talk struct {
	conn   transport.Stream
	comm   *multiselect.Communicator
	client multiselect.Client
	record *Record
	live   io.Writer
}

func newTalk(conn transport.Stream, r *Record, live io.Writer) *talk {
	// The context has the time limit, which includes connecting.
	client := multiselect.Client{Limits: multiselect.Limits{Timeout: multiselect.NoLimit}}
	return &talk{conn, multiselect.NewCommunicator(conn), client, r, live}
}

// try makes one proposal; see [multiselect.Client.TrySelect].
func (t *talk) try(ctx context.Context, protocol string) error {
	return t.client.TrySelect(t.record.Watch(ctx, t.live), t.comm, protocol)
}

// list asks for the peer's protocols; see [multiselect.Client.List].
func (t *talk) list(ctx context.Context) (wire.List, error) {
	return t.client.List(t.record.Watch(ctx, t.live), t.comm)
}

// note adds a comment to the transcript. It must not be called concurrently with
// a negotiation on t.
func (t *talk) note(text string) {
	fmt.Fprintf(io.MultiWriter(&t.record.text, t.live), "# %s\n", text)
}

// Record holds the messages of one connection. Only the goroutine that negotiates
// writes it.
type Record struct {
	text           bytes.Buffer
	watching       *multiselect.Trace
	sent, received int // bytes of negotiations
}

// Transcript returns the messages in the notation of package transcript.
func (r *Record) Transcript() []byte { return r.text.Bytes() }

// lines returns the transcript, line by line.
func (r *Record) lines() []string { return lines(r.text.String()) }

// Watch returns a context whose negotiation is recorded, and written to live.
func (r *Record) Watch(ctx context.Context, live io.Writer) context.Context {
	if r.watching == nil {
		r.watching = transcript.NewTrace(io.MultiWriter(&r.text, live))
		r.watching.Done = func(o multiselect.Outcome) { r.sent, r.received = o.BytesSent, o.BytesReceived }
	}
	return multiselect.WithTrace(ctx, r.watching)
}
