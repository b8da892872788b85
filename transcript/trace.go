package transcript

import (
	"io"
	"sync"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// NewTrace returns hooks that write the negotiation of one stream to w as it proceeds, in the
// notation of [Transcript]. Errors of w are ignored. The hooks may be called concurrently.
func NewTrace(w io.Writer) *multiselect.Trace {
	var mu sync.Mutex
	var last multiselect.Role
	write := func(from multiselect.Role, message []byte, newWrite bool) {
		mu.Lock()
		defer mu.Unlock()
		lines := Transcribe(from, message, wire.MaxList)
		if len(lines) > 0 {
			lines[0].Break = newWrite && from == last
		}
		last = from
		io.WriteString(w, lines.String())
	}
	return &multiselect.Trace{
		Sent: func(role multiselect.Role, flight []byte) { write(role, flight, true) },
		// The boundaries of the peer's writes are unknown to this side.
		Received: func(role multiselect.Role, message []byte) { write(role.Peer(), message, false) },
	}
}
