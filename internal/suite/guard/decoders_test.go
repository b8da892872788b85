package guard_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// framing describes how a responder decodes messages. Each element of framings stands
// for the decoders in its name, as of 2025 and 2026. Their answers and timeouts differ,
// but these cannot change which bytes a decoder takes for a proposal.
type framing struct {
	name            string
	maxLengthBytes  int    // size limit of a length
	minimal         bool   // a padded length is an error
	wraps           bool   // bits of a length beyond the 32nd are dropped
	maxMessage      uint64 // size limit of a message; 0 is no limit
	skipsZero       bool   // a length of zero is skipped; otherwise it is an error
	newlineOptional bool   // a message may lack its newline
	splits          bool   // each line of a text is one proposal
	trims           string // characters trimmed from the end of a text
}

var framings = []framing{
	{name: "ours, go, nim, zig", maxLengthBytes: 2, minimal: true, maxMessage: 1024},
	{name: "16383 bytes (rust, litep2p)", maxLengthBytes: 2, minimal: true, maxMessage: 16383},
	{name: "no limit (c)", maxLengthBytes: 9, minimal: true},
	{name: "5 bytes, not minimal (jvm)", maxLengthBytes: 5, maxMessage: 1024},
	{name: "10 bytes, not minimal (py, erlang)", maxLengthBytes: 10},
	{name: "wraps at 32 bits", maxLengthBytes: 10, wraps: true},
	{name: "skips zero, splits lines (cpp)", maxLengthBytes: 2, maxMessage: 16383, skipsZero: true, splits: true},
	{name: "trims (js)", maxLengthBytes: 2, maxMessage: 1024, trims: " \t\r\n\v\f"},
	{name: "needs no newline (dotnet)", maxLengthBytes: 5, skipsZero: true, newlineOptional: true, trims: "\n"},
}

var errNotMessage = errors.New("not a message")

// readLength reads the length of a message.
func (f *framing) readLength(r *chunkedReader) (n uint64, err error) {
	for i := range f.maxLengthBytes {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b >= 0x80 {
			continue
		}
		if f.wraps {
			n &= 1<<32 - 1
		}
		if f.minimal && i > 0 && b == 0 || f.maxMessage > 0 && n > f.maxMessage {
			return 0, errNotMessage
		}
		return n, nil
	}
	return 0, errNotMessage
}

// appendTexts reads one message and appends its text to to; if the responder splits
// texts, it appends each line.
func (f *framing) appendTexts(to []string, r *chunkedReader) ([]string, error) {
	n, err := f.readLength(r)
	if err != nil {
		return to, err
	}
	if n == 0 {
		if f.skipsZero {
			return to, nil
		}
		return to, errNotMessage
	}
	body, err := r.take(n)
	if err != nil {
		return to, err
	}
	text, whole := strings.CutSuffix(string(body), "\n")
	switch {
	case !whole && !f.newlineOptional:
		return to, errNotMessage
	case f.splits:
		return append(to, strings.Split(text, "\n")...), nil
	}
	return append(to, strings.TrimRight(text, f.trims)), nil
}

// respond is a responder that knows names. It reads the header and then proposals until
// it knows one of them, and returns this name; it returns "" if a message is malformed
// or the data ends first. It sends no answers: the initiator of a scenario has sent all
// its data in advance.
func (f *framing) respond(r *chunkedReader, names []string) (reached string) {
	texts, err := f.appendTexts(make([]string, 0, 4), r)
	if err != nil || len(texts) != 1 || texts[0] != wire.Header {
		return ""
	}
	for {
		texts, err = f.appendTexts(texts[:0], r)
		if err != nil {
			return ""
		}
		for _, text := range texts {
			if slices.Contains(names, text) {
				return text
			}
		}
	}
}

// respondOurs is [multiselect.Muxer] in the place of a framing.
func respondOurs(r io.Reader, names []string) (reached string) {
	m := multiselect.Muxer{Limits: multiselect.Limits{Timeout: -1, MaxProposals: -1, MaxBytes: -1}}
	for _, name := range names {
		if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			panic(err) // an error in the test itself
		}
	}
	reached, _, _ = m.Negotiate(context.Background(), struct {
		io.Reader
		io.WriteCloser
	}{r, discardWriter{}})
	return reached
}

// discardWriter accepts and drops all writes.
type discardWriter struct{}

func (discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (discardWriter) Close() error                { return nil }

// chunkedReader is the read half of a responder's stream.
type chunkedReader struct {
	data   []byte
	chunks []byte // sizes of the reads, as in scenario
	next   int    // index into chunks, before the modulo
	end    error  // returned after data: io.EOF or a reset
	body   []byte // buffer of take
	one    [1]byte
}

var errReset = errors.New("reset by the peer")

func (a *chunkedReader) Read(p []byte) (int, error) {
	if len(a.data) == 0 {
		return 0, a.end
	}
	n := min(len(p), len(a.data))
	if len(a.chunks) > 0 {
		n = min(n, 1+int(a.chunks[a.next%len(a.chunks)]))
		a.next++
	}
	copy(p, a.data[:n])
	a.data = a.data[n:]
	return n, nil
}

func (a *chunkedReader) ReadByte() (byte, error) {
	_, err := io.ReadFull(a, a.one[:])
	return a.one[0], err
}

// take reads a body of n bytes, which is valid until the next call. The buffer grows with
// the data received, since most lengths exceed it.
func (a *chunkedReader) take(n uint64) ([]byte, error) {
	for a.body = a.body[:0]; uint64(len(a.body)) < n; {
		a.body = slices.Grow(a.body, 1)
		room := a.body[len(a.body):cap(a.body)]
		k, err := a.Read(room[:min(uint64(len(room)), n-uint64(len(a.body)))])
		if err != nil {
			return nil, err
		}
		a.body = a.body[:len(a.body)+k]
	}
	return a.body, nil
}
