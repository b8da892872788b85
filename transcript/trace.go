package transcript

import (
	"io"
	"sync"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// NewTrace returns hooks that write the conversation of one negotiation to w, in the
// notation of this package: own messages before they are sent, the peer's when they have
// been received. Errors of w are ignored.
//
// The hooks may be called concurrently: they lock, and each calls Write of w once. A
// Trace is for one stream; concurrent negotiations would mix their lines.
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
		// This side cannot see the boundaries of the peer's writes.
		Received: func(role multiselect.Role, message []byte) { write(role.Peer(), message, false) },
	}
}
