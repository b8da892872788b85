package terminal

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Event is a line of standard error that would be plain text without --json.
type Event struct {
	Event       string `json:"event"` // error; certificate; metrics; stderr, a line that a command wrote; closed; hidden
	Peer        string `json:"peer,omitempty"`
	Protocol    string `json:"protocol,omitempty"`
	Line        string `json:"line,omitempty"`
	Error       string `json:"error,omitempty"`
	ExitCode    int    `json:"exit_code,omitempty"`   // if mss ends with it
	URL         string `json:"url,omitempty"`         // of the metrics
	Fingerprint string `json:"fingerprint,omitempty"` // of the certificate, as --pin takes it
	Hidden      int    `json:"hidden,omitempty"`      // clients that the log does not show
	Time        string `json:"time,omitempty"`        // of the event, in the log of serve
	*Traffic           // of a stream that was closed
}

// Traffic is the time and the numbers of bytes of a stream after the agreement.
type Traffic struct {
	Milliseconds float64 `json:"duration_ms"`
	Received     uint64  `json:"bytes_received"`
	Sent         uint64  `json:"bytes_sent"`
}

// PrintLine writes a document on one line of standard error, in one write.
func (s *Stdio) PrintLine(document any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		return exit.AsLocal("writing JSON", err)
	}
	_, err := s.Err.Write(b.Bytes())
	return exit.AsLocal("standard error", err)
}

// LineWriter calls Line for each line that is written to it, without the newline. A line
// of more than 64 KiB is passed in pieces. It may be used by several goroutines; Line is
// not called concurrently.
type LineWriter struct {
	Line func(text string)

	mu   sync.Mutex // a child that outlives its command may still write
	rest []byte
}

// maxLine is the most that a LineWriter keeps of a line.
const maxLine = 64 << 10

func (w *LineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		n := bytes.IndexByte(w.rest, '\n')
		switch {
		case n >= 0:
			w.Line(string(w.rest[:n]))
			w.rest = w.rest[n+1:]
		case len(w.rest) > maxLine:
			w.Line(string(w.rest))
			w.rest = nil
		default:
			return len(p), nil
		}
	}
}

// Flush passes on a last line without a newline.
func (w *LineWriter) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.Line(string(w.rest))
		w.rest = nil
	}
}
